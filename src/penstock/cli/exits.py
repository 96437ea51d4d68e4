"""Exit statuses, one meaning each (docs/cli.md lists them)."""

from __future__ import annotations

from penstock.chain.errors import KeyFault
from penstock.cli.errors import CliError, GasMissing, NotReady, Unreachable, UsageFault
from penstock.protocol.errors import InputFault, PenstockError

DONE = 0
FAILED = 1
"""It was carried out and went wrong: a process died, units are missing, a bug."""
USAGE = 2
"""It was not carried out: an option, an argument, a password or a file is wrong."""
REFUSED = 3
"""The counterparty, the contract or our own signer refused it; nothing changed."""
UNREACHABLE = 4
"""A service did not answer; trying again later is safe."""
INTERRUPTED = 130
"""Ctrl-C (128 + SIGINT, as shells count)."""

_UNREACHABLE_CODES = frozenset({"rpc-unavailable", "storage-unavailable", "node-unavailable", "watcher-unavailable"})


def status_of(error: Exception) -> int:
    """Return the exit status that stands for ``error``."""
    match error:
        case UsageFault() | InputFault() | KeyFault():
            return USAGE
        case Unreachable() | NotReady():
            return UNREACHABLE
        case GasMissing():
            return REFUSED
        case CliError():
            return FAILED
        case PenstockError():
            return UNREACHABLE if error.code in _UNREACHABLE_CODES else REFUSED
        case _:
            return FAILED
