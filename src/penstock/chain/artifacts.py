"""The compiled contracts that ship with the package, so that running needs no compiler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from penstock.chain.abi import Interface


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    Attributes
    ----------
    bytecode, runtime
        The creation code, and the code that then stands on chain with the immutables left zero.
    compiler
        The compiler's version and the settings that the bytecode depends on.
    """

    name: str
    interface: Interface
    bytecode: bytes
    runtime: bytes
    compiler: Mapping[str, Any]


@cache
def artifact(name: str) -> Artifact:
    """Load a shipped contract by its name, such as ``Channels``."""
    shape: dict[str, Any] = json.loads(_shipped(f"{name}.json"))
    return Artifact(
        name=shape["contractName"],
        interface=Interface(shape["abi"]),
        bytecode=bytes.fromhex(shape["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(shape["deployedBytecode"].removeprefix("0x")),
        compiler=shape["compiler"],
    )


def verification_input(name: str) -> str:
    """Return the compiler's standard JSON that makes a contract, sources included: what block explorers verify with."""
    return _shipped(f"inputs/{name}.json")


def _shipped(path: str) -> str:
    return resources.files("penstock").joinpath("artifacts", path).read_text(encoding="utf-8")
