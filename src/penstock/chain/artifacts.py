"""The compiled contracts that ship with the package, so that running needs no compiler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from penstock.chain.abi import Interface


@dataclass(frozen=True, slots=True)
class Artifact:
    """A contract's name, its ABI, its creation code and the code that then stands on chain, immutables left zero."""

    name: str
    interface: Interface
    bytecode: bytes
    runtime: bytes


@cache
def artifact(name: str) -> Artifact:
    """Load a shipped contract by its name, such as ``Channels``."""
    text = resources.files("penstock").joinpath(f"artifacts/{name}.json").read_text(encoding="utf-8")
    shape: dict[str, Any] = json.loads(text)
    return Artifact(
        name=shape["contractName"],
        interface=Interface(shape["abi"]),
        bytecode=bytes.fromhex(shape["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(shape["deployedBytecode"].removeprefix("0x")),
    )
