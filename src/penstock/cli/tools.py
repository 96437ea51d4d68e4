"""Where the programs are that the command line runs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from penstock.cli.errors import ToolMissing

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def penstock_command() -> tuple[str, ...]:
    """Return the arguments that run this very ``penstock``, installed or not on PATH."""
    return (sys.executable, "-m", "penstock.cli")


def find_anvil() -> Path:
    """Return the native ``anvil``: PENSTOCK_ANVIL, a checkout's node_modules, else the one on PATH.

    npm's launcher in ``node_modules/.bin`` is passed over: killing it would leave the real program running.

    Raises
    ------
    ToolMissing
        There is none.
    """
    named = os.environ.get("PENSTOCK_ANVIL")
    candidates = [Path(named)] if named else [*_in_checkouts(), *_on_path()]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise ToolMissing("anvil", ", ".join(map(str, candidates)) or "PATH")


def _in_checkouts() -> list[Path]:
    machine = _ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower())
    native = Path("node_modules", "@foundry-rs", f"anvil-{sys.platform}-{machine}", "bin", "anvil")
    return [root / native for root in (Path.cwd(), *Path(__file__).resolve().parents) if (root / native).exists()]


def _on_path() -> list[Path]:
    found = shutil.which("anvil")
    return [Path(found)] if found and Path(found).parent.name != ".bin" else []
