"""What a payee knows of outcomes, and what it accepts without having issued it (docs/protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from penstock.protocol.causes import AddLock, CancelLock, Cause, Pay, Refund, ReleaseLock
from penstock.protocol.errors import CancelTooEarly, CauseNotIssued, ReleaseUnproven
from penstock.protocol.locks import BPS, Lock, LockSet, Outcome, counts
from penstock.protocol.primitives import Address, Bytes32


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is known of outcomes when a proposal is judged.

    Attributes
    ----------
    recorded
        Outcomes that confirmed blocks hold, by condition and key.
    confirmed_time
        The time of the newest confirmed block, in seconds since the epoch.
    hash_locks
        The `HashLock` contracts on whose bare preimages this party releases.
    margin_seconds
        How long before its expiry a lock is no longer released on a bare preimage: it still has to be recorded.
    """

    recorded: Mapping[tuple[Address, Bytes32], Outcome] = field(default_factory=dict)
    confirmed_time: int = 0
    hash_locks: frozenset[Address] = frozenset()
    margin_seconds: int = 0

    def of(self, lock: Lock) -> Outcome | None:
        """Return the recorded outcome that decides the lock, None without one."""
        outcome = self.recorded.get((lock.condition, lock.key))
        return outcome if counts(lock, outcome, self.confirmed_time) else None

    def proves(self, lock: Lock, release: ReleaseLock) -> bool:
        """Return whether the lock is to be released at this share, whoever likes it or not."""
        recorded = self.of(lock)
        if recorded is not None:
            return recorded.share_bps == release.share_bps
        return (
            release.preimage is not None
            and release.share_bps == BPS
            and lock.condition in self.hash_locks
            and sha256(release.preimage).digest() == lock.key
            and self.confirmed_time < lock.expiry - self.margin_seconds
        )


NOTHING_DECIDED = Outcomes()


def check_unissued(cause: Cause, locks: LockSet, known: Outcomes) -> None:
    """Check that a cause which the payee did not issue costs it nothing that it need not bear.

    Raises
    ------
    CauseNotIssued
        A `Refund`, or a lock of the payee's money.
    UnknownLock
        The lock is not pending.
    ReleaseUnproven
        The payee would get less, or pay, without an outcome that says so.
    CancelTooEarly
        A lock in the payee's favour may still be decided, or was decided in time.
    """
    match cause:
        case Pay():
            return
        case Refund():
            raise CauseNotIssued(cause.cause_id)
        case AddLock(lock=lock):
            if not lock.from_payer:
                raise CauseNotIssued(cause.cause_id)
        case ReleaseLock():
            lock = locks.get(cause.lock_id)
            given = lock.from_payer and cause.share_bps == BPS
            if not given and not known.proves(lock, cause):
                raise ReleaseUnproven(cause.lock_id, cause.share_bps)
        case CancelLock():
            lock = locks.get(cause.lock_id)
            expired = known.confirmed_time > lock.expiry and known.of(lock) is None
            if lock.from_payer and not expired:
                raise CancelTooEarly(cause.lock_id, lock.expiry, known.confirmed_time)
