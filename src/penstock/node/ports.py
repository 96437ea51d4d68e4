"""What the use cases ask of the outside: the repositories of one transaction, and the database that runs it.

`penstock.storage` implements these on SQLite and PostgreSQL. All repository methods are synchronous and belong to
the transaction they are called in; times are seconds since the epoch, amounts the token's smallest unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from penstock.node.records import (
    Block,
    ChannelRecord,
    Intent,
    Item,
    Outcome,
    SignedTransaction,
    StateRecord,
    Transaction,
    VoucherRecord,
    Watch,
    Wishes,
)
from penstock.protocol.causes import Refund, Transfer
from penstock.protocol.messages import Channel, Receipt, SignedState, SignedVoucher, Withdrawal
from penstock.protocol.onchain import Event, EventRef, OnChain
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.proposals import CauseRecords, Proposal
from penstock.protocol.watch_policy import Evidence

T = TypeVar("T")


class Channels(Protocol):
    """One row a channel: a party's whole position in it."""

    def add(self, channel_id: Bytes32, channel: Channel, registered_at: int) -> None:
        """Register a channel; a node calls `ChainRecords.refresh` next, for what the chain knows of it already."""

    def get(self, channel_id: Bytes32) -> Position | None:
        """Return the position, None for a channel that is not registered. Fast: one row."""

    def record(self, channel_id: Bytes32) -> ChannelRecord | None:
        """Return the position with what the chain says and what was promised."""

    def page(self, after: Bytes32 | None, limit: int) -> list[ChannelRecord]:
        """Return at most ``limit`` channels in the order of their ids, from the one after ``after``."""

    def uncollected(self) -> list[Position]:
        """Return the one-way channels, not ended, whose voucher says something else than what was collected."""

    def save(self, position: Position) -> None:
        """Store what the party holds: the newest state or voucher, the highest sequence seen, the signed close."""

    def promise(self, withdrawal: Withdrawal) -> None:
        """Count a withdrawal as withdrawn from now on; totals and deadline only rise."""

    def expire_promises(self, confirmed_time: int) -> None:
        """Forget the promises whose deadline a confirmed block's time has passed."""

    def set_onchain(self, channel_id: Bytes32, confirmed: OnChain, head: OnChain) -> None:
        """Store what was read from the chain: for a client, which reads channels instead of following blocks."""


class States(Protocol):
    """Every state that was signed: the history, and what a payer must count as possibly final."""

    def add(self, proposal: Proposal, payee_signature: bytes, at: int) -> None:
        """Store a proposal with its causes: co-signed, or unanswered while ``payee_signature`` is empty."""

    def get(self, channel_id: Bytes32, sequence: int) -> StateRecord | None:
        """Return what was signed at ``sequence``. A payee need not ask above the highest sequence it has seen."""

    def complete(self, signed: SignedState, at: int) -> None:
        """Store the co-signature of a proposal, or a co-signed state that came from somebody else's records.

        Raises
        ------
        RecordConflict
            Another state is stored at this sequence.
        """

    def refuse(self, channel_id: Bytes32, sequence: int) -> None:
        """Note that the payee refused the proposal; it may become final all the same."""

    def unanswered(self, channel_id: Bytes32) -> list[Proposal]:
        """Return the proposals above the newest co-signed state that were neither answered nor refused, in order."""

    def history(self, channel_id: Bytes32, before: int | None, limit: int) -> list[StateRecord]:
        """Return at most ``limit`` states below the sequence ``before``, newest first."""


