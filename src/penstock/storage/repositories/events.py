"""The contract's events, read channel by channel."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.protocol.onchain import Event, OnChain, fold
from penstock.protocol.primitives import Bytes32
from penstock.storage.codec import event_from_json
from penstock.storage.tables import chain_events as table

_ALL = (
    sa.select(table.c.block_number, table.c.name, table.c.fields)
    .where(table.c.channel_id == sa.bindparam("channel"))
    .order_by(table.c.block_number, table.c.log_index)
)
_UP_TO = _ALL.where(table.c.block_number <= sa.bindparam("last"))


class Events:
    """The events of channels, in the chain's order."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def numbered(self, channel_id: Bytes32) -> list[tuple[int, Event]]:
        """Return a channel's events with the numbers of their blocks."""
        found = self._connection.execute(_ALL, {"channel": channel_id})
        return [(number, event_from_json(name, fields)) for number, name, fields in found]

    def events(self, channel_id: Bytes32, up_to_block: int | None = None) -> list[Event]:
        """Return a channel's events up to a block; all of them if None."""
        if up_to_block is None:
            return [event for _, event in self.numbered(channel_id)]
        found = self._connection.execute(_UP_TO, {"channel": channel_id, "last": up_to_block})
        return [event_from_json(name, fields) for _, name, fields in found]

    def onchain(self, channel_id: Bytes32, up_to_block: int | None = None) -> OnChain:
        """Return a channel as its events up to a block tell it; raises `ImpossibleEvent`."""
        return fold(self.events(channel_id, up_to_block))
