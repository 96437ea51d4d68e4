"""One readable stream of many programs' lines: a coloured, aligned name before each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.text import Text

from penstock.cli.output import make_console

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


class LogStream:
    """Print lines as they come; a `penstock.cli.supervisor.Sink`."""

    def __init__(self, names: Sequence[str], *, as_json: bool) -> None:
        """Give each of ``names`` a colour, and a column that fits the longest."""
        self._as_json = as_json
        self._width = max(map(len, names))
        self._colour = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._console = make_console(sys.stdout)

    def __call__(self, name: str, line: str) -> None:
        """Print one line of one program; with JSON, one document a line."""
        if self._as_json:
            self._console.out(json.dumps({"process": name, "line": line}), highlight=False)
            return
        prefix = (f"{name:<{self._width}} │ ", self._colour.get(name, "white"))
        # The line may carry colours of its own; rich would otherwise print the escapes as text.
        self._console.print(Text.assemble(prefix, Text.from_ansi(line)), soft_wrap=True)
