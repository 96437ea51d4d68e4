"""Whether a lock's terms can be agreed to: what its key commits to, and in time for it (docs/protocol.md, section 2).

Each check is given the lock, what its key is said to commit to, what is known of outcomes, and how long things take.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.conditions import AllOfTerms, ArbitrationTerms, HashLockTerms, OptimisticTerms
from penstock.protocol.errors import InvalidConditionTerms, LockExpiresTooEarly
from penstock.protocol.locks import Lock
from penstock.protocol.outcomes import Outcomes
from penstock.protocol.primitives import Bytes32

PARTS_MAX = 32
"""Parts that one evaluation has the gas for on every chain, though each burn all that it is given."""


@dataclass(frozen=True, slots=True)
class Times:
    """When it is, and how long the work and a dispute about it may take, in seconds."""

    now: int
    work_seconds: int
    arbitration_seconds: int


def check_hash_lock(lock: Lock, terms: HashLockTerms, known: Outcomes, times: Times) -> None:
    """Check a lock that a preimage opens.

    Raises
    ------
    InvalidConditionTerms
        The lock's key is another.
    OutcomeUnknown, AlreadyDecided
        The preimage is public, or nobody has looked.
    LockExpiresTooEarly
        There is no time for the work.
    """
    _check_key(lock, terms.key, known)
    _check_time(lock.expiry, times.now + times.work_seconds)


def check_arbitration(lock: Lock, terms: ArbitrationTerms, known: Outcomes, times: Times) -> None:
    """Check a lock on which arbiters decide.

    Raises
    ------
    InvalidConditionTerms
        The lock's key does not commit to the terms.
    OutcomeUnknown, AlreadyDecided
        There is a verdict, or nobody has looked.
    LockExpiresTooEarly
        There is no time for the work and the arbiters.
    """
    _check_key(lock, terms.key, known)
    _check_time(lock.expiry, times.now + times.work_seconds + times.arbitration_seconds)


def check_all_of(lock: Lock, terms: AllOfTerms, known: Outcomes, times: Times) -> None:
    """Check that a lock's list can be evaluated, in time for the work and for the lock, and that all of it is open.

    Raises
    ------
    InvalidConditionTerms
        The lock's key does not commit to the terms, or they have more than `PARTS_MAX` parts: an evaluation that
        fits into no block gives the money back to its sender.
    OutcomeUnknown, AlreadyDecided
        The list or a part of it is decided, or nobody has looked.
    LockExpiresTooEarly
        There is no time for the work, or a workflow decided in time could leave this lock undecided in time.
    """
    if len(terms.parts) > PARTS_MAX:
        raise InvalidConditionTerms(f"at most {PARTS_MAX} parts", str(len(terms.parts)))
    _check_key(lock, terms.key, known)
    for condition, key in terms.parts:
        known.check_undecided(condition, key)
    _check_time(terms.not_after, times.now + times.work_seconds)
    _check_time(lock.expiry, terms.not_after)


def check_optimistic(lock: Lock, terms: OptimisticTerms, known: Outcomes, times: Times, decides_at: int) -> None:
    """Check that a key is fresh, and that work, window and arbitration fit in before the lock expires.

    ``decides_at`` is what the contract's `assertionOf` says of the key: 0 while nobody has asserted it.

    Raises
    ------
    InvalidConditionTerms
        The lock's key does not commit to the terms, or somebody said already that the work is done: an older
        assertion would pay for it.
    OutcomeUnknown, AlreadyDecided
        The key or the arbitration behind it is decided, or nobody has looked.
    LockExpiresTooEarly
        There is not enough time.
    """
    if decides_at:
        raise InvalidConditionTerms("nobody may have asserted the key yet", f"asserted, decided at {decides_at}")
    _check_key(lock, terms.key, known)
    known.check_undecided(terms.arbitration, terms.arbitration_key)
    _check_time(lock.expiry, times.now + times.work_seconds + terms.window_seconds + times.arbitration_seconds)


def _check_key(lock: Lock, key: Bytes32, known: Outcomes) -> None:
    if lock.key != key:
        raise InvalidConditionTerms(f"the lock's key {lock.key} must commit to them", f"terms of key {key}")
    known.check_undecided(lock.condition, lock.key)


def _check_time(ends: int, needed: int) -> None:
    if ends < needed:
        raise LockExpiresTooEarly(ends, needed)
