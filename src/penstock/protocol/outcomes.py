"""What a party knows of outcomes, and what it lets happen without having asked for it (docs/protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.protocol.causes import AddLock, CancelLock, Cause, Pay, Refund, ReleaseLock
from penstock.protocol.conditions import HashLockTerms
from penstock.protocol.errors import AlreadyDecided, CancelTooEarly, CauseNotIssued, OutcomeUnknown, ReleaseUnproven
from penstock.protocol.locks import BPS, Lock, LockSet, Outcome, counts
from penstock.protocol.primitives import UINT40_MAX, Address, Bytes32

Question = tuple[Address, Bytes32]
"""A condition and what it is asked: the key."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is known of outcomes when a proposal is judged.

    Attributes
    ----------
    recorded
        What conditions answer in the newest confirmed block: None while undecided. What was not asked is missing.
    confirmed_time
        That block's time, in seconds since the epoch.
    latest_time
        The latest that it may be by now: of the newest block's time and the clock the later one. Without it no bare
        preimage counts.
    hash_locks
        The `HashLock` contracts on whose bare preimages this party releases.
    margin_seconds
        How long before its expiry a lock is no longer released on a bare preimage: it still has to be recorded.
    """

    recorded: Mapping[Question, Outcome | None] = field(default_factory=dict)
    confirmed_time: int = 0
    latest_time: int = UINT40_MAX
    hash_locks: frozenset[Address] = frozenset()
    margin_seconds: int = 0

    def of(self, lock: Lock) -> Outcome | None:
        """Return the recorded outcome that decides the lock, None without one."""
        outcome = self.recorded.get((lock.condition, lock.key))
        return outcome if counts(lock, outcome, self.confirmed_time) else None

    def proves(self, lock: Lock, release: ReleaseLock) -> bool:
        """Return whether the lock is to be released at this share, whoever likes it or not."""
        if self.recorded.get((lock.condition, lock.key)) is not None:
            # Also when it was decided too late: then no preimage helps any more.
            counting = self.of(lock)
            return counting is not None and counting.share_bps == release.share_bps
        return (
            release.preimage is not None
            and release.share_bps == BPS
            and lock.condition in self.hash_locks
            and HashLockTerms(lock.key).opens(release.preimage)
            and self.latest_time < lock.expiry - self.margin_seconds
        )

    def has_run_out(self, lock: Lock) -> bool:
        """Return whether the lock is its sender's again, for ever; raises `OutcomeUnknown` if nobody asked."""
        if self.confirmed_time <= lock.expiry:
            return False
        if (lock.condition, lock.key) not in self.recorded:
            raise OutcomeUnknown(str(lock.lock_id))
        return self.of(lock) is None

    def check_undecided(self, condition: Address, key: Bytes32) -> None:
        """Check that money may still be locked on an answer.

        Raises
        ------
        OutcomeUnknown
            Nobody has asked.
        AlreadyDecided
            It has been given.
        """
        if (condition, key) not in self.recorded:
            raise OutcomeUnknown(str(key))
        if self.recorded[condition, key] is not None:
            raise AlreadyDecided(str(condition), str(key))


NOTHING_KNOWN = Outcomes()


def check_harmless(cause: Cause, locks: LockSet, known: Outcomes, *, payer: bool) -> None:
    """Check that a cause which a party did not ask for costs it nothing that it need not bear.

    The payee applies it to what the payer proposes, the payer to what the payee asks it to propose.

    Parameters
    ----------
    locks
        The pending ones.
    payer
        Whether the party is the payer.

    Raises
    ------
    CauseNotIssued
        It would pay, or lock, the party's own money.
    UnknownLock
        The lock is not pending.
    ReleaseUnproven
        It would get less, or pay, without an outcome that says so.
    CancelTooEarly, OutcomeUnknown
        A lock in its favour may still be decided, or was decided in time, or nobody has looked.
    """
    match cause:
        case Pay() | Refund() | AddLock():
            from_payer = cause.lock.from_payer if isinstance(cause, AddLock) else isinstance(cause, Pay)
            if from_payer == payer:
                raise CauseNotIssued(cause.cause_id, "payer" if payer else "payee")
        case ReleaseLock():
            lock = locks.get(cause.lock_id)
            given = lock.from_payer != payer and cause.share_bps == BPS
            if not given and not known.proves(lock, cause):
                raise ReleaseUnproven(cause.lock_id, cause.share_bps)
        case CancelLock():
            lock = locks.get(cause.lock_id)
            if lock.from_payer != payer and not known.has_run_out(lock):
                raise CancelTooEarly(cause.lock_id, lock.expiry, known.confirmed_time)
