"""How values without a column type of their own are kept: chain events and phases as JSON, causes as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints

from penstock.protocol.causes import Pay, Refund, Transfer
from penstock.protocol.onchain import MAY_FOLLOW, Closing, Ended, Event, Open, Phase, Unopened
from penstock.protocol.primitives import Address, Bytes32

_EVENTS: dict[str, type[Event]] = {event.__name__: event for event in MAY_FOLLOW}
_PHASES: dict[str, type[Phase]] = {phase.name: phase for phase in (Unopened, Open, Closing, Ended)}
_CAUSES: tuple[type[Transfer], ...] = (Pay, Refund)
_AMOUNT_SIZE = 16
_CAUSE_SIZE = 1 + Bytes32.size + _AMOUNT_SIZE


def _to_json(value: object) -> Any:
    """Write integers as decimal strings (JSON readers round large ones), bytes as 0x-hex, dataclasses as objects."""
    match value:
        case bool():
            return value
        case int() | Bytes32() | Address():
            return str(value)
        case _ if is_dataclass(value):
            return {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _from_json(kind: type, value: Any) -> Any:
    if kind is bool:
        return value
    if kind is int:
        return int(value)
    if kind in (Bytes32, Address):
        return kind(bytes.fromhex(value[2:]))
    return kind(**{name: _from_json(_hints(kind)[name], value[name]) for name in value})


def event_to_json(event: Event) -> dict[str, Any]:
    """Write the fields of an event; its name is its class's."""
    written: dict[str, Any] = _to_json(event)
    return written


def event_from_json(name: str, written: dict[str, Any]) -> Event:
    """Read an event."""
    event: Event = _from_json(_EVENTS[name], written)
    return event


def phase_to_json(phase: Phase) -> dict[str, Any] | None:
    """Write the fields of a phase, None if it has none; its name is written apart."""
    return _to_json(phase) or None


def phase_from_json(name: str, written: dict[str, Any] | None) -> Phase:
    """Read a phase."""
    phase: Phase = _from_json(_PHASES[name], written or {})
    return phase


def pack_causes(causes: Iterable[Transfer]) -> bytes:
    """Write causes as 49 bytes each: the kind (0 Pay, 1 Refund), the id, the amount (big-endian)."""
    return b"".join(
        bytes((_CAUSES.index(type(cause)),)) + cause.cause_id + cause.amount.to_bytes(_AMOUNT_SIZE, "big")
        for cause in causes
    )


def unpack_causes(packed: bytes) -> tuple[Transfer, ...]:
    """Read causes."""
    return tuple(_unpack_cause(packed[at : at + _CAUSE_SIZE]) for at in range(0, len(packed), _CAUSE_SIZE))


def _unpack_cause(packed: bytes) -> Transfer:
    kind, cause_id, amount = packed[0], packed[1 : 1 + Bytes32.size], packed[1 + Bytes32.size :]
    return _CAUSES[kind](Bytes32(cause_id), int.from_bytes(amount, "big"))
