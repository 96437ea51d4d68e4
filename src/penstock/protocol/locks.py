"""Locks and the tree that commits to them: the mirror of contracts/libraries/Locks.sol (docs/protocol.md, section 2).

The tree has OpenZeppelin's standard layout: leaves are hashed twice and sorted, nodes hash their sorted children.
tests/vectors/locks.json holds both sides to the public package ``@openzeppelin/merkle-tree``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from penstock.protocol.crypto import keccak
from penstock.protocol.errors import IndexNotLowestFree, LocksDisordered, MalformedField, TooManyLocks, UnknownLock
from penstock.protocol.primitives import UINT40_MAX, UINT96_MAX, ZERO_WORD, Address, Bytes32, check_range

LOCKS_MAX = 256
BPS = 10_000
"""All of a lock's amount, in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Money that waits for an outcome.

    Attributes
    ----------
    lock_id
        Unique in the channel, for ever.
    index
        0 to 255; its bit in the channel's word of resolved locks. Unique among the pending locks.
    amount
        1 to 2^96 - 1 smallest units, the sender's until the lock is resolved.
    from_payer
        Whether the payer is the sender and the payee the receiver, or the other way round.
    expiry
        Seconds since the epoch, inclusive: an outcome decided later does not count.
    condition, key
        Whom to ask what.

    Raises
    ------
    AmountOutOfRange
        A figure does not fit the contract's type, or there is nothing to lock.
    MalformedField
        ``from_payer`` is no truth value.
    """

    lock_id: Bytes32
    index: int
    amount: int
    from_payer: bool
    expiry: int
    condition: Address
    key: Bytes32

    def __post_init__(self) -> None:
        """Check the figures."""
        check_range(self.index, "index", 0, LOCKS_MAX - 1)
        check_range(self.amount, "amount", 1, UINT96_MAX)
        check_range(self.expiry, "expiry", 0, UINT40_MAX)
        if type(self.from_payer) is not bool:
            raise MalformedField("from_payer", repr(self.from_payer)[:80], "true or false")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition has answered: the receiver's share in hundredths of a percent, and when that was decided."""

    share_bps: int
    decided_at: int


def leaf(lock: Lock) -> Bytes32:
    """Return the lock's leaf: ``keccak256(keccak256(abi.encode(lock)))``."""
    encoded = (
        lock.lock_id
        + lock.index.to_bytes(32, "big")
        + lock.amount.to_bytes(32, "big")
        + lock.from_payer.to_bytes(32, "big")
        + lock.expiry.to_bytes(32, "big")
        + lock.condition.rjust(32, b"\0")
        + lock.key
    )
    return Bytes32(keccak(keccak(encoded)))


def verify(root: Bytes32, lock: Lock, proof: tuple[Bytes32, ...]) -> bool:
    """Return whether the proof leads from the lock's leaf to the root."""
    node = leaf(lock)
    for sibling in proof:
        node = _parent(node, sibling)
    return node == root


