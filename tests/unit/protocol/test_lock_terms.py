"""A lock is agreed to only if its key commits to the terms, nothing is decided yet, and there is time for all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from penstock.protocol.conditions import AllOfTerms, ArbitrationTerms, HashLockTerms, OptimisticTerms
from penstock.protocol.errors import AlreadyDecided, InvalidConditionTerms, LockExpiresTooEarly, OutcomeUnknown
from penstock.protocol.lock_terms import (
    PARTS_MAX,
    Times,
    check_all_of,
    check_arbitration,
    check_hash_lock,
    check_optimistic,
)
from penstock.protocol.locks import Lock, Outcome
from penstock.protocol.outcomes import Outcomes, Question
from penstock.protocol.primitives import Address, Bytes32
from tests.support.parties import cause_id, make_lock

ONE, TWO, JUDGES = (Address(bytes((n,)) * 20) for n in (1, 2, 3))
TIMES = Times(now=1000, work_seconds=10, arbitration_seconds=20)


@dataclass(frozen=True)
class Case:
    """A lock's terms, what has to be open for it, and when it may expire at the earliest."""

    key: Bytes32
    also_asked: tuple[Question, ...]
    earliest: int
    check: Callable[[Lock, Outcomes], None]

    @property
    def lock(self) -> Lock:
        return replace(make_lock(0), key=self.key, expiry=self.earliest)

    @property
    def questions(self) -> tuple[Question, ...]:
        return ((self.lock.condition, self.key), *self.also_asked)


HASH = HashLockTerms(cause_id(5))
CASE = ArbitrationTerms((ONE, TWO), 2, cause_id(6))
PARTS = ((ONE, cause_id(7)), (TWO, cause_id(8)))
LIST = AllOfTerms(PARTS, 1015)
CLAIM = OptimisticTerms(ONE, TWO, 30, JUDGES, cause_id(9))

CASES = {
    "HashLock": Case(HASH.key, (), 1010, lambda lock, known: check_hash_lock(lock, HASH, known, TIMES)),
    "Arbitration": Case(CASE.key, (), 1030, lambda lock, known: check_arbitration(lock, CASE, known, TIMES)),
    "AllOf": Case(LIST.key, PARTS, 1015, lambda lock, known: check_all_of(lock, LIST, known, TIMES)),
    "Optimistic": Case(
        CLAIM.key,
        ((JUDGES, cause_id(9)),),
        1060,
        lambda lock, known: check_optimistic(lock, CLAIM, known, TIMES, decides_at=0),
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def nothing_decided(case: Case) -> Outcomes:
    return Outcomes(dict.fromkeys(case.questions), confirmed_time=999)


@every_case
def test_a_lock_that_leaves_just_enough_time_is_agreed_to(case: Case) -> None:
    case.check(case.lock, nothing_decided(case))


@every_case
def test_a_lock_that_leaves_a_second_less_is_refused(case: Case) -> None:
    with pytest.raises(LockExpiresTooEarly) as refused:
        case.check(replace(case.lock, expiry=case.earliest - 1), nothing_decided(case))
    assert (refused.value.expiry, refused.value.needed) == (case.earliest - 1, case.earliest)


@every_case
def test_a_key_that_commits_to_other_terms_is_refused(case: Case) -> None:
    with pytest.raises(InvalidConditionTerms):
        case.check(replace(case.lock, key=cause_id(1)), nothing_decided(case))


@every_case
def test_nothing_that_it_hangs_on_may_be_decided(case: Case) -> None:
    known = nothing_decided(case)

    for question in case.questions:
        with pytest.raises(AlreadyDecided):
            case.check(case.lock, replace(known, recorded={**known.recorded, question: Outcome(0, 500)}))


@every_case
def test_everything_that_it_hangs_on_must_have_been_asked(case: Case) -> None:
    known = nothing_decided(case)

    for question in case.questions:
        rest = {asked: outcome for asked, outcome in known.recorded.items() if asked != question}
        with pytest.raises(OutcomeUnknown):
            case.check(case.lock, replace(known, recorded=rest))


def test_a_list_must_leave_time_for_the_work() -> None:
    terms = replace(LIST, not_after=1009)
    case = replace(CASES["AllOf"], key=terms.key)

    with pytest.raises(LockExpiresTooEarly):
        check_all_of(case.lock, terms, nothing_decided(case), TIMES)


def test_a_list_that_no_block_can_evaluate_is_refused() -> None:
    parts = tuple((ONE, cause_id(n)) for n in range(PARTS_MAX + 1))

    def check(terms: AllOfTerms) -> None:
        case = replace(CASES["AllOf"], key=terms.key, also_asked=terms.parts)
        check_all_of(case.lock, terms, nothing_decided(case), TIMES)

    check(AllOfTerms(parts[1:], 1015))
    with pytest.raises(InvalidConditionTerms):
        check(AllOfTerms(parts, 1015))


def test_a_claim_that_somebody_made_already_is_refused() -> None:
    case = CASES["Optimistic"]

    with pytest.raises(InvalidConditionTerms):
        check_optimistic(case.lock, CLAIM, nothing_decided(case), TIMES, decides_at=1002)
