"""A contract's ABI: calls encoded, answers, events and errors decoded (Solidity ABI specification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode, is_encodable
from eth_abi.exceptions import DecodingError

from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32

SELECTOR_SIZE = 4
_TOPIC_SIZE = 32

AbiEntry = Mapping[str, Any]


class UndecodableError(ValueError):
    """Bytes that are not what the ABI says; the caller knows whose fault that is."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name and selector, and the types of what goes in and comes out."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def accepts(self, arguments: Sequence[object]) -> bool:
        """Return whether the arguments are of the types that go in."""
        return is_encodable(f"({','.join(self.inputs)})", arguments)

    def encode(self, *arguments: object) -> bytes:
        """Return the calldata."""
        return self.selector + encode(self.inputs, arguments)

    def arguments(self, calldata: bytes) -> tuple[Any, ...]:
        """Return what the call was given; raises `UndecodableError`."""
        return _decode(self.inputs, calldata[SELECTOR_SIZE:])

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Return what the call returned; raises `UndecodableError`."""
        return _decode(self.outputs, data)


@dataclass(frozen=True, slots=True)
class Event:
    """An event's topic and its parameters, indexed ones apart."""

    name: str
    topic: Bytes32
    parameters: tuple[tuple[str, str, bool], ...]

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Return the parameters by name, all of the indexed ones being of value types; raises `UndecodableError`."""
        indexed = [(name, kind) for name, kind, is_indexed in self.parameters if is_indexed]
        plain = [(name, kind) for name, kind, is_indexed in self.parameters if not is_indexed]
        if len(topics) != 1 + len(indexed) or any(len(topic) != _TOPIC_SIZE for topic in topics):
            raise UndecodableError(f"{self.name} with {len(topics)} topics")
        values = {name: _decode((kind,), topic)[0] for (name, kind), topic in zip(indexed, topics[1:], strict=True)}
        decoded = _decode([kind for _, kind in plain], data)
        return values | {name: value for (name, _), value in zip(plain, decoded, strict=True)}


@dataclass(frozen=True, slots=True)
class Error:
    """A custom error: its selector, and its parameters' names and types."""

    name: str
    parameters: tuple[tuple[str, str], ...]

    def describe(self, data: bytes) -> str:
        """Return ``Name(parameter=value, …)``; raises `UndecodableError`."""
        values = _decode([kind for _, kind in self.parameters], data)
        shown = (f"{name}={_show(kind, value)}" for (name, kind), value in zip(self.parameters, values, strict=True))
        return f"{self.name}({', '.join(shown)})"


class Interface:
    """What a contract understands and says."""

    def __init__(self, abi: Sequence[AbiEntry]) -> None:
        self._functions: dict[tuple[str, int], list[Function]] = {}
        for entry in abi:
            if entry["type"] == "function":
                self._functions.setdefault((entry["name"], len(entry["inputs"])), []).append(_function(entry))
        self._by_selector = {f.selector: f for overloads in self._functions.values() for f in overloads}
        self.names = {each: function.name for each, function in self._by_selector.items()}
        self.events = {event.topic: event for event in (_event(e) for e in abi if e["type"] == "event")}
        self.errors = {selector(e): _error(e) for e in abi if e["type"] == "error"}
        constructor = next((e for e in abi if e["type"] == "constructor"), None)
        self._constructor_inputs = _types(constructor["inputs"]) if constructor else ()

    def function(self, name: str, arity: int) -> Function:
        """Return a function by name and number of parameters, of which there must be one only."""
        (function,) = self._functions[name, arity]
        return function

    def called(self, calldata: bytes) -> Function | None:
        """Return the function that calldata calls, None if there is no such function."""
        return self._by_selector.get(calldata[:SELECTOR_SIZE])

    def event(self, name: str) -> Event:
        """Return an event by name."""
        return next(event for event in self.events.values() if event.name == name)

    def encode_call(self, name: str, *arguments: object) -> bytes:
        """Return calldata for ``name`` with these arguments; structs are tuples."""
        overloads = self._functions[name, len(arguments)]
        # Asked only where the number of parameters does not tell: it costs as much as encoding.
        function = overloads[0] if len(overloads) == 1 else next(f for f in overloads if f.accepts(arguments))
        return function.encode(*arguments)

    def encode_constructor(self, *arguments: object) -> bytes:
        """Return the constructor's arguments as they follow the creation code."""
        return encode(self._constructor_inputs, arguments)


def selector(entry: AbiEntry) -> bytes:
    """Return the first four bytes of the signature's hash."""
    return _signature_hash(entry)[:SELECTOR_SIZE]


def _signature_hash(entry: AbiEntry) -> bytes:
    return keccak(f"{entry['name']}({','.join(_types(entry['inputs']))})".encode())


def _type(parameter: AbiEntry) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(parameter['components']))}){kind.removeprefix('tuple')}"


def _types(parameters: Sequence[AbiEntry]) -> tuple[str, ...]:
    return tuple(_type(parameter) for parameter in parameters)


def _function(entry: AbiEntry) -> Function:
    return Function(entry["name"], selector(entry), _types(entry["inputs"]), _types(entry["outputs"]))


def _event(entry: AbiEntry) -> Event:
    parameters = tuple((p["name"], _type(p), p["indexed"]) for p in entry["inputs"])
    return Event(entry["name"], Bytes32(_signature_hash(entry)), parameters)


def _error(entry: AbiEntry) -> Error:
    return Error(entry["name"], tuple((p["name"], _type(p)) for p in entry["inputs"]))


def _decode(kinds: Sequence[str], data: bytes) -> tuple[Any, ...]:
    try:
        return tuple(decode(kinds, data))
    except (DecodingError, ValueError, OverflowError) as error:
        raise UndecodableError(str(error)) from error


def _show(kind: str, value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if kind == "address" and isinstance(value, str):
        return str(Address(bytes.fromhex(value.removeprefix("0x"))))
    return str(value)
