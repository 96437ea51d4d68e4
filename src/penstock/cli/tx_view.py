"""A transaction as the command line shows it; money in wei for programs, in gwei and ether for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.console import RenderableType

from penstock.cli.channel_view import moment
from penstock.cli.output import Json, facts, grid
from penstock.node.records import Transaction, TransactionStatus

_GWEI = 10**9
_ETHER = 10**18
_KEY_SHOWN = 40


def transaction_data(transaction: Transaction) -> dict[str, Json]:
    """Return a transaction for programs; amounts of wei are decimal strings."""
    intent, signed, outcome = transaction.intent, transaction.signed, transaction.outcome
    return {
        "id": transaction.id,
        "key": intent.key,
        "purpose": intent.purpose,
        "status": transaction.status,
        "priority": intent.priority.name.lower(),
        "channelId": _text(intent.channel_id),
        "receiver": str(intent.receiver),
        "deadline": intent.deadline,
        "budgetWei": _text(intent.budget),
        "sender": _text(transaction.sender),
        "nonce": signed.nonce if signed else None,
        "maxFeePerGas": str(signed.max_fee_per_gas) if signed else None,
        "maxPriorityFeePerGas": str(signed.max_priority_fee_per_gas) if signed else None,
        "gasLimit": signed.gas_limit if signed else None,
        "hashes": [str(each) for each in transaction.hashes],
        "bumpRequested": transaction.wishes.bump,
        "cancelRequested": transaction.wishes.cancel,
        "block": outcome.block_number if outcome else None,
        "hash": _text(transaction.hash),
        "feePaidWei": str(outcome.gas_used * outcome.gas_price) if outcome else None,
        "failure": transaction.failure,
        "createdAt": transaction.created_at,
    }


def transaction_table(transactions: Sequence[Transaction], now: int) -> RenderableType:
    """Return transactions for people, one a line."""
    columns = ("id>", "status", "purpose", "key", "nonce>", "max fee>", "budget>", "age>", "until deadline>")
    return grid(columns, [_line(transaction, now) for transaction in transactions])


def _line(transaction: Transaction, now: int) -> tuple[object, ...]:
    intent, signed = transaction.intent, transaction.signed
    key = intent.key if len(intent.key) <= _KEY_SHOWN else f"{intent.key[:_KEY_SHOWN]}…"
    waits = transaction.status in (TransactionStatus.QUEUED, TransactionStatus.SIGNED)
    return (
        transaction.id,
        transaction.status,
        intent.purpose,
        key,
        signed.nonce if signed else "",
        f"{signed.max_fee_per_gas // _GWEI} gwei" if signed else "",
        "" if intent.budget is None else f"{_ether(intent.budget)} ETH",
        f"{now - transaction.created_at} s",
        f"{intent.deadline - now} s" if intent.deadline is not None and waits else "",
    )


def transaction_facts(transaction: Transaction, now: int) -> RenderableType:
    """Return one transaction for people."""
    intent, signed, outcome = transaction.intent, transaction.signed, transaction.outcome
    rows: dict[str, object | None] = {
        "id": transaction.id,
        "key": intent.key,
        "purpose": f"{intent.purpose}, {intent.priority.name.lower()}",
        "status": transaction.status,
        "failure": transaction.failure,
        "asked for": transaction.wishes.cancel or ("higher fees" if transaction.wishes.bump else None),
        "channel": intent.channel_id,
        "receiver": intent.receiver,
        "stored": f"{moment(transaction.created_at)}, {now - transaction.created_at} s ago",
        "deadline": None if intent.deadline is None else moment(intent.deadline),
        "budget": None if intent.budget is None else f"{_ether(intent.budget)} ETH",
        "sender": transaction.sender,
        "nonce": signed.nonce if signed else None,
        "offers": _offer(transaction),
        "versions": "\n".join(str(each) for each in transaction.hashes) or None,
        "block": outcome.block_number if outcome else None,
        "mined as": outcome.hash if outcome else None,
        "fee paid": f"{_ether(outcome.gas_used * outcome.gas_price)} ETH" if outcome else None,
    }
    return facts({name: value for name, value in rows.items() if value is not None})


def _offer(transaction: Transaction) -> str | None:
    signed = transaction.signed
    if signed is None:
        return None
    limit = _ether(signed.gas_limit * signed.max_fee_per_gas)
    tip = signed.max_priority_fee_per_gas / Decimal(_GWEI)
    return f"{signed.max_fee_per_gas // _GWEI} gwei with a tip of {tip.normalize():f} gwei, at most {limit} ETH"


def _ether(wei: int) -> str:
    return f"{(wei / Decimal(_ETHER)).normalize():f}"


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
