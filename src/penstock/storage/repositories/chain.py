"""The blocks that were followed, the events in them, and what follows from these for every channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from penstock.node.records import Block
from penstock.protocol.onchain import Event, EventRef, fold
from penstock.protocol.primitives import Bytes32
from penstock.storage.codec import event_to_json
from penstock.storage.repositories.channels import Channels
from penstock.storage.repositories.events import Events
from penstock.storage.repositories.watched import Watched
from penstock.storage.tables import chain_blocks, chain_events

_BLOCK = sa.select(chain_blocks.c.number, chain_blocks.c.hash, chain_blocks.c.time)
_CURSOR = _BLOCK.order_by(chain_blocks.c.number.desc()).limit(1)
_NEWEST_UP_TO = _CURSOR.where(chain_blocks.c.number <= sa.bindparam("last"))
_HASH = sa.select(chain_blocks.c.hash).where(chain_blocks.c.number == sa.bindparam("this"))
_ADD_BLOCKS = chain_blocks.insert()
_CUT_BLOCKS = chain_blocks.delete().where(chain_blocks.c.number > sa.bindparam("after"))
_PRUNE_BLOCKS = chain_blocks.delete().where(chain_blocks.c.number <= sa.bindparam("last"))

_ADD_EVENTS = chain_events.insert()
_CUT_EVENTS = chain_events.delete().where(chain_events.c.block_number > sa.bindparam("after"))
_TOUCHED = (
    sa.select(chain_events.c.channel_id)
    .where(chain_events.c.block_number > sa.bindparam("after"), chain_events.c.block_number <= sa.bindparam("last"))
    .distinct()
)


class ChainRecords(Events):
    """Implements `penstock.node.ports.ChainRecords`."""

    def __init__(self, connection: sa.Connection, channels: Channels, watched: Watched) -> None:
        """Work in the connection's transaction; ``channels`` and ``watched`` learn what changes."""
        super().__init__(connection)
        self._channels = channels
        self._watched = watched

    def cursor(self) -> Block | None:
        """Return the newest block that was followed, None before the first."""
        row = self._connection.execute(_CURSOR).one_or_none()
        return None if row is None else Block(*row)

    def block_hash(self, number: int) -> Bytes32 | None:
        """Return the hash of a followed block; None if it was pruned, skipped in a backfill or not reached."""
        found: Bytes32 | None = self._connection.execute(_HASH, {"this": number}).scalar_one_or_none()
        return found

    def confirmed(self, confirmations: int) -> Block | None:
        """Return the newest stored block with this many confirmations."""
        row = self._connection.execute(_NEWEST_UP_TO, {"last": self._confirmed_number(confirmations)}).one_or_none()
        return None if row is None else Block(*row)

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

        Raises
        ------
        ImpossibleEvent
            The events cannot follow the ones before: nothing of it is kept.
        """
        confirmed_before = self._confirmed_number(confirmations)
        touched = self._cut(after)
        self._add(blocks, events)
        touched.update(event.channel_id for _, event in events)
        # Confirmations are lost as well as won: the new branch of a reorg may still be shorter than the old one.
        confirmed_now = self._confirmed_number(confirmations)
        touched |= self._with_events(min(confirmed_before, confirmed_now), max(confirmed_before, confirmed_now))
        self.refresh(touched, confirmations)
        confirmed = self.confirmed(confirmations)
        if confirmed:
            self._channels.expire_promises(confirmed.time)
        self._prune(keep)
        return touched

    def refresh(self, channel_ids: Iterable[Bytes32], confirmations: int) -> None:
        """Recompute what the chain says of these channels from their events, in `Channels` and `Watched`."""
        last = self._confirmed_number(confirmations)
        for channel_id in channel_ids:
            events = self.numbered(channel_id)
            head = fold(event for _, event in events)
            confirmed = fold(event for number, event in events if number <= last)
            self._channels.set_onchain(channel_id, confirmed, head)
            self._watched.set_phase(channel_id, head.phase)

    def recheck(self, confirmations: int, keep: int) -> None:
        """Refresh all channels with events in the newest ``keep`` blocks: at start, as ``confirmations`` may differ."""
        cursor = self.cursor()
        if cursor:
            self.refresh(self._with_events(cursor.number - keep, cursor.number), confirmations)

    def _confirmed_number(self, confirmations: int) -> int:
        """Return the highest block number with this many confirmations; negative before there is one."""
        cursor = self.cursor()
        return cursor.number - confirmations + 1 if cursor else -1

    def _with_events(self, after: int, last: int) -> set[Bytes32]:
        """Return the channels with events above block ``after`` up to block ``last``."""
        return set(self._connection.execute(_TOUCHED, {"after": after, "last": last}).scalars())

    def _cut(self, after: int) -> set[Bytes32]:
        """Forget the blocks above ``after``; return the channels whose events went with them."""
        cursor = self.cursor()
        if cursor is None or cursor.number <= after:
            return set()
        touched = self._with_events(after, cursor.number)
        self._connection.execute(_CUT_EVENTS, {"after": after})
        self._connection.execute(_CUT_BLOCKS, {"after": after})
        return touched

    def _add(self, blocks: Sequence[Block], events: Sequence[tuple[EventRef, Event]]) -> None:
        if blocks:
            self._connection.execute(
                _ADD_BLOCKS, [{"number": block.number, "hash": block.hash, "time": block.time} for block in blocks]
            )
        if events:
            self._connection.execute(_ADD_EVENTS, [_values(where, event) for where, event in events])

    def _prune(self, keep: int) -> None:
        cursor = self.cursor()
        if cursor:
            self._connection.execute(_PRUNE_BLOCKS, {"last": cursor.number - keep})


def _values(where: EventRef, event: Event) -> dict[str, object]:
    return {
        "block_number": where.block_number,
        "log_index": where.log_index,
        "block_hash": where.block_hash,
        "transaction_hash": where.transaction_hash,
        "channel_id": event.channel_id,
        "name": type(event).__name__,
        "fields": event_to_json(event),
    }