@dataclass(frozen=True, slots=True)
class LockSet:
    """The pending locks of a state, ordered by index; empty before the first.

    Raises
    ------
    TooManyLocks
        More than 256.
    LocksDisordered
        An index or an id comes twice, or the indices do not rise.
    """

    locks: tuple[Lock, ...] = ()

    def __post_init__(self) -> None:
        """Check the order, and that nothing comes twice."""
        if len(self.locks) > LOCKS_MAX:
            raise TooManyLocks(LOCKS_MAX)
        ids: set[Bytes32] = set()
        highest = -1
        for lock in self.locks:
            if lock.index <= highest or lock.lock_id in ids:
                raise LocksDisordered(lock.index, str(lock.lock_id))
            highest = lock.index
            ids.add(lock.lock_id)

    def __iter__(self) -> Iterator[Lock]:
        """Go through the locks in the order of their indices."""
        return iter(self.locks)

    def __len__(self) -> int:
        """Return how many are pending."""
        return len(self.locks)

    @property
    def payer_locked(self) -> int:
        """Return what is held back from the payer."""
        return sum(lock.amount for lock in self.locks if lock.from_payer)

    @property
    def payee_locked(self) -> int:
        """Return what is held back from the payee."""
        return sum(lock.amount for lock in self.locks if not lock.from_payer)

    @property
    def lowest_free(self) -> int:
        """Return the index that the next lock takes."""
        taken = {lock.index for lock in self.locks}
        return next(index for index in range(LOCKS_MAX + 1) if index not in taken)

    @property
    def root(self) -> Bytes32:
        """Return the root of the tree; zero exactly when nothing is locked."""
        return _tree(self)[0] if self.locks else ZERO_WORD

    def get(self, lock_id: Bytes32) -> Lock:
        """Return a pending lock; raises `UnknownLock`."""
        for lock in self.locks:
            if lock.lock_id == lock_id:
                return lock
        raise UnknownLock(lock_id)

    def adding(self, lock: Lock) -> LockSet:
        """Return the set with one more lock; that its id was not used in another state is the records' business.

        Raises
        ------
        TooManyLocks
            256 are pending.
        IndexNotLowestFree
            It has another index than the lowest free one.
        LocksDisordered
            A lock with its id is pending.
        """
        free = self.lowest_free
        if free == LOCKS_MAX:
            raise TooManyLocks(LOCKS_MAX)
        if lock.index != free:
            raise IndexNotLowestFree(lock.index, free)
        return LockSet(tuple(sorted((*self.locks, lock), key=lambda each: each.index)))

    def without(self, lock_id: Bytes32) -> LockSet:
        """Return the set without a lock; raises `UnknownLock`."""
        gone = self.get(lock_id)
        return LockSet(tuple(lock for lock in self.locks if lock is not gone))

    def proof(self, lock_id: Bytes32) -> tuple[Bytes32, ...]:
        """Return the siblings from a lock's leaf up to the root; raises `UnknownLock`."""
        tree = _tree(self)
        node = tree.index(leaf(self.get(lock_id)), len(self.locks) - 1)
        siblings = []
        while node:
            siblings.append(tree[node + 1 if node % 2 else node - 1])
            node = (node - 1) // 2
        return tuple(siblings)


NO_LOCKS = LockSet()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a resolved lock pays to each side, in smallest units."""

    payer: int
    payee: int


def resolve(lock: Lock, pool: int, outcome: Outcome | None, now: int) -> Parts | None:
    """Resolve a lock as `Channels.unlock` does at the time ``now``; None while it is pending (INV-9).

    Parameters
    ----------
    pool
        What is left in its sender's pool: a lock never takes more.
    outcome
        What its condition answers, None while it is undecided.
    """
    amount = min(lock.amount, pool)
    received = 0
    if counts(lock, outcome, now):
        assert outcome is not None
        received = received_of(amount, outcome.share_bps)
    elif now <= lock.expiry:
        return None
    rest = amount - received
    return Parts(rest, received) if lock.from_payer else Parts(received, rest)


def received_of(amount: int, share_bps: int) -> int:
    """Return what of an amount is the receiver's: its share, rounded down."""
    return amount * share_bps // BPS


def counts(lock: Lock, outcome: Outcome | None, now: int) -> bool:
    """Return whether an answer decides the lock: lawful, not in the future, and in time."""
    return (
        outcome is not None
        and 0 <= outcome.share_bps <= BPS
        and 0 < outcome.decided_at <= now
        and outcome.decided_at <= lock.expiry
    )


@lru_cache(maxsize=1024)
def _tree(locks: LockSet) -> tuple[Bytes32, ...]:
    """Return the complete binary tree as an array, root first; the sorted leaves fill it from its end."""
    count = len(locks)
    tree = [ZERO_WORD] * (count - 1) + sorted((leaf(lock) for lock in locks), reverse=True)
    for node in range(count - 2, -1, -1):
        tree[node] = _parent(tree[2 * node + 1], tree[2 * node + 2])
    return tuple(tree)


def _parent(left: Bytes32, right: Bytes32) -> Bytes32:
    return Bytes32(keccak(left + right if left < right else right + left))
