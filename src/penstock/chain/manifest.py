"""The manifest of a chain, ``<directory>/<chainId>.json``: what was deployed there, and from what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from penstock.chain.artifacts import Artifact, verification_input
from penstock.chain.create2 import PROXY, SALT
from penstock.chain.errors import ManifestConflict, ManifestUnreadable
from penstock.chain.standing import Creation
from penstock.protocol.crypto import keccak
from penstock.protocol.errors import MalformedField
from penstock.protocol.primitives import Address, Bytes32

Entry = dict[str, Any]
"""A contract as the manifest has it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One chain's manifest on disk; it need not exist yet. Whatever else the file holds, a note of one's own, stays."""

    path: Path
    chain_id: int

    @classmethod
    def of(cls, directory: Path, chain_id: int) -> Self:
        """Return the manifest of a chain."""
        return cls(directory / f"{chain_id}.json", chain_id)

    @property
    def inputs(self) -> Path:
        """Return the folder of the standard JSON that explorers verify with."""
        return self.path.with_suffix("")

    def check(self, name: str, address: Address) -> None:
        """Check that no other address is recorded; raises `ManifestConflict` and `ManifestUnreadable`."""
        recorded = self._recorded(name)
        if recorded and recorded[0] != address:
            raise ManifestConflict(str(self.path), name, str(recorded[0]), str(address))

    def creation(self, name: str, address: Address) -> Creation | None:
        """Return what is recorded of the creation of the contract at ``address``; raises `ManifestUnreadable`."""
        recorded = self._recorded(name)
        return recorded[1] if recorded and recorded[0] == address else None

    def record(self, name: str, entry: Entry) -> None:
        """Write one contract's entry, and beside the manifest its verification input; each whole or not at all."""
        shape = self._shape()
        shape["contracts"] = dict(sorted((shape["contracts"] | {name: entry}).items()))
        self.inputs.mkdir(parents=True, exist_ok=True)
        _replace(self.inputs / f"{name}.standard.json", verification_input(name))
        _replace(self.path, json.dumps(shape, indent=2) + "\n")

    def _recorded(self, name: str) -> tuple[Address, Creation | None] | None:
        entry = self._shape()["contracts"].get(name)
        return _parse(self.path, name, entry) if entry is not None else None

    def _shape(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"chainId": self.chain_id, "proxy": str(PROXY), "salt": str(SALT), "contracts": {}}
        try:
            shape = json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ManifestUnreadable(str(self.path), error.strerror or str(error)) from error
        except ValueError as error:
            raise ManifestUnreadable(str(self.path), "it is not JSON") from error
        _check_shape(self.path, shape, self.chain_id)
        return dict(shape)


def contract_entry(
    kind: Artifact, arguments: Mapping[str, int], address: Address, code: bytes, creation: Creation | None
) -> Entry:
    """Return the entry of a contract that stands at ``address`` with this code; arguments by name, in their order."""
    encoded = kind.interface.encode_constructor(*arguments.values())
    return {
        "address": str(address),
        "block": creation.block if creation else None,
        "transactionHash": str(creation.transaction) if creation else None,
        "constructorArguments": dict(arguments),
        "encodedConstructorArguments": "0x" + encoded.hex(),
        "compiler": dict(kind.compiler),
        "initCodeHash": _hash(kind.bytecode + encoded),
        "runtimeCodeHash": _hash(code),
    }


def _hash(code: bytes) -> str:
    return str(Bytes32(keccak(code)))


def _check_shape(path: Path, shape: Any, chain_id: int) -> None:
    if not isinstance(shape, dict) or not isinstance(shape.get("contracts"), dict):
        raise ManifestUnreadable(str(path), "it has no contracts")
    if shape.get("chainId") != chain_id:
        raise ManifestUnreadable(str(path), f"it is of chain {shape.get('chainId')}, expected {chain_id}")


def _parse(path: Path, name: str, entry: Any) -> tuple[Address, Creation | None]:
    try:
        address = Address.parse(entry["address"], "address")
        if entry["block"] is None:
            return address, None
        return address, Creation(int(entry["block"]), Bytes32.parse(entry["transactionHash"], "transactionHash"))
    except (TypeError, ValueError, KeyError, MalformedField) as error:
        raise ManifestUnreadable(str(path), f"the entry of {name} is incomplete ({error})") from error


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
