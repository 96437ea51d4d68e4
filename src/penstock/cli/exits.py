"""Exit statuses, one meaning each (docs/cli.md lists them)."""

from __future__ import annotations

from penstock.chain.errors import (
    EmptyBounds,
    KeyFault,
    ManifestConflict,
    ManifestUnreadable,
    RpcUnavailable,
    TransactionPending,
)
from penstock.cli.errors import CliError, GasMissing, NotReady, Unreachable, UsageFault
from penstock.client.errors import (
    ChainViewStale,
    CloseUnseen,
    DepositUnconfirmed,
    ForeignHome,
    HomeUnusable,
    NodeUnreachable,
    WatcherUnreachable,
    WithdrawalUnseen,
)
from penstock.config import PasswordFileUnusable, SettingsInvalid
from penstock.protocol.errors import InputFault, PenstockError
from penstock.storage.errors import StorageError

DONE = 0
FAILED = 1
"""It was carried out and went wrong: a process died, units are missing, a bug."""
USAGE = 2
"""It was not carried out: an option, an argument, a password or a file is wrong."""
REFUSED = 3
"""The counterparty, the contract or our own signer refused it; nothing changed."""
UNREACHABLE = 4
"""A service did not answer, or the chain does not show it yet; trying again later is safe."""
INTERRUPTED = 130
"""Ctrl-C (128 + SIGINT, as shells count)."""

_WRONG_INPUT = (
    UsageFault,
    InputFault,
    KeyFault,
    EmptyBounds,
    ManifestConflict,
    ManifestUnreadable,
    SettingsInvalid,
    PasswordFileUnusable,
    HomeUnusable,
    ForeignHome,
)
_NOT_REACHABLE = (
    Unreachable,
    NotReady,
    NodeUnreachable,
    WatcherUnreachable,
    RpcUnavailable,
    TransactionPending,
    DepositUnconfirmed,
    WithdrawalUnseen,
    CloseUnseen,
    ChainViewStale,
)


def status_of(error: Exception) -> int:
    """Return the exit status that stands for ``error``."""
    if isinstance(error, _WRONG_INPUT):
        return USAGE
    if isinstance(error, _NOT_REACHABLE):
        return UNREACHABLE
    refused = isinstance(error, PenstockError) and not isinstance(error, (CliError, StorageError))
    return REFUSED if refused or isinstance(error, GasMissing) else FAILED
