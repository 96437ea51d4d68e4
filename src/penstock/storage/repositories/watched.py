"""A watcher's newest evidence of each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from penstock.node.records import Watch
from penstock.protocol.messages import Channel
from penstock.protocol.onchain import Closing, Phase
from penstock.protocol.primitives import Bytes32
from penstock.storage import rows
from penstock.storage.repositories.events import Events
from penstock.storage.tables import watched as table

_THIS = table.c.channel_id == sa.bindparam("this")
_SELECT = sa.select(table.c.channel_id, *rows.terms_columns(table), *rows.evidence_columns(table))
_TERMS, _EVIDENCE = slice(1, 9), slice(9, 16)

_ADD = table.insert()
_GET = _SELECT.where(_THIS)
_RECEIVED_AT = sa.select(table.c.received_at).where(_THIS)
_UPDATE = table.update().where(_THIS)
_CLOSING = _SELECT.where(table.c.closing_deadline.is_not(None)).order_by(table.c.closing_deadline)
_COUNT = sa.select(sa.func.count()).select_from(table)


class Watched:
    """Implements `penstock.node.ports.Watched`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection
        self._events = Events(connection)

    def get(self, channel_id: Bytes32) -> Watch | None:
        """Return the evidence held for a channel."""
        row = self._connection.execute(_GET, {"this": channel_id}).one_or_none()
        return None if row is None else watch_of(row)

    def received_at(self, channel_id: Bytes32) -> int | None:
        """Return when the evidence held was put: the time that its receipt names."""
        found: int | None = self._connection.execute(_RECEIVED_AT, {"this": channel_id}).scalar_one_or_none()
        return found

    def put(self, watch: Watch, at: int) -> None:
        """Hold this evidence for the channel from now on."""
        values = {"received_at": at, **rows.evidence_values(watch.evidence)}
        if self._connection.execute(_UPDATE, {"this": watch.channel_id, **values}).rowcount:
            return
        # The channel may be closing already: a first evidence that came late must still be found by `closing`.
        phase = self._events.onchain(watch.channel_id).phase
        values |= {
            "channel_id": watch.channel_id,
            "closing_deadline": _deadline(phase),
            **rows.terms_values(watch.channel),
        }
        self._connection.execute(_ADD, values)

    def set_phase(self, channel_id: Bytes32, phase: Phase) -> None:
        """Store the phase at the chain's head; nothing happens for a channel that is not watched."""
        self._connection.execute(_UPDATE, {"this": channel_id, "closing_deadline": _deadline(phase)})

    def closing(self) -> list[Watch]:
        """Return the watched channels that are closing at the chain's head, the nearest deadline first."""
        return [watch_of(row) for row in self._connection.execute(_CLOSING)]

    def count(self) -> int:
        """Return the number of watched channels."""
        return self._connection.execute(_COUNT).scalar_one()


def watch_of(row: Sequence[Any]) -> Watch:
    """Read a channel's id, terms and evidence, in this order."""
    channel_id: Bytes32 = row[0]
    evidence = rows.evidence_of(channel_id, row[_EVIDENCE])
    assert evidence is not None, "a watched channel has evidence"
    return Watch(channel_id, Channel(*row[_TERMS]), evidence)


def _deadline(phase: Phase) -> int | None:
    return phase.deadline if isinstance(phase, Closing) else None
