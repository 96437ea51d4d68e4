"""The newest receipt of each watcher for each channel."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock.node.records import Watch
from penstock.protocol.messages import Receipt, SignedState
from penstock.protocol.onchain import Ended
from penstock.protocol.primitives import Bytes32
from penstock.protocol.watch_policy import Evidence
from penstock.storage import rows
from penstock.storage.repositories.watched import watch_of
from penstock.storage.tables import channels
from penstock.storage.tables import receipts as table

_THIS = sa.and_(table.c.channel_id == sa.bindparam("channel"), table.c.watcher == sa.bindparam("this"))
_ADD = table.insert()
_GET = sa.select(table.c.sequence, table.c.paid).where(_THIS)
_UPDATE = table.update().where(_THIS)

# Only what a watcher can use: co-signed states and vouchers of channels that have not ended.
_USABLE = sa.and_(
    channels.c.payer_signature.is_not(None),
    sa.or_(channels.c.sequence.is_(None), channels.c.payee_signature.is_not(None)),
    channels.c.phase != Ended.name,
)
_MISSING = sa.or_(
    table.c.channel_id.is_(None),
    table.c.sequence < channels.c.sequence,
    sa.and_(channels.c.sequence.is_(None), table.c.paid != channels.c.paid),
)
_NEWEST = channels.outerjoin(
    table, sa.and_(table.c.channel_id == channels.c.channel_id, table.c.watcher == sa.bindparam("this"))
)
_UNDELIVERED = (
    sa.select(channels.c.channel_id, *rows.terms_columns(channels), *rows.evidence_columns(channels))
    .select_from(_NEWEST)
    .where(_USABLE, _MISSING)
    .order_by(channels.c.channel_id)
    .limit(sa.bindparam("limit"))
)
_UNDELIVERED_AFTER = _UNDELIVERED.where(channels.c.channel_id > sa.bindparam("after"))
_BACKLOG = sa.select(sa.func.count()).select_from(_NEWEST).where(_USABLE, _MISSING)


class Receipts:
    """Implements `penstock.node.ports.Receipts`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def put(self, watcher: str, evidence: Evidence, receipt: Receipt, signature: bytes) -> None:
        """Store ``watcher``'s receipt for ``evidence``; an older one never replaces a newer one."""
        sequence, paid = _order(evidence)
        this = {"channel": receipt.channel_id, "this": watcher}
        values = {
            "sequence": sequence,
            "paid": paid,
            "digest": receipt.digest,
            "received_at": receipt.received_at,
            "signature": signature,
        }
        held = self._connection.execute(_GET, this).one_or_none()
        if held is None:
            self._connection.execute(_ADD, {"channel_id": receipt.channel_id, "watcher": watcher, **values})
        elif sequence > held.sequence or (sequence == held.sequence == 0 and paid > held.paid):
            # A state's `paid` may fall, a voucher's only rises: it decides between vouchers alone.
            self._connection.execute(_UPDATE, {**this, **values})

    def undelivered(self, watcher: str, after: Bytes32 | None, limit: int) -> list[Watch]:
        """Return newest evidence of unsettled channels without a receipt, in the order of ids, from after ``after``."""
        values: dict[str, Any] = {"this": watcher, "limit": limit}
        if after is None:
            return [watch_of(row) for row in self._connection.execute(_UNDELIVERED, values)]
        return [watch_of(row) for row in self._connection.execute(_UNDELIVERED_AFTER, {**values, "after": after})]

    def backlog(self, watcher: str) -> int:
        """Return the number of channels whose newest evidence ``watcher`` has not receipted."""
        return self._connection.execute(_BACKLOG, {"this": watcher}).scalar_one()


def _order(evidence: Evidence) -> tuple[int, int]:
    """Return what orders evidence of one channel: the sequence (0 for a voucher) and ``paid``."""
    if isinstance(evidence, SignedState):
        return evidence.state.sequence, evidence.state.paid
    return 0, evidence.voucher.paid
