"""From rows to the protocol's values and back: the groups of columns that several tables share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from penstock.protocol.messages import Channel, SignedState, SignedVoucher, State, Voucher
from penstock.protocol.onchain import OnChain
from penstock.protocol.primitives import Bytes32
from penstock.protocol.watch_policy import Evidence

_TERMS = tuple(field.name for field in fields(Channel))
_TOTALS = ("payer_deposit", "payee_deposit", "payer_withdrawn", "payee_withdrawn")
_EVIDENCE = ("sequence", "paid", "payer_locked", "payee_locked", "locks_root", "payer_signature", "payee_signature")
_NOTHING: dict[str, Any] = dict.fromkeys(_EVIDENCE)


def terms_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that make a `Channel`, in its fields' order."""
    return [table.c[name] for name in _TERMS]


def totals_columns(table: sa.Table, prefix: str) -> list[sa.Column[Any]]:
    """Return the four totals, in the order of `OnChain` and `Funds`."""
    return [table.c[f"{prefix}_{name}"] for name in _TOTALS]


def evidence_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that make a `SignedState` or a `SignedVoucher`."""
    return [table.c[name] for name in _EVIDENCE]


def terms_values(channel: Channel) -> dict[str, Any]:
    """Return a channel's terms by column."""
    return {name: getattr(channel, name) for name in _TERMS}


def totals_values(prefix: str, onchain: OnChain) -> dict[str, int]:
    """Return the four totals by column."""
    return {f"{prefix}_{name}": getattr(onchain, name) for name in _TOTALS}


def evidence_values(evidence: Evidence | None) -> dict[str, Any]:
    """Return evidence by column; a voucher fills two of them, nothing fills none."""
    match evidence:
        case SignedState(state=state):
            return {
                "sequence": state.sequence,
                "paid": state.paid,
                "payer_locked": state.payer_locked,
                "payee_locked": state.payee_locked,
                "locks_root": state.locks_root,
                "payer_signature": evidence.payer_signature,
                "payee_signature": evidence.payee_signature or None,
            }
        case SignedVoucher(voucher=voucher):
            return {**_NOTHING, "paid": voucher.paid, "payer_signature": evidence.payer_signature}
        case None:
            return _NOTHING


def state_of(channel_id: Bytes32, columns: Sequence[Any]) -> SignedState:
    """Read a state from its columns."""
    sequence, paid, payer_locked, payee_locked, locks_root, payer_signature, payee_signature = columns
    state = State(channel_id, sequence, paid, payer_locked, payee_locked, locks_root)
    return SignedState(state, payer_signature, payee_signature or b"")


def evidence_of(channel_id: Bytes32, columns: Sequence[Any]) -> Evidence | None:
    """Read a state, or a voucher if there is no sequence, or None if there is no signature."""
    sequence, paid, _, _, _, payer_signature, _ = columns
    if payer_signature is None:
        return None
    if sequence is None:
        return SignedVoucher(Voucher(channel_id, paid), payer_signature)
    return state_of(channel_id, columns)
