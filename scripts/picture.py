"""Draw docs/demo.svg, the picture in the README: ``.venv/bin/python scripts/picture.py``.

It runs the demo in a terminal of its own and draws the last act as it stood there.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 100
FIRST_LINE = "The accounts"


def main() -> None:
    """Run the demo and write the picture."""
    shown, status = play()
    if status:
        sys.exit(f"the demo ended with status {status}")
    lines = [re.sub(r"\x1b\[[0-9;]*[A-HJKSTfhl]", "", line) for line in shown.splitlines()]
    start = next(at for at, line in enumerate(lines) if FIRST_LINE in line)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines[start:])))
    # A fixed id keeps the file the same where the picture is the same; without web fonts it loads nothing.
    drawn = console.export_svg(title="make demo", unique_id="demo")
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    (ROOT / "docs" / "demo.svg").write_text(drawn, encoding="utf-8")


def play() -> tuple[str, int]:
    """Return what the demo shows on a terminal of `COLUMNS` columns, and its exit status."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "FORCE_COLOR": "1"}
    command = [str(ROOT / ".venv/bin/penstock"), "demo"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT) as demo:
        os.close(theirs)
        shown = bytearray()
        # The end of a terminal is an error on Linux.
        with suppress(OSError):
            while chunk := os.read(ours, 65536):
                shown += chunk
    os.close(ours)
    return shown.decode(errors="replace").replace("\r\n", "\n"), demo.returncode


if __name__ == "__main__":
    main()
