"""Why a call reverted, in words: the custom error with the values it compared."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from penstock.chain.abi import SELECTOR_SIZE, Error, UndecodableError
from penstock.chain.artifacts import artifact
from penstock.chain.create2 import CONDITIONS

_MESSAGE = bytes.fromhex("08c379a0")  # Error(string), what require gives
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256), what assert, division by zero and overflow give


@cache
def _errors() -> dict[bytes, Error]:
    # DevUSDC stands for tokens in general: its errors are those of OpenZeppelin's ERC-20. Ours win if both have one.
    return reduce(or_, (artifact(name).interface.errors for name in ("DevUSDC", *CONDITIONS, "Channels")))


def explain(data: bytes, otherwise: str = "no reason given") -> str:
    """Describe the data of a revert, ``otherwise`` if it is empty."""
    if not data:
        return otherwise
    head, tail = data[:SELECTOR_SIZE], data[SELECTOR_SIZE:]
    try:
        if head == _MESSAGE:
            return str(decode(["string"], tail)[0])
        if head == _PANIC:
            return f"Panic(code={decode(['uint256'], tail)[0]:#x})"
        if head in _errors():
            return _errors()[head].describe(tail)
    except (UndecodableError, DecodingError, ValueError):
        pass
    return f"an unknown error 0x{data.hex()[:80]}"
