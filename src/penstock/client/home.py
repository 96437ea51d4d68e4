"""The client's directory: its records, its signer's marks, and the contract that both belong to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from penstock.client.errors import ForeignHome, HomeUnusable
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address

_DOMAIN_FILE = "contract.json"


class Home:
    """A directory that belongs to one key on one contract.

    The contract is noted at the first connection and compared at every later one, so that a node cannot move its
    clients to another contract, and ways out work without asking the node for its address.

    Raises
    ------
    HomeUnusable
        The directory cannot be made, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise HomeUnusable(str(path), error.strerror or str(error)) from error

    @property
    def database_url(self) -> str:
        """Return where the records are."""
        return f"sqlite:///{self.path / 'client.db'}"

    @property
    def marks(self) -> Path:
        """Return where the signer's marks are."""
        return self.path / "marks.db"

    def kept(self) -> Domain | None:
        """Return the contract this home belongs to, None before the first connection."""
        file = self.path / _DOMAIN_FILE
        try:
            shape = json.loads(file.read_text(encoding="utf-8"))
            return Domain(int(shape["chainId"]), Address.parse(shape["contract"], "contract"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, PenstockError) as error:
            raise HomeUnusable(str(file), str(error)) from error

    def check(self, domain: Domain) -> None:
        """Check that this home belongs to ``domain``, or to none yet; raises `ForeignHome`."""
        kept = self.kept()
        if kept not in (None, domain):
            raise ForeignHome(str(self.path), str(kept), str(domain))

    def keep(self, domain: Domain) -> None:
        """Note the contract at the first connection; raises `ForeignHome` if another one is noted."""
        self.check(domain)
        if self.kept() == domain:
            return
        file = self.path / _DOMAIN_FILE
        draft = file.with_suffix(".draft")
        try:
            with draft.open("w", encoding="utf-8") as stream:
                json.dump({"chainId": domain.chain_id, "contract": str(domain.contract)}, stream)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except OSError as error:
            raise HomeUnusable(str(file), error.strerror or str(error)) from error
