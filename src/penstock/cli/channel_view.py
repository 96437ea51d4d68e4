"""A channel as the command line shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import RenderableType

from penstock.cli.amounts import show_amount
from penstock.cli.output import Json, facts, grid
from penstock.client import Recorded
from penstock.protocol.causes import Pay
from penstock.protocol.messages import SignedState
from penstock.protocol.onchain import Closing
from penstock.protocol.position import Position
from penstock.protocol.vouchers import highest_paid


@dataclass(frozen=True, slots=True)
class Coin:
    """A token's short name and decimals."""

    symbol: str
    decimals: int

    def show(self, units: int) -> str:
        """Write smallest units for people: ``2.500000 USDC``."""
        return f"{show_amount(units, self.decimals)} {self.symbol}"


def paid_of(position: Position) -> int:
    """Return what was paid in all, net (smallest units)."""
    return highest_paid(position) if position.channel.one_way else position.base.paid


def channel_data(position: Position) -> dict[str, Json]:
    """Return a channel for programs; amounts are decimal strings in smallest units."""
    channel, funds, phase = position.channel, position.funds, position.phase
    return {
        "channelId": str(position.channel_id),
        "kind": channel.kind,
        "phase": phase.name,
        "deadline": phase.deadline if isinstance(phase, Closing) else None,
        "payer": str(channel.payer),
        "payee": str(channel.payee),
        "token": str(channel.token),
        "challengePeriodSeconds": channel.challenge_period_seconds,
        "payerDeposit": str(funds.payer_deposit),
        "payeeDeposit": str(funds.payee_deposit),
        "payerWithdrawn": str(funds.payer_withdrawn),
        "payeeWithdrawn": str(funds.payee_withdrawn),
        "paid": str(paid_of(position)),
        "spendable": str(position.payer_spendable),
        "sequence": str(position.base.sequence),
        "highestSeen": str(position.highest_seen),
        "unanswered": len(position.unanswered),
        "closePaid": None if position.close_paid is None else str(position.close_paid),
    }


def channel_facts(position: Position, coin: Coin) -> RenderableType:
    """Return a channel for people."""
    channel, funds, phase = position.channel, position.funds, position.phase
    rows: dict[str, object] = {
        "channel": position.channel_id,
        "kind": channel.kind,
        "phase": phase.name,
        **({"settled from": moment(phase.deadline)} if isinstance(phase, Closing) else {}),
        "payer": channel.payer,
        "payee": channel.payee,
        "deposit": coin.show(funds.payer_deposit),
        "withdrawn": coin.show(funds.payer_withdrawn),
        "paid": coin.show(paid_of(position)),
        "spendable": coin.show(position.payer_spendable),
        "challenge period": f"{channel.challenge_period_seconds} s",
    }
    if not channel.one_way:
        rows["newest state"] = position.base.sequence
        rows["unanswered"] = len(position.unanswered)
    return facts(rows)


def channel_table(rows: Sequence[tuple[Position, Coin]]) -> RenderableType:
    """Return channels for people, one a line."""
    if not rows:
        return "no channels yet: open one with `penstock channel open`"
    lines = [
        (
            position.channel_id,
            position.channel.kind,
            position.phase.name,
            coin.show(position.funds.payer_deposit),
            coin.show(paid_of(position)),
            coin.show(position.payer_spendable),
        )
        for position, coin in rows
    ]
    return grid(("channel", "kind", "phase", "deposit>", "paid>", "spendable>"), lines)


def history_data(recorded: Recorded) -> dict[str, Json]:
    """Return one line of the history for programs."""
    evidence = recorded.evidence
    if isinstance(evidence, SignedState):
        what: dict[str, Json] = {"sequence": str(evidence.state.sequence), "paid": str(evidence.state.paid)}
    else:
        what = {"paid": str(evidence.voucher.paid)}
    causes = [
        {"type": type(cause).__name__, "id": str(cause.cause_id), "amount": str(cause.amount)}
        for cause in recorded.causes
    ]
    return {**what, "status": recorded.status, "recordedAt": recorded.recorded_at, "causes": causes}


def history_table(history: Sequence[Recorded], coin: Coin) -> RenderableType:
    """Return the history for people, the newest first."""
    lines = [_history_line(recorded, coin) for recorded in history]
    return grid(("when", "state>", "moved>", "paid in all>", "status"), lines)


def _history_line(recorded: Recorded, coin: Coin) -> tuple[object, ...]:
    when, evidence = moment(recorded.recorded_at), recorded.evidence
    if not isinstance(evidence, SignedState):
        return when, "", "", coin.show(evidence.voucher.paid), recorded.status
    moved = sum(cause.amount if isinstance(cause, Pay) else -cause.amount for cause in recorded.causes)
    return when, evidence.state.sequence, coin.show(moved), coin.show(evidence.state.paid), recorded.status


def moment(seconds: int) -> str:
    """Write seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
