"""Causes by id: applied once, refunds only as issued."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.protocol.causes import Pay, Refund, Transfer
from penstock.protocol.errors import CauseAltered, CauseRepeated
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import CauseRecords
from penstock.storage.tables import causes as table

_CHANNEL = table.c.channel_id == sa.bindparam("channel")
_THIS = sa.and_(_CHANNEL, table.c.cause_id == sa.bindparam("this"))
_SELECT = sa.select(table.c.cause_id, table.c.type, table.c.amount, table.c.sequence)

_ADD = table.insert()
_ONE = _SELECT.where(_THIS)
_MANY = _SELECT.where(_CHANNEL, table.c.cause_id.in_(sa.bindparam("ids", expanding=True)))
_WAITING = _SELECT.where(_CHANNEL, table.c.sequence.is_(None)).order_by(table.c.cause_id)
_APPLY = table.update().where(_THIS)


class Causes:
    """Implements `penstock.node.ports.Causes`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def apply(self, channel_id: Bytes32, sequence: int, causes: Sequence[Transfer]) -> None:
        """Note that the co-signed state ``sequence`` applied these causes; refunds waiting among them are done."""
        refunds = {refund.cause_id for refund in self.open_refunds(channel_id)} if _has_refund(causes) else set()
        new = [_values(channel_id, cause, sequence) for cause in causes if cause.cause_id not in refunds]
        if new:
            self._connection.execute(_ADD, new)
        done = [cause.cause_id for cause in causes if cause.cause_id in refunds]
        if done:
            values = [{"channel": channel_id, "this": cause_id, "sequence": sequence} for cause_id in done]
            self._connection.execute(_APPLY, values)

    def issue(self, channel_id: Bytes32, refund: Refund) -> None:
        """Note a refund that the payee issued; the very same one again changes nothing.

        Raises
        ------
        CauseAltered
            A refund with this id was issued over another amount.
        CauseRepeated
            A payment has this id.
        """
        row = self._connection.execute(_ONE, {"channel": channel_id, "this": refund.cause_id}).one_or_none()
        if row is None:
            self._connection.execute(_ADD, _values(channel_id, refund, None))
        elif row.type != Refund.__name__:
            raise CauseRepeated(refund.cause_id)
        elif row.amount != refund.amount:
            raise CauseAltered(refund.cause_id, row.amount, refund.amount)

    def records(self, channel_id: Bytes32, ids: Sequence[Bytes32]) -> CauseRecords:
        """Return what is known of the causes with these ids."""
        if len(ids) == 1:
            # The common case: a list in the statement costs more than the query itself.
            found = self._connection.execute(_ONE, {"channel": channel_id, "this": ids[0]}).all()
        else:
            found = self._connection.execute(_MANY, {"channel": channel_id, "ids": ids}).all()
        return CauseRecords(
            applied=frozenset(row.cause_id for row in found if row.sequence is not None),
            issued={row.cause_id: Refund(row.cause_id, row.amount) for row in found if row.type == Refund.__name__},
        )

    def open_refunds(self, channel_id: Bytes32) -> list[Refund]:
        """Return the refunds issued and not yet applied."""
        found = self._connection.execute(_WAITING, {"channel": channel_id})
        return [Refund(row.cause_id, row.amount) for row in found]


def _has_refund(causes: Sequence[Transfer]) -> bool:
    return not all(isinstance(cause, Pay) for cause in causes)


def _values(channel_id: Bytes32, cause: Transfer, sequence: int | None) -> dict[str, object]:
    return {
        "channel_id": channel_id,
        "cause_id": cause.cause_id,
        "type": type(cause).__name__,
        "amount": cause.amount,
        "sequence": sequence,
    }
