"""Channels: one row holds a party's whole position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from penstock.node.records import ChannelRecord, StateStatus
from penstock.protocol.messages import Channel, SignedState, SignedVoucher, State, Withdrawal
from penstock.protocol.onchain import Closing, OnChain, Open
from penstock.protocol.position import Funds, Position, funds_that_count
from penstock.protocol.primitives import Bytes32
from penstock.storage import rows
from penstock.storage.codec import phase_from_json, phase_to_json
from penstock.storage.tables import channels as table
from penstock.storage.tables import states

_COLUMNS = [
    table.c.channel_id,
    table.c.phase,
    table.c.phase_data,
    table.c.promised_payer_total,
    table.c.promised_payee_total,
    table.c.promised_until,
    table.c.close_paid,
    table.c.highest_seen,
    table.c.registered_at,
    *rows.terms_columns(table),
    *rows.totals_columns(table, "confirmed"),
    *rows.totals_columns(table, "head"),
    *rows.evidence_columns(table),
]
_PLAIN, _TERMS, _CONFIRMED, _HEAD, _EVIDENCE = (
    slice(*ends) for ends in ((0, 9), (9, 17), (17, 21), (21, 25), (25, 32))
)
_THIS = table.c.channel_id == sa.bindparam("this")

_ADD = table.insert()
_GET = sa.select(*_COLUMNS).where(_THIS)
_PAGE = sa.select(*_COLUMNS).order_by(table.c.channel_id).limit(sa.bindparam("limit"))
_PAGE_AFTER = _PAGE.where(table.c.channel_id > sa.bindparam("after"))
_UNCOLLECTED = sa.select(*_COLUMNS).where(
    table.c.one_way.is_(True),
    table.c.payer_signature.is_not(None),
    table.c.paid != table.c.head_payee_withdrawn,
    table.c.phase.in_((Open.name, Closing.name)),
)
_UPDATE = table.update().where(_THIS)
_EXPIRE = (
    table.update()
    .where(table.c.promised_until < sa.bindparam("time"))
    .values(promised_payer_total=0, promised_payee_total=0, promised_until=None)
)
_POSSIBLE_FINALS = (
    sa.select(states.c.sequence, states.c.paid, states.c.payer_locked, states.c.payee_locked, states.c.locks_root)
    .where(
        states.c.channel_id == sa.bindparam("this"),
        states.c.sequence > sa.bindparam("newest"),
        states.c.status != StateStatus.CO_SIGNED,
    )
    .order_by(states.c.sequence)
)


class Channels:
    """Implements `penstock.node.ports.Channels`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def add(self, channel_id: Bytes32, channel: Channel, registered_at: int) -> None:
        """Register a channel."""
        values = {"channel_id": channel_id, "registered_at": registered_at, **rows.terms_values(channel)}
        self._connection.execute(_ADD, values)

    def get(self, channel_id: Bytes32) -> Position | None:
        """Return the position, None for a channel that is not registered."""
        row = self._connection.execute(_GET, {"this": channel_id}).one_or_none()
        return None if row is None else self._record(row).position

    def record(self, channel_id: Bytes32) -> ChannelRecord | None:
        """Return the position with what the chain says and what was promised."""
        row = self._connection.execute(_GET, {"this": channel_id}).one_or_none()
        return None if row is None else self._record(row)

    def page(self, after: Bytes32 | None, limit: int) -> list[ChannelRecord]:
        """Return at most ``limit`` channels in the order of their ids, from the one after ``after``."""
        statement = _PAGE if after is None else _PAGE_AFTER
        found = self._connection.execute(statement, {"limit": limit} | ({} if after is None else {"after": after}))
        return [self._record(row) for row in found.all()]

    def uncollected(self) -> list[Position]:
        """Return the one-way channels, not ended, whose voucher says something else than what was collected."""
        return [self._record(row).position for row in self._connection.execute(_UNCOLLECTED).all()]

    def save(self, position: Position) -> None:
        """Store what the party holds: the newest state or voucher, the highest sequence seen, the signed close."""
        values = rows.evidence_values(position.newest or position.voucher)
        values = values | {"highest_seen": position.highest_seen, "close_paid": position.close_paid}
        self._connection.execute(_UPDATE, {"this": position.channel_id, **values})

    def promise(self, withdrawal: Withdrawal) -> None:
        """Count a withdrawal as withdrawn from now on; totals and deadline only rise."""
        record = self.record(withdrawal.channel_id)
        assert record is not None, "a promise in a channel that is not registered"
        before = record.promised or withdrawal
        values = {
            "this": withdrawal.channel_id,
            "promised_payer_total": max(before.payer_total, withdrawal.payer_total),
            "promised_payee_total": max(before.payee_total, withdrawal.payee_total),
            "promised_until": max(before.deadline, withdrawal.deadline),
        }
        self._connection.execute(_UPDATE, values)

    def expire_promises(self, confirmed_time: int) -> None:
        """Forget the promises whose deadline a confirmed block's time has passed."""
        self._connection.execute(_EXPIRE, {"time": confirmed_time})

    def set_onchain(self, channel_id: Bytes32, confirmed: OnChain, head: OnChain) -> None:
        """Store what the chain says; nothing happens for a channel that is not registered."""
        values = {
            "this": channel_id,
            "phase": head.phase.name,
            "phase_data": phase_to_json(head.phase),
            **rows.totals_values("confirmed", confirmed),
            **rows.totals_values("head", head),
        }
        self._connection.execute(_UPDATE, values)

    def _record(self, row: Sequence[Any]) -> ChannelRecord:
        channel_id, phase, phase_data, payer_total, payee_total, until, close_paid, highest_seen, at = row[_PLAIN]
        promised = None if until is None else Withdrawal(channel_id, payer_total, payee_total, until)
        confirmed = OnChain(phase_from_json(phase, phase_data), *row[_CONFIRMED])
        head = OnChain(confirmed.phase, *row[_HEAD])
        evidence = rows.evidence_of(channel_id, row[_EVIDENCE])
        newest = evidence if isinstance(evidence, SignedState) else None
        position = Position(
            channel_id=channel_id,
            channel=Channel(*row[_TERMS]),
            phase=head.phase,
            funds=funds_that_count(confirmed, head, (promised,) if promised else ()),
            newest=newest,
            unanswered=self._possible_finals(channel_id, newest.state.sequence if newest else 0, highest_seen),
            highest_seen=highest_seen,
            voucher=evidence if isinstance(evidence, SignedVoucher) else None,
            close_paid=close_paid,
        )
        return ChannelRecord(position, Funds(*row[_CONFIRMED]), head, promised, at)

    def _possible_finals(self, channel_id: Bytes32, newest: int, highest_seen: int) -> tuple[State, ...]:
        """Return the half-signed states above ``newest``; without a number above it there is none to look for."""
        if highest_seen == newest:
            return ()
        found = self._connection.execute(_POSSIBLE_FINALS, {"this": channel_id, "newest": newest})
        return tuple(State(channel_id, *row) for row in found)
