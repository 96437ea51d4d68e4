"""A condition's key commits to its terms as the contract hashes them, and its messages are signed under its domain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.protocol.conditions import (
    ARBITERS_MAX,
    ARBITRATION_NAME,
    OPTIMISTIC_NAME,
    AllOfTerms,
    ArbitrationTerms,
    HashLockTerms,
    OptimisticTerms,
    assertion_digest,
    objection_digest,
    verdict_digest,
)
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import AmountOutOfRange, InvalidConditionTerms
from penstock.protocol.primitives import ZERO_ADDRESS, Address, Bytes32
from tests.support.parties import cause_id

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/digests.json").read_text())
CASES: list[dict[str, Any]] = VECTORS["conditions"]
HERE = Address.parse(VECTORS["contract"], "contract")
CHAIN_ID = int(VECTORS["chainId"])


def word(text: str) -> Bytes32:
    return Bytes32.parse(text, "word")


def address(text: str) -> Address:
    return Address.parse(text, "address")


def optimistic() -> OptimisticTerms:
    shape = CASES[0]["optimistic"]
    return OptimisticTerms(
        address(shape["claimant"]),
        address(shape["disputer"]),
        int(shape["window"]),
        address(shape["arbitration"]),
        word(shape["arbitrationKey"]),
    )


@pytest.mark.parametrize("case", CASES)
def test_a_hash_lock_opens_with_its_preimage_only(case: dict[str, Any]) -> None:
    terms = HashLockTerms(word(case["hashLock"]["key"]))

    assert terms.key == word(case["hashLock"]["key"])
    assert terms.opens(word(case["hashLock"]["preimage"]))
    assert not terms.opens(cause_id(1))


@pytest.mark.parametrize("case", CASES)
def test_an_arbitration_is_hashed_and_its_verdict_digested_as_in_the_vectors(case: dict[str, Any]) -> None:
    shape = case["arbitration"]
    terms = ArbitrationTerms(tuple(map(address, shape["arbiters"])), int(shape["threshold"]), word(shape["caseId"]))
    domain = Domain(CHAIN_ID, HERE, ARBITRATION_NAME)

    assert terms.key == word(shape["key"])
    assert verdict_digest(domain, terms.key, int(shape["shareBps"])) == word(shape["verdictDigest"])


@pytest.mark.parametrize("case", CASES)
def test_an_all_of_is_hashed_as_in_the_vectors(case: dict[str, Any]) -> None:
    shape = case["allOf"]
    parts = tuple(zip(map(address, shape["conditions"]), map(word, shape["keys"]), strict=True))

    assert AllOfTerms(parts, int(shape["notAfter"])).key == word(shape["key"])


def test_an_optimistic_is_hashed_and_its_messages_digested_as_in_the_vectors() -> None:
    shape = CASES[0]["optimistic"]
    domain = Domain(CHAIN_ID, HERE, OPTIMISTIC_NAME)

    assert optimistic().key == word(shape["key"])
    assert assertion_digest(domain, optimistic().key) == word(shape["assertionDigest"])
    assert objection_digest(domain, optimistic().key) == word(shape["objectionDigest"])


ONE, TWO = Address(b"\x01" * 20), Address(b"\x02" * 20)


@pytest.mark.parametrize(
    ("arbiters", "threshold"),
    [((), 0), ((ONE,), 0), ((ONE,), 2), ((TWO, ONE), 1), ((ONE, ONE), 1), ((ZERO_ADDRESS,), 1)],
)
def test_an_arbitration_that_the_contract_refuses_is_refused(arbiters: tuple[Address, ...], threshold: int) -> None:
    with pytest.raises((InvalidConditionTerms, AmountOutOfRange)):
        ArbitrationTerms(arbiters, threshold, cause_id(1))


def test_an_empty_all_of_is_refused() -> None:
    with pytest.raises(InvalidConditionTerms):
        AllOfTerms((), 5)


@pytest.mark.parametrize("field", ["claimant", "disputer", "arbitration"])
def test_an_optimistic_with_a_zero_address_is_refused(field: str) -> None:
    with pytest.raises(InvalidConditionTerms):
        replace(optimistic(), **{field: ZERO_ADDRESS})  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [0, 2**32])
def test_an_optimistic_without_a_window_is_refused(window: int) -> None:
    with pytest.raises(AmountOutOfRange):
        replace(optimistic(), window_seconds=window)


@pytest.mark.parametrize("arbiters", [0, ARBITERS_MAX + 1])
def test_a_bench_that_no_threshold_can_count_is_refused(arbiters: int) -> None:
    bench = tuple(Address(n.to_bytes(20, "big")) for n in range(1, arbiters + 1))

    with pytest.raises(InvalidConditionTerms):
        ArbitrationTerms(bench, 1, cause_id(1))


@pytest.mark.parametrize("not_after", [-1, 2**40])
def test_a_moment_that_the_contract_cannot_hold_is_refused(not_after: int) -> None:
    with pytest.raises(AmountOutOfRange):
        AllOfTerms(((ONE, cause_id(1)),), not_after)
