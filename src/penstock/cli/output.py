"""What a command says: tables and sentences for people, one JSON document for programs.

Results go to standard output, everything else to standard error; with ``--json`` each of them is JSON.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from penstock.protocol.errors import PenstockError

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]

_WIDTH_WITHOUT_TERMINAL = 160


def make_console(file: TextIO) -> Console:
    """Return a console that neither wraps identifiers nor colours them where no terminal shows it."""
    width = None if file.isatty() else _WIDTH_WITHOUT_TERMINAL
    return Console(file=file, width=width, highlight=False, emoji=False, markup=False)


class Output:
    """Where one command's words go."""

    def __init__(self, *, as_json: bool) -> None:
        """Speak JSON, or to people."""
        self.as_json = as_json
        self._results = make_console(sys.stdout)
        self._notes = make_console(sys.stderr)

    def result(self, data: Json, *shown: RenderableType) -> None:
        """Print the command's result: ``data`` as JSON, or ``shown`` for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, indent=2) + "\n")
            return
        for each in shown:
            self._results.print(each)

    def note(self, text: str) -> None:
        """Tell a person what is happening; programs do not hear it."""
        if not self.as_json:
            self._notes.print(text, style="dim")


def facts(rows: Mapping[str, object], title: str | None = None) -> Table:
    """Return names and values, one pair a line."""
    table = Table(box=None, show_header=False, title=title, title_justify="left", pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(str(value)))
    return table


def grid(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> Table:
    """Return a table; columns whose name ends in ``>`` are aligned to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.removesuffix(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def report(error: BaseException, *, as_json: bool) -> None:
    """Say on standard error what went wrong, in one sentence, and what to do about it; never a stack trace.

    The trace of a bug of ours is printed only with PENSTOCK_DEBUG set.
    """
    document = _describe(error)
    if as_json:
        sys.stderr.write(json.dumps({"error": document}) + "\n")
    else:
        console = make_console(sys.stderr)
        console.print(Text.assemble(("Error: ", "bold red"), str(document["message"])))
        if document["remedy"]:
            console.print(Text.assemble(("What to do: ", "bold"), str(document["remedy"])))
    if os.environ.get("PENSTOCK_DEBUG"):
        traceback.print_exception(error)


def _describe(error: BaseException) -> dict[str, Json]:
    if isinstance(error, PenstockError):
        return {"code": error.code, "message": str(error), "values": error.values(), "remedy": error.remedy}
    detail = f"{type(error).__name__}: {error}"
    remedy = "This is a bug: run it again with PENSTOCK_DEBUG=1 and report what it prints."
    return {"code": "internal-error", "message": f"an unexpected fault, {detail}", "values": {}, "remedy": remedy}
