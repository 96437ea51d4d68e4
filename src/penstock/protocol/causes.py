"""Why a state changes: the causes a proposal names (docs/protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.protocol.errors import LocksMismatch, LocksNotTaken, StateMismatch
from penstock.protocol.locks import BPS, Lock, LockSet, received_of
from penstock.protocol.messages import State
from penstock.protocol.primitives import INT128_MAX, INT128_MIN, UINT128_MAX, Bytes32, check_range


@dataclass(frozen=True, slots=True)
class Pay:
    """Money from payer to payee; ``amount`` is 1 to 2^128 - 1 smallest units.

    Raises
    ------
    AmountOutOfRange
        Zero, negative or too large.
    """

    cause_id: Bytes32
    amount: int

    def __post_init__(self) -> None:
        """Check the amount."""
        check_range(self.amount, "amount", 1, UINT128_MAX)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money from payee to payer: issued by the payee, proposed unchanged and once by the payer.

    Raises
    ------
    AmountOutOfRange
        Zero, negative or too large.
    """

    cause_id: Bytes32
    amount: int

    def __post_init__(self) -> None:
        """Check the amount."""
        check_range(self.amount, "amount", 1, UINT128_MAX)


@dataclass(frozen=True, slots=True)
class AddLock:
    """Money set aside until an outcome; a lock of the payee is issued by it, proposed unchanged and once.

    The lock's id is the cause's, so that an id that was used once is used up for ever.
    """

    lock: Lock

    @property
    def cause_id(self) -> Bytes32:
        """Return the lock's id."""
        return self.lock.lock_id


@dataclass(frozen=True, slots=True)
class ReleaseLock:
    """A lock resolved as its outcome says, or as its sender likes.

    Attributes
    ----------
    share_bps
        The receiver's share, in hundredths of a percent; the rest is the sender's again.
    preimage
        What proves the outcome of a `HashLock` before it is recorded on chain.

    Raises
    ------
    AmountOutOfRange
        The share is below 0 or above 10000.
    """

    cause_id: Bytes32
    lock_id: Bytes32
    share_bps: int
    preimage: Bytes32 | None = None

    def __post_init__(self) -> None:
        """Check the share."""
        check_range(self.share_bps, "share_bps", 0, BPS)


@dataclass(frozen=True, slots=True)
class CancelLock:
    """A lock given back to its sender: by its receiver at any time, by its sender once it has expired undecided."""

    cause_id: Bytes32
    lock_id: Bytes32


Transfer = Pay | Refund
"""What nodes and clients of this version take."""

Cause = Transfer | AddLock | ReleaseLock | CancelLock


def only_transfers(causes: Sequence[Cause]) -> tuple[Transfer, ...]:
    """Return the causes if none is about a lock; raises `LocksNotTaken`."""
    transfers: list[Transfer] = []
    for cause in causes:
        if not isinstance(cause, (Pay, Refund)):
            raise LocksNotTaken(cause.lock.lock_id if isinstance(cause, AddLock) else cause.lock_id)
        transfers.append(cause)
    return tuple(transfers)


def check_locks(state: State, locks: LockSet) -> None:
    """Check that ``locks`` are those that ``state`` commits to.

    Raises
    ------
    LocksMismatch, StateMismatch
        Its root, or one of its sums, is another.
    """
    if locks.root != state.locks_root:
        raise LocksMismatch(state.locks_root, locks.root)
    for name, said, sum_ in (
        ("payer_locked", state.payer_locked, locks.payer_locked),
        ("payee_locked", state.payee_locked, locks.payee_locked),
    ):
        if said != sum_:
            raise StateMismatch(name, str(sum_), str(said))


def apply_causes(base: State, sequence: int, causes: Sequence[Cause], locks: LockSet) -> tuple[State, LockSet]:
    """Return the state numbered ``sequence`` that follows from ``base`` with its pending ``locks``, and its locks.

    Both parties call this same function and accept only the same bytes.

    Raises
    ------
    LocksMismatch, StateMismatch
        ``locks`` are not the base's: none may be lost in silence.
    AmountOutOfRange
        ``paid`` would leave int128.
    UnknownLock, TooManyLocks, IndexNotLowestFree
        A lock is not pending, or cannot be added like that.
    """
    check_locks(base, locks)
    paid = base.paid
    for cause in causes:
        match cause:
            case Pay(amount=amount):
                paid += amount
            case Refund(amount=amount):
                paid -= amount
            case AddLock(lock=lock):
                locks = locks.adding(lock)
            case ReleaseLock(lock_id=lock_id, share_bps=share_bps):
                lock = locks.get(lock_id)
                received = received_of(lock.amount, share_bps)
                paid += received if lock.from_payer else -received
                locks = locks.without(lock_id)
            case CancelLock(lock_id=lock_id):
                locks = locks.without(lock_id)
    check_range(paid, "paid", INT128_MIN, INT128_MAX)
    return State(base.channel_id, sequence, paid, locks.payer_locked, locks.payee_locked, locks.root), locks
