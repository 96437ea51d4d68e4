"""The compiled contracts that ship with the package."""

import pytest

from penstock.chain.artifacts import artifact
from penstock.protocol.crypto import keccak

CONDITIONS = ("HashLock", "Arbitration", "AllOf", "Optimistic")


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_answers_the_question_that_channels_asks(name: str) -> None:
    question = artifact(name).interface.function("outcome", 1)

    assert question.selector == keccak(b"outcome(bytes32)")[:4]
    assert question.outputs == ("uint16", "uint40")


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_fits_on_chain(name: str) -> None:
    assert artifact(name).bytecode
    assert 0 < len(artifact(name).runtime) <= 24_576


def test_an_assertion_is_encoded_with_and_without_a_signature() -> None:
    terms = ("0x" + "11" * 20, "0x" + "22" * 20, 86_400, "0x" + "33" * 20, bytes(32))
    optimistic = artifact("Optimistic").interface

    by_call = optimistic.encode_call("assertDone", terms)
    by_signature = optimistic.encode_call("assertDone", terms, (bytes(32), bytes(32)))

    assert by_call[:4] == keccak(b"assertDone((address,address,uint32,address,bytes32))")[:4]
    assert by_signature[4:].startswith(by_call[4:])