class Causes(Protocol):
    """Causes by id: each is applied once (docs/protocol.md, section 3)."""

    def apply(self, channel_id: Bytes32, sequence: int, causes: Sequence[Transfer]) -> None:
        """Note that the co-signed state ``sequence`` applied these causes; refunds waiting among them are done."""

    def issue(self, channel_id: Bytes32, refund: Refund) -> None:
        """Note a refund that the payee issued; the very same one again changes nothing.

        Raises
        ------
        CauseAltered
            A refund with this id was issued over another amount.
        CauseRepeated
            A payment has this id.
        """

    def records(self, channel_id: Bytes32, ids: Sequence[Bytes32]) -> CauseRecords:
        """Return what is known of the causes with these ids."""

    def open_refunds(self, channel_id: Bytes32) -> list[Refund]:
        """Return the refunds issued and not yet applied."""


class Vouchers(Protocol):
    """Every voucher that was signed or accepted."""

    def add(self, signed: SignedVoucher, at: int) -> None:
        """Store a voucher."""

    def history(self, channel_id: Bytes32, before: int | None, limit: int) -> list[VoucherRecord]:
        """Return at most ``limit`` vouchers over less than ``before``, highest first."""


class Watched(Protocol):
    """A watcher's newest evidence of each channel."""

    def get(self, channel_id: Bytes32) -> Watch | None:
        """Return the evidence held for a channel."""

    def received_at(self, channel_id: Bytes32) -> int | None:
        """Return when the evidence held was put: the time that its receipt names."""

    def put(self, watch: Watch, at: int) -> None:
        """Hold this evidence for the channel from now on; whether it is newer is for the caller to check."""

    def closing(self) -> list[Watch]:
        """Return the watched channels that are closing at the chain's head, the nearest deadline first."""

    def count(self) -> int:
        """Return the number of watched channels."""


class Receipts(Protocol):
    """The newest receipt of each watcher for each channel: what a party need not send again."""

    def put(self, watcher: str, evidence: Evidence, receipt: Receipt, signature: bytes) -> None:
        """Store ``watcher``'s receipt for ``evidence``; an older one never replaces a newer one."""

    def undelivered(self, watcher: str, after: Bytes32 | None, limit: int) -> list[Watch]:
        """Return newest evidence of unsettled channels without a receipt, in the order of ids, from after ``after``."""

    def backlog(self, watcher: str) -> int:
        """Return the number of channels whose newest evidence ``watcher`` has not receipted."""


class ChainRecords(Protocol):
    """The blocks that were followed and the contract's events in them.

    An event in block n has c confirmations when the head is at n + c - 1.
    """

    def cursor(self) -> Block | None:
        """Return the newest block that was followed, None before the first."""

    def block_hash(self, number: int) -> Bytes32 | None:
        """Return the hash of a followed block; None if it was pruned, skipped in a backfill or not reached."""

    def confirmed(self, confirmations: int) -> Block | None:
        """Return the newest stored block with this many confirmations."""

    def advance(
        self,
        blocks: Sequence[Block],
        events: Sequence[tuple[EventRef, Event]],
        *,
        after: int,
        confirmations: int,
        keep: int,
    ) -> set[Bytes32]:
        """Replace everything above block ``after`` by these blocks and events; return the channels it touched.

        ``blocks`` ascend, the last is the new cursor; ``after`` is the cursor, or the last common block in a reorg.
        Touched are channels with an event that came, vanished, or won or lost its ``confirmations``: each is refreshed,
        and promises that expired are forgotten. All but the newest ``keep`` block numbers are pruned.

        Raises
        ------
        ImpossibleEvent
            The events cannot follow the ones before: nothing of it is kept.
        """

    def refresh(self, channel_ids: Iterable[Bytes32], confirmations: int) -> None:
        """Recompute what the chain says of these channels from their events, in `Channels` and `Watched`."""

    def recheck(self, confirmations: int, keep: int) -> None:
        """Refresh all channels with events in the newest ``keep`` blocks: at start, as ``confirmations`` may differ."""

    def events(self, channel_id: Bytes32, up_to_block: int | None = None) -> list[Event]:
        """Return a channel's events in the chain's order."""

    def onchain(self, channel_id: Bytes32, up_to_block: int | None = None) -> OnChain:
        """Return a channel as its events up to a block tell it; all of them if None."""


