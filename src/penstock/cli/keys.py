"""``penstock keys``: private keys in encrypted keystores, never in arguments, output or logs."""

from __future__ import annotations

import re
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from penstock.chain.account import new_key
from penstock.chain.errors import InvalidKey
from penstock.chain.keys import keystore_address, save_keystore
from penstock.cli.errors import KeyMissing, KeyNameMalformed
from penstock.cli.options import DEFAULT_HOME, AsJson, Home, PasswordFile
from penstock.cli.output import Output, facts, grid
from penstock.cli.passwords import read_password
from penstock.protocol.errors import MalformedField
from penstock.protocol.primitives import parse_hex

app = typer.Typer(
    name="keys",
    help="Make, list and take over keys. They live in HOME/keys as encrypted keystores (eth-account's format, scrypt).",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The key's name: letters, digits, - and _.", show_default=False)]

_KEY_BYTES = 32


@app.command()
def new(name: Name, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Make a new random key and store it encrypted.

    The password is asked for, or comes from --password-file or PENSTOCK_PASSWORD. Nobody can recover a lost one.
    """
    _store(name, new_key(), home, password_file, Output(as_json=as_json))


@app.command("import")
def take_over(
    name: Name, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Take over a private key: 64 hex digits, typed hidden or piped through standard input."""
    path = key_path(home, name)
    text = getpass(f"Private key for {path}: ") if sys.stdin.isatty() else sys.stdin.readline()
    digits = text.strip().removeprefix("0x")
    try:
        key = parse_hex("0x" + digits, "key", _KEY_BYTES)
    except MalformedField:
        # The protocol's error would show what it read.
        raise InvalidKey(f"{len(digits)} characters, expected {2 * _KEY_BYTES} hex digits") from None
    _store(name, key, home, password_file, Output(as_json=as_json))


@app.command("list")
def list_keys(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the keys and their addresses; no password is needed."""
    found = [(path.stem, str(keystore_address(path)), str(path)) for path in _stored(home)]
    data = [{"name": name, "address": address, "path": path} for name, address, path in found]
    shown = grid(("name", "address", "keystore"), found) if found else f"no keys in {home / 'keys'}"
    Output(as_json=as_json).result(data, shown)


@app.command()
def show(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a key's address; no password is needed, and the private key is never shown."""
    path = existing_key(home, name)
    _print(Output(as_json=as_json), name, str(keystore_address(path)), path)


def key_path(home: Path, name: str) -> Path:
    """Return where the key ``name`` is or would be; raises `KeyNameMalformed`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise KeyNameMalformed(name)
    return home / "keys" / f"{name}.json"


def existing_key(home: Path, name: str) -> Path:
    """Return the keystore of ``name``; raises `KeyNameMalformed` and `KeyMissing`."""
    path = key_path(home, name)
    if not path.exists():
        raise KeyMissing(name, ", ".join(each.stem for each in _stored(home)) or "none")
    return path


def _stored(home: Path) -> list[Path]:
    return sorted((home / "keys").glob("*.json"))


def _store(name: str, key: bytes, home: Path, password_file: Path | None, output: Output) -> None:
    path = key_path(home, name)
    password = read_password(path, password_file, twice=True)
    _print(output, name, str(save_keystore(path, key, password)), path)


def _print(output: Output, name: str, address: str, path: Path) -> None:
    data = {"name": name, "address": address, "path": str(path)}
    output.result(data, facts({"name": name, "address": address, "keystore": path}))
