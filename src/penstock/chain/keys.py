"""Private keys on disk: encrypted keystores in eth-account's format (Web3 Secret Storage, version 3)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from eth_account import Account as EthAccount

from penstock.chain.account import Account
from penstock.chain.errors import KeystoreExists, KeystoreUnreadable, WrongPassword
from penstock.protocol.errors import MalformedField
from penstock.protocol.primitives import Address

_MODE = 0o600


def save_keystore(path: Path, key: bytes, password: str, *, iterations: int | None = None) -> Address:
    """Encrypt ``key`` into a new file that only its owner can read; return its address.

    Parameters
    ----------
    iterations
        The scrypt work factor n, a power of two; None takes eth-account's (2^18: about a second and 256 MB).

    Raises
    ------
    InvalidKey
        ``key`` is no private key.
    KeystoreExists
        There is a file already.
    KeystoreUnreadable
        The file cannot be written.
    """
    account = Account(key)
    shape = EthAccount.encrypt(key, password, iterations=iterations)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path, json.dumps(shape, indent=2) + "\n")
    except FileExistsError as error:
        raise KeystoreExists(str(path)) from error
    except OSError as error:
        raise KeystoreUnreadable(str(path), error.strerror or str(error)) from error
    return account.address


def load_keystore(path: Path, password: str) -> bytes:
    """Return the private key (32 bytes) that a keystore holds.

    Raises
    ------
    KeystoreUnreadable
        There is no such file, or it is no keystore.
    WrongPassword
        The password does not open it.
    """
    shape = _read(path)
    try:
        return bytes(EthAccount.decrypt(shape, password))
    except (KeyError, TypeError, NotImplementedError) as error:
        raise KeystoreUnreadable(str(path), f"not a version 3 keystore ({error})") from error
    except ValueError as error:
        raise WrongPassword(str(path)) from error


def keystore_address(path: Path) -> Address:
    """Return the address a keystore is for, without its password; raises `KeystoreUnreadable`."""
    address = _read(path).get("address")
    digits = address.removeprefix("0x").lower() if isinstance(address, str) else ""
    try:
        return Address.parse("0x" + digits, "address")
    except MalformedField as error:
        raise KeystoreUnreadable(str(path), str(error)) from error


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> dict[str, Any]:
    try:
        shape = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeystoreUnreadable(str(path), error.strerror or str(error)) from error
    except ValueError as error:
        raise KeystoreUnreadable(str(path), "it is not JSON") from error
    if not isinstance(shape, dict):
        raise KeystoreUnreadable(str(path), "it is not a JSON object")
    return shape