class Transactions(Protocol):
    """Intents and what became of them; a nonce and the signed bytes always come in one write.

    A step that does not follow from where the transaction stands raises `RecordConflict` and changes nothing.
    """

    def add(self, intent: Intent, at: int, items: Sequence[Item] = ()) -> Transaction:
        """Store an intent once, with what it does for several channels; again returns what became of it.

        Raises
        ------
        KeyReused
            The key belongs to an intent with another content.
        """

    def get(self, key: str) -> Transaction | None:
        """Return the intent with this key."""

    def queued(self) -> list[Transaction]:
        """Return the intents without a nonce: the urgent ones first, then those with the nearest deadline."""

    def in_flight(self, sender: Address) -> list[Transaction]:
        """Return what is signed and in no block, the lowest nonce first."""

    def mined(self, sender: Address) -> list[Transaction]:
        """Return what a block holds and is not final yet, the lowest nonce first."""

    def undone(self, sender: Address, next_nonce: int) -> list[Transaction]:
        """Return what is final although the chain has not used its nonce: a reorg deeper than the confirmations."""

    def unfinished(self) -> list[Transaction]:
        """Return all that is not final, oldest first."""

    def nonces(self, sender: Address, next_nonce: int) -> list[int]:
        """Return the nonces that are taken, of those the chain has not used."""

    def sign(self, transaction_id: int, sender: Address, signed: SignedTransaction, at: int) -> None:
        """Store a signed version, the first or a replacement with the same nonce; send it only after the commit."""

    def mine(self, transaction_id: int, outcome: Outcome) -> None:
        """Note that a block holds one version of it."""

    def back_in_flight(self, transaction_id: int) -> None:
        """Note that the block which held it vanished."""

    def requeue(self, transaction_id: int) -> None:
        """Give up its nonce, which a transaction not ours has taken, and queue it again."""

    def finish(self, transaction_id: int) -> None:
        """Note that a mined one is deep enough: confirmed, cancelled, or reverted if its outcome says so."""

    def fail(self, transaction_id: int, reason: str) -> None:
        """Give up an intent of which no version can be mined any more."""

    def wish(self, transaction_id: int, wishes: Wishes) -> None:
        """Ask for higher fees, or for an end; an end once asked for stays."""

    def by_channel(self, channel_id: Bytes32) -> list[Transaction]:
        """Return a channel's transactions, oldest first."""

    def tries(self, channel_id: Bytes32, key: str) -> list[Transaction]:
        """Return a channel's transactions under ``key`` or ``key:<n>``, alone or as an item, oldest first."""

    def recent(self, limit: int) -> list[Transaction]:
        """Return the newest transactions, newest first."""


class UnitOfWork(Protocol):
    """All repositories in one transaction."""

    @property
    def channels(self) -> Channels:
        """Positions."""

    @property
    def states(self) -> States:
        """Histories of two-way channels."""

    @property
    def causes(self) -> Causes:
        """Causes by id."""

    @property
    def vouchers(self) -> Vouchers:
        """Histories of one-way channels."""

    @property
    def watched(self) -> Watched:
        """A watcher's evidence."""

    @property
    def receipts(self) -> Receipts:
        """Watchers' receipts."""

    @property
    def chain(self) -> ChainRecords:
        """Blocks and events."""

    @property
    def transactions(self) -> Transactions:
        """Intents and what became of them."""


class Database(Protocol):
    """Runs works, each in a transaction of its own as seen from outside."""

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a writing work; returns once it is durable.

        Writes are serial. An exception of ``work`` undoes that work alone and is raised here.

        Raises
        ------
        StorageUnavailable
            The commit failed: whether it was kept is unknown, repeat it.
        """

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a reading work on a snapshot, beside the writer.

        Raises
        ------
        StorageUnavailable
            The database does not answer.
        """
