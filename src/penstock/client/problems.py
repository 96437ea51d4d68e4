"""From a problem document (RFC 9457) back to the error class that the node raised."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass

from penstock.client.errors import NodeRefused
from penstock.protocol.errors import PeerFault, PenstockError
from penstock.protocol.primitives import parse_hex
from penstock.protocol.wire import SignedStateJson

_TEXT_MAX = 400
_DIGITS_MAX = 80


@dataclass
class Problem:
    """A problem document as it comes; every member may be missing."""

    code: str = ""
    status: int = 0
    title: str = ""
    detail: str = ""
    remedy: str = ""
    values: dict[str, str] = field(default_factory=dict)
    newest: SignedStateJson | None = None


def error_of(problem: Problem, url: str, status: int) -> PenstockError:
    """Return the error that ``problem`` describes, with its values where they can be read.

    Only faults of the peer (`PeerFault`) are mapped back to their class: what happened inside the node, its signer
    or its database, is not our own signer's or database's fault and comes as `NodeRefused`.
    """
    known = PenstockError.by_code(problem.code)
    if issubclass(known, PeerFault) and is_dataclass(known):
        try:
            error = known(**{f.name: _value(problem.values[f.name], str(f.type)) for f in fields(known)})
        except (KeyError, ValueError, PenstockError):
            pass
        else:
            error.add_note(f"refused by the node at {url}")
            return error
    return NodeRefused(url, status, _short(problem.code), _short(problem.detail), _short(problem.remedy))


def _value(text: str, kind: str) -> object:
    if kind == "int":
        if len(text) > _DIGITS_MAX:
            raise ValueError(text[:_DIGITS_MAX])
        return int(text)
    if kind == "bytes":
        return parse_hex(text, "value", (len(text) - 2) // 2)
    return _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX] + "…"
