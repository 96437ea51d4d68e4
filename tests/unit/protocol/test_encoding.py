"""Digests equal the shared vectors, which eth_account's own encoder wrote and forge reads too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.protocol.encoding import TYPEHASHES, TYPES, Domain
from penstock.protocol.messages import Channel, Close, CloseIntent, Receipt, Request, State, Voucher, Withdrawal
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import check_signer

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/digests.json").read_text())
DOMAIN = Domain(int(VECTORS["chainId"]), Address.parse(VECTORS["contract"], "contract"))


def word(text: str) -> Bytes32:
    return Bytes32.parse(text, "word")


def channel_of(case: dict[str, Any]) -> Channel:
    terms = case["channel"]
    return Channel(
        payer=Address.parse(terms["payer"], "payer"),
        payee=Address.parse(terms["payee"], "payee"),
        payer_signer=Address.parse(terms["payerSigner"], "payerSigner"),
        payee_signer=Address.parse(terms["payeeSigner"], "payeeSigner"),
        token=Address.parse(terms["token"], "token"),
        challenge_period_seconds=int(terms["challengePeriod"]),
        one_way=terms["oneWay"],
        salt=int(terms["salt"]),
    )


def state_of(case: dict[str, Any]) -> State:
    state = case["state"]
    return State(
        channel_id=word(case["channelId"]),
        sequence=int(state["sequence"]),
        paid=int(state["paid"]),
        payer_locked=int(state["payerLocked"]),
        payee_locked=int(state["payeeLocked"]),
        locks_root=word(state["locksRoot"]),
    )


def test_the_domain_separator_is_the_one_in_the_vectors() -> None:
    assert DOMAIN.separator == word(VECTORS["domainSeparator"])


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_typehash_is_the_one_in_the_vectors(name: str) -> None:
    assert TYPEHASHES[name] == word(VECTORS["typehashes"][name])


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_every_message_has_the_digest_of_the_vectors(case: dict[str, Any]) -> None:
    channel_id = word(case["channelId"])
    withdrawal, receipt, intent = case["withdrawal"], case["receipt"], case["closeIntent"]

    assert DOMAIN.channel_id(channel_of(case)) == channel_id
    for message, name in (
        (state_of(case), "state"),
        (Voucher(channel_id, int(case["voucher"]["paid"])), "voucher"),
        (
            Withdrawal(channel_id, *(int(withdrawal[k]) for k in ("payerTotal", "payeeTotal", "deadline"))),
            "withdrawal",
        ),
        (Close(channel_id, int(case["close"]["paid"])), "close"),
        (CloseIntent(channel_id, int(intent["minSequence"]), int(intent["deadline"])), "closeIntent"),
        (
            Receipt(channel_id, int(receipt["sequence"]), word(receipt["digest"]), int(receipt["receivedAt"])),
            "receipt",
        ),
    ):
        assert DOMAIN.digest(message) == word(case[f"{name}Digest"]), name


def test_a_request_has_the_digest_of_the_vectors() -> None:
    request = VECTORS["request"]

    digest = DOMAIN.digest(Request(request["method"], request["path"], int(request["issuedAt"])))

    assert digest == word(VECTORS["requestDigest"])


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_a_state_signed_by_a_wallet_passes_the_check(case: dict[str, Any]) -> None:
    digest, channel = DOMAIN.digest(state_of(case)), channel_of(case)

    check_signer(digest, bytes.fromhex(case["signatures"]["payer"][2:]), channel.payer_signer)
    check_signer(digest, bytes.fromhex(case["signatures"]["payee"][2:]), channel.payee_signer)


def test_another_chain_contract_or_channel_changes_every_digest() -> None:
    state = state_of(VECTORS["cases"][1])
    other_contract = Address(b"\x01" * 20)

    digests = {
        DOMAIN.digest(state),
        Domain(1, DOMAIN.contract).digest(state),
        Domain(DOMAIN.chain_id, other_contract).digest(state),
        DOMAIN.digest(State(word("0x" + "11" * 32), state.sequence, state.paid)),
    }

    assert len(digests) == 4
