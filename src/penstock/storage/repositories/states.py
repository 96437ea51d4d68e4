"""States: the history of a two-way channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from penstock.node.records import StateRecord, StateStatus
from penstock.protocol.messages import SignedState
from penstock.protocol.primitives import UINT64_MAX, Bytes32
from penstock.protocol.proposals import Proposal
from penstock.storage import rows
from penstock.storage.codec import pack_causes, unpack_causes
from penstock.storage.errors import RecordConflict
from penstock.storage.tables import channels
from penstock.storage.tables import states as table

_CHANNEL = table.c.channel_id == sa.bindparam("channel")
_THIS = sa.and_(_CHANNEL, table.c.sequence == sa.bindparam("this"))
_SELECT = sa.select(*rows.evidence_columns(table), table.c.base, table.c.causes, table.c.status, table.c.recorded_at)

_ADD = table.insert()
_GET = _SELECT.where(_THIS)
_UPDATE = table.update().where(_THIS)
_REFUSE = table.update().where(_THIS, table.c.status == StateStatus.UNANSWERED).values(status=StateStatus.REFUSED)
_NEWEST = (
    sa.select(sa.func.coalesce(channels.c.sequence, sa.literal(0, channels.c.sequence.type)))
    .where(channels.c.channel_id == sa.bindparam("channel"))
    .scalar_subquery()
)
_UNANSWERED = _SELECT.where(_CHANNEL, table.c.status == StateStatus.UNANSWERED, table.c.sequence > _NEWEST).order_by(
    table.c.sequence
)
_HISTORY = (
    _SELECT.where(_CHANNEL, table.c.sequence < sa.bindparam("before"))
    .order_by(table.c.sequence.desc())
    .limit(sa.bindparam("limit"))
)


class States:
    """Implements `penstock.node.ports.States`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def add(self, proposal: Proposal, payee_signature: bytes, at: int) -> None:
        """Store a proposal with its causes: co-signed, or unanswered while ``payee_signature`` is empty."""
        signed = SignedState(proposal.state, proposal.signature, payee_signature)
        self._insert(signed, proposal.base, pack_causes(proposal.transfers), at)

    def get(self, channel_id: Bytes32, sequence: int) -> StateRecord | None:
        """Return what was signed at ``sequence``."""
        row = self._connection.execute(_GET, {"channel": channel_id, "this": sequence}).one_or_none()
        return None if row is None else _record(channel_id, row)

    def complete(self, signed: SignedState, at: int) -> None:
        """Store the co-signature of a proposal, or a co-signed state that came from somebody else's records.

        Raises
        ------
        RecordConflict
            Another state is stored at this sequence.
        """
        state = signed.state
        stored = self.get(state.channel_id, state.sequence)
        if stored is None:
            self._insert(signed, None, b"", at)
            return
        if stored.signed.state != state:
            raise RecordConflict(f"the state with sequence {state.sequence}", str(stored.signed.state), str(state))
        values = {"payee_signature": signed.payee_signature, "status": StateStatus.CO_SIGNED}
        self._connection.execute(_UPDATE, {"channel": state.channel_id, "this": state.sequence, **values})

    def refuse(self, channel_id: Bytes32, sequence: int) -> None:
        """Note that the payee refused the proposal; a co-signed one stays co-signed."""
        self._connection.execute(_REFUSE, {"channel": channel_id, "this": sequence})

    def unanswered(self, channel_id: Bytes32) -> list[Proposal]:
        """Return the proposals above the newest co-signed state that were neither answered nor refused, in order."""
        found = self._connection.execute(_UNANSWERED, {"channel": channel_id})
        return [_proposal(_record(channel_id, row)) for row in found]

    def history(self, channel_id: Bytes32, before: int | None, limit: int) -> list[StateRecord]:
        """Return at most ``limit`` states below the sequence ``before``, newest first."""
        below = UINT64_MAX + 1 if before is None else before
        found = self._connection.execute(_HISTORY, {"channel": channel_id, "before": below, "limit": limit})
        return [_record(channel_id, row) for row in found]

    def _insert(self, signed: SignedState, base: Bytes32 | None, causes: bytes, at: int) -> None:
        status = StateStatus.CO_SIGNED if signed.payee_signature else StateStatus.UNANSWERED
        values = {
            "channel_id": signed.state.channel_id,
            "base": base,
            "causes": causes,
            "status": status,
            "recorded_at": at,
            **rows.evidence_values(signed),
        }
        self._connection.execute(_ADD, values)


def _record(channel_id: Bytes32, row: Sequence[Any]) -> StateRecord:
    *state, base, causes, status, recorded_at = row
    signed = rows.state_of(channel_id, state)
    return StateRecord(signed, base, unpack_causes(causes), StateStatus(status), recorded_at)


def _proposal(record: StateRecord) -> Proposal:
    assert record.base is not None, "only our own proposals are unanswered"
    return Proposal(record.base, record.signed.state, record.signed.payer_signature, record.causes)
