"""Locks, their tree and their resolution are the contract's, to the byte and to the unit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol.causes import AddLock, CancelLock, Cause, ReleaseLock, apply_causes
from penstock.protocol.errors import (
    AmountOutOfRange,
    IndexNotLowestFree,
    LocksDisordered,
    MalformedField,
    TooManyLocks,
    UnknownLock,
)
from penstock.protocol.locks import LOCKS_MAX, NO_LOCKS, Lock, LockSet, Outcome, Parts, counts, leaf, resolve, verify
from penstock.protocol.messages import State
from penstock.protocol.primitives import ZERO_WORD, Address, Bytes32
from tests.support.parties import cause_id, make_lock

VECTORS = Path(__file__).parents[2] / "vectors"
SETS: list[dict[str, Any]] = json.loads((VECTORS / "locks.json").read_text())["sets"]
CHANNEL_ID = cause_id(5)
UNLOCKS: list[dict[str, Any]] = json.loads((VECTORS / "unlocks.json").read_text())["cases"]


def lock_of(shape: dict[str, Any]) -> Lock:
    return Lock(
        lock_id=Bytes32.parse(shape["id"], "id"),
        index=int(shape["index"]),
        amount=int(shape["amount"]),
        from_payer=shape["fromPayer"],
        expiry=int(shape["expiry"]),
        condition=Address.parse(shape["condition"], "condition"),
        key=Bytes32.parse(shape["key"], "key"),
    )


def lock_in(case: dict[str, Any]) -> Lock:
    return replace(make_lock(0), amount=int(case["amount"]), from_payer=case["fromPayer"], expiry=int(case["expiry"]))


def set_of(count: int) -> LockSet:
    locks = NO_LOCKS
    for n in range(count):
        locks = locks.adding(make_lock(n))
    return locks


@pytest.mark.parametrize("shape", SETS, ids=lambda shape: str(len(shape["locks"])))
def test_the_tree_is_the_one_that_the_public_package_builds(shape: dict[str, Any]) -> None:
    locks = LockSet(tuple(map(lock_of, shape["locks"])))

    assert str(locks.root) == shape["root"]
    assert [str(leaf(lock)) for lock in locks] == shape["leaves"]
    for lock, proof in zip(locks, shape["proofs"], strict=False):
        assert [str(word) for word in locks.proof(lock.lock_id)] == proof


@pytest.mark.parametrize("shape", SETS, ids=lambda shape: str(len(shape["locks"])))
def test_locks_added_by_causes_have_the_root_of_that_tree(shape: dict[str, Any]) -> None:
    causes = [AddLock(lock_of(lock)) for lock in shape["locks"]]

    state, locks = apply_causes(State(CHANNEL_ID, 0, 0), 1, causes, NO_LOCKS)

    assert str(state.locks_root) == shape["root"]
    assert locks == LockSet(tuple(cause.lock for cause in causes))


def test_causes_divide_a_lock_as_the_contract_does() -> None:
    asked = [case for case in UNLOCKS if case["parts"] and int(case["amount"]) <= int(case["pool"])]
    for case in asked:
        lock = lock_in(case)
        locks = NO_LOCKS.adding(lock)
        before = State(CHANNEL_ID, 1, 0, locks.payer_locked, locks.payee_locked, locks.root)
        outcome = Outcome(int(case["shareBps"]), int(case["decidedAt"]))
        cause: Cause = CancelLock(cause_id(1), lock.lock_id)
        if counts(lock, outcome, int(case["now"])):
            cause = ReleaseLock(cause_id(1), lock.lock_id, outcome.share_bps)

        after, left = apply_causes(before, 2, [cause], locks)

        # What each can use again: what it paid less, and what is locked no more.
        payer, payee = before.payer_locked - after.paid, before.payee_locked + after.paid
        assert {"payer": str(payer), "payee": str(payee)} == case["parts"]
        assert left == NO_LOCKS
    assert len(asked) > 50


@pytest.mark.parametrize("case", UNLOCKS)
def test_a_lock_resolves_as_in_the_vectors(case: dict[str, Any]) -> None:
    lock = lock_in(case)
    outcome = Outcome(int(case["shareBps"]), int(case["decidedAt"]))

    parts = resolve(lock, int(case["pool"]), outcome, int(case["now"]))

    expected = case["parts"]
    assert parts == (Parts(int(expected["payer"]), int(expected["payee"])) if expected else None)


def test_the_root_is_zero_exactly_when_nothing_is_locked() -> None:
    assert NO_LOCKS.root == ZERO_WORD
    assert set_of(1).root != ZERO_WORD
    assert set_of(1).without(make_lock(0).lock_id).root == ZERO_WORD


@given(st.integers(1, 40), st.data())
def test_a_proof_shows_its_own_lock_and_no_other(count: int, data: st.DataObject) -> None:
    locks = set_of(count)
    which, other = (data.draw(st.integers(0, count - 1)) for _ in range(2))
    proof = locks.proof(make_lock(which).lock_id)

    assert verify(locks.root, make_lock(which), proof)
    assert verify(locks.root, make_lock(other), proof) == (other == which)
    assert not verify(locks.root, replace(make_lock(which), index=255), proof)


def test_the_sums_of_each_side_are_apart() -> None:
    locks = NO_LOCKS.adding(make_lock(0, amount=5)).adding(make_lock(1, amount=7, from_payer=False))

    assert (locks.payer_locked, locks.payee_locked) == (5, 7)


def test_a_lock_takes_the_lowest_free_index() -> None:
    locks = set_of(3).without(make_lock(1).lock_id)

    with pytest.raises(IndexNotLowestFree) as refused:
        locks.adding(make_lock(3))
    assert (refused.value.got, refused.value.expected) == (3, 1)
    taken = locks.adding(replace(make_lock(9), index=1))
    assert [lock.index for lock in taken] == [0, 1, 2]
    assert taken.lowest_free == 3


def test_no_more_than_256_locks_are_pending() -> None:
    locks = set_of(LOCKS_MAX)

    with pytest.raises(TooManyLocks):
        locks.adding(replace(make_lock(0), lock_id=cause_id(10**6)))


def test_an_unknown_lock_is_named() -> None:
    for asked in (NO_LOCKS.get, NO_LOCKS.without, NO_LOCKS.proof):
        with pytest.raises(UnknownLock) as refused:
            asked(cause_id(7))
        assert refused.value.lock_id == cause_id(7)


@pytest.mark.parametrize(
    "figures", [{"amount": 0}, {"amount": 2**96}, {"index": 256}, {"index": -1}, {"expiry": 2**40}, {"expiry": -1}]
)
def test_a_lock_that_the_contract_cannot_hold_is_refused(figures: dict[str, int]) -> None:
    with pytest.raises(AmountOutOfRange):
        replace(make_lock(0), **figures)  # type: ignore[arg-type]


def test_without_an_answer_a_lock_waits_until_its_expiry_is_past() -> None:
    lock = make_lock(0, amount=10)

    assert resolve(lock, 10, None, lock.expiry) is None
    assert resolve(lock, 10, None, lock.expiry + 1) == Parts(10, 0)


@pytest.mark.parametrize(
    "locks",
    [
        (make_lock(1), make_lock(0)),
        (make_lock(0), replace(make_lock(1), index=0)),
        (make_lock(0), replace(make_lock(0), index=1)),
    ],
    ids=["falling", "an index twice", "an id twice"],
)
def test_a_list_out_of_order_is_no_set_of_locks(locks: tuple[Lock, ...]) -> None:
    with pytest.raises(LocksDisordered):
        LockSet(locks)


def test_an_id_that_is_pending_is_not_added_again() -> None:
    with pytest.raises(LocksDisordered):
        set_of(1).adding(replace(make_lock(0), index=1))


@pytest.mark.parametrize("from_payer", [1, 2, None])
def test_a_lock_has_one_of_two_directions(from_payer: object) -> None:
    with pytest.raises(MalformedField):
        replace(make_lock(0), from_payer=from_payer)  # type: ignore[arg-type]
