"""Plain values that cross the ports: what the repositories keep besides the protocol's own messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from hashlib import sha256

from penstock.protocol.causes import Transfer
from penstock.protocol.messages import Channel, SignedState, SignedVoucher, Withdrawal
from penstock.protocol.onchain import OnChain
from penstock.protocol.position import Funds, Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.watch_policy import Evidence


class StateStatus(StrEnum):
    """What became of a state that was signed."""

    UNANSWERED = "unanswered"  # the payer signed it; it may become final
    REFUSED = "refused"  # the payee refused it; it may become final all the same
    CO_SIGNED = "co-signed"


class TransactionStatus(StrEnum):
    """Where an intent stands; the last four are final (docs/transactions.md draws it)."""

    QUEUED = "queued"  # no nonce yet
    SIGNED = "signed"  # in flight: nonce and signed bytes are stored
    MINED = "mined"  # a block holds it, not deep enough yet
    CONFIRMED = "confirmed"
    REVERTED = "reverted"  # mined, without effect, and deep enough
    CANCELLED = "cancelled"  # its nonce was used for nothing, deep enough
    FAILED = "failed"  # never mined: its simulation failed, its deadline passed, or it was cancelled in time


FINAL_STATUSES = (
    TransactionStatus.CONFIRMED,
    TransactionStatus.REVERTED,
    TransactionStatus.CANCELLED,
    TransactionStatus.FAILED,
)


class Priority(IntEnum):
    """What goes first, the lowest number before all others."""

    URGENT = 0  # somebody loses money if it is late
    ROUTINE = 1
    FILLER = 2  # does nothing but use a nonce that would hold up others


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """All that one row says of a channel.

    Attributes
    ----------
    confirmed
        The totals at the confirmed depth.
    head
        Phase and totals at the chain's head.
    promised
        The withdrawals still promised, as one: the highest totals and the last deadline; None if none is.
    registered_at
        Seconds since the epoch.
    """

    position: Position
    confirmed: Funds
    head: OnChain
    promised: Withdrawal | None
    registered_at: int


@dataclass(frozen=True, slots=True)
class StateRecord:
    """A state of the history: what was signed, why, and what became of it.

    Attributes
    ----------
    base
        The base that its proposal named; None for a state recovered from somebody else's records.
    recorded_at
        Seconds since the epoch.
    """

    signed: SignedState
    base: Bytes32 | None
    causes: tuple[Transfer, ...]
    status: StateStatus
    recorded_at: int


@dataclass(frozen=True, slots=True)
class VoucherRecord:
    """A voucher of the history and when it was recorded (seconds since the epoch)."""

    signed: SignedVoucher
    recorded_at: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A channel and the newest evidence held for it."""

    channel_id: Bytes32
    channel: Channel
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Block:
    """A block that was followed; ``time`` in seconds since the epoch."""

    number: int
    hash: Bytes32
    time: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A transaction to be sent, once: the same key always means the same transaction.

    Attributes
    ----------
    key
        At most 200 characters.
    purpose
        One word for people: open, deposit, withdraw, collect, close, start-close, challenge, settle.
    channel_id
        The channel it is about; None if there is none, or several, which its items name.
    deadline
        When it stops being of use (seconds since the epoch); None if it never does.
    gas_max
        The most gas it is worth, where a stranger's code decides how much it takes; None if it must be sent anyway.
    budget
        The most it may cost, in wei; None leaves it to the sender's limit a unit of gas.
    """

    key: str
    purpose: str
    receiver: Address
    data: bytes
    channel_id: Bytes32 | None = None
    deadline: int | None = None
    gas_max: int | None = None
    budget: int | None = None
    priority: Priority = Priority.ROUTINE

    @property
    def content(self) -> tuple[object, ...]:
        """Return what the key stands for: what it does, not what it may cost."""
        return self.purpose, self.receiver, self.data, self.channel_id, self.deadline


_BATCH_KEY_DIGITS = 32
BATCH_MAX = 50
"""Channels in one transaction: 1.5 million gas and 30 kB for challenges, which every chain takes in one block."""


def attempt_key(key: str, attempt: int) -> str:
    """Return the key of the ``attempt``-th try of an intent, counted from 1."""
    return key if attempt == 1 else f"{key}:{attempt}"


def batch_key(purpose: str, keys: Iterable[str]) -> str:
    """Return the key of a transaction that does several things, which have these keys alone."""
    return f"{purpose}-many:{sha256(' '.join(keys).encode()).hexdigest()[:_BATCH_KEY_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Item:
    """One of several things that a transaction does at once, under the key that it would have alone."""

    key: str
    channel_id: Bytes32


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody asked of an intent since it was stored; kept until it is done.

    Attributes
    ----------
    bump
        Raise its fees at the next look.
    cancel
        Why it should not happen any more, None if it should.
    """

    bump: bool = False
    cancel: str | None = None


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """One signed version of an intent, as it goes to the chain; fees in wei per unit of gas.

    Attributes
    ----------
    signed_at_block
        The head's number at signing, from which waiting is counted.
    empty
        Whether it does nothing but use the nonce: the intent was cancelled.
    """

    nonce: int
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    raw: bytes
    hash: Bytes32
    signed_at_block: int
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a receipt says; ``failure`` explains a revert and is None for a success, ``gas_price`` is in wei."""

    hash: Bytes32
    block_number: int
    gas_used: int
    gas_price: int
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """An intent with all that became of it.

    Attributes
    ----------
    sender
        The account that sends it, None while queued.
    hashes
        Of every version that was signed, newest last.
    empty_hashes
        Those of them that do nothing: it was cancelled.
    started_at
        The head's time when it was signed first (seconds since the epoch): there its fee begins to rise.
    signed
        The newest signed version, None while queued.
    outcome
        The receipt, None until a block holds it.
    failure
        Why it failed or reverted.
    """

    id: int
    intent: Intent
    sender: Address | None
    status: TransactionStatus
    hashes: tuple[Bytes32, ...]
    empty_hashes: tuple[Bytes32, ...]
    wishes: Wishes
    started_at: int | None
    signed: SignedTransaction | None
    outcome: Outcome | None
    failure: str | None
    created_at: int

    @property
    def hash(self) -> Bytes32 | None:
        """Return the hash of the version that was mined, else of the newest one."""
        if self.outcome:
            return self.outcome.hash
        return self.hashes[-1] if self.hashes else None

    @property
    def final(self) -> bool:
        """Tell whether nothing more will happen to it."""
        return self.status in FINAL_STATUSES
