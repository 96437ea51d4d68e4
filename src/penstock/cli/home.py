"""The home of a local chain: a directory with generated keys, their password, configuration and databases.

For the local development chain only: the password lies beside the keys it opens.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.chain.account import Account, new_key
from penstock.chain.keys import keystore_address, load_keystore, save_keystore
from penstock.cli.errors import HomeForeign, HomeInUse
from penstock.protocol.primitives import Address

ROLES = ("deployer", "node", "watcher", "payer")
"""Who has a key on the local chain."""

_LOCK = "lock"
_MARKER = "local-chain"
_MARKER_TEXT = "Made by `penstock up` for a local chain. `penstock up --fresh` deletes everything in this directory.\n"
_SCRYPT_N = 2**12
"""Far below eth-account's default: the password is in the next file, so time to guess it protects nothing."""


@dataclass(frozen=True, slots=True)
class LocalHome:
    """Where each file of a local chain's home is."""

    path: Path

    @property
    def password_file(self) -> Path:
        """Return the file that opens the generated keys."""
        return self.path / "password"

    @property
    def chain_state(self) -> Path:
        """Return the file in which Anvil keeps the chain."""
        return self.path / "anvil.json"

    @property
    def config_file(self) -> Path:
        """Return the configuration that node, watcher and client read."""
        return self.path / "penstock.toml"

    def keystore(self, role: str) -> Path:
        """Return the keystore of one of `ROLES`."""
        return self.path / "keys" / f"{role}.json"

    def account(self, role: str) -> Account:
        """Open the key of one of `ROLES`."""
        return Account(self.key(role))

    def address(self, role: str) -> Address:
        """Return the address of one of `ROLES`; no password is needed."""
        return keystore_address(self.keystore(role))

    def operator_token(self) -> str:
        """Return the token of the node's operator endpoints, which the node made at its first start."""
        return (self.path / "operator-token").read_text().splitlines()[0]

    def key(self, role: str) -> bytes:
        """Return the private key of one of `ROLES`, 32 bytes."""
        return load_keystore(self.keystore(role), self.password_file.read_text().strip())

    def check_ours(self) -> None:
        """Check that the directory is a local chain's home, empty or missing; raises `HomeForeign`."""
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / _MARKER).exists():
            raise HomeForeign(str(self.path))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the home's lock; it falls with the process, however that ends.

        Raises
        ------
        HomeForeign
            The directory holds something else than a local chain's home.
        HomeInUse
            Another process holds the lock.
        """
        self.check_ours()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / _MARKER).write_text(_MARKER_TEXT)
        with (self.path / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise HomeInUse(str(self.path), lock.read() or "unknown") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def empty(self) -> None:
        """Delete everything that earlier runs left; the lock is held and stays."""
        for entry in self.path.iterdir():
            if entry.name in (_MARKER, _LOCK):
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def make_keys(self) -> None:
        """Make the password and the keys of all `ROLES` that are missing."""
        if not self.password_file.exists():
            descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        password = self.password_file.read_text().strip()
        for role in ROLES:
            if not self.keystore(role).exists():
                save_keystore(self.keystore(role), new_key(), password, iterations=_SCRYPT_N)
