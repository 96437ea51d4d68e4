"""Vouchers: the history of a one-way channel."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.node.records import VoucherRecord
from penstock.protocol.messages import SignedVoucher, Voucher
from penstock.protocol.primitives import UINT128_MAX, Bytes32
from penstock.storage.tables import vouchers as table

_ADD = table.insert()
_HISTORY = (
    sa.select(table.c.paid, table.c.payer_signature, table.c.recorded_at)
    .where(table.c.channel_id == sa.bindparam("channel"), table.c.paid < sa.bindparam("before"))
    .order_by(table.c.paid.desc())
    .limit(sa.bindparam("limit"))
)


class Vouchers:
    """Implements `penstock.node.ports.Vouchers`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def add(self, signed: SignedVoucher, at: int) -> None:
        """Store a voucher."""
        values = {
            "channel_id": signed.voucher.channel_id,
            "paid": signed.voucher.paid,
            "payer_signature": signed.payer_signature,
            "recorded_at": at,
        }
        self._connection.execute(_ADD, values)

    def history(self, channel_id: Bytes32, before: int | None, limit: int) -> list[VoucherRecord]:
        """Return at most ``limit`` vouchers over less than ``before``, highest first."""
        below = UINT128_MAX + 1 if before is None else before
        found = self._connection.execute(_HISTORY, {"channel": channel_id, "before": below, "limit": limit})
        return [
            VoucherRecord(SignedVoucher(Voucher(channel_id, paid), signature), recorded_at)
            for paid, signature, recorded_at in found
        ]
