"""The figures beside those of others: limits kept or not, drift from the snapshot, tables for terminal and page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich import box
from rich.table import Table

from bench.gas.chain import ROOT, Figures

SNAPSHOT = ROOT / "snapshots" / "gas.json"
PAGE = ROOT / "docs" / "contracts.md"
"""Shows the table too."""

_RIVALS = Path(__file__).parent / "rivals.json"
_NAME_WIDTH, _OWN_WIDTH, _RIVAL_WIDTH = 30, 7, 9
"""Of columns: an operation, a figure, a rival's name or its figure with a mark."""
_GAP = 1
_MARKS = "¹²³⁴⁵⁶⁷⁸⁹"
_IN_PAGE = re.compile(r"\| operation \| ours \|.*\n(?:\|.*\n)+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A rival's figure, as measured: its gas, and what has to be known to compare it, if anything."""

    gas: int
    remark: str

    def __str__(self) -> str:
        """Return ``84,610 refund``."""
        return f"{self.gas:,} {self.remark}".rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """An operation: the name of our figure, the most it may be, and the rivals' figures by column."""

    name: str
    operation: str
    limit: int
    rivals: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Targets:
    """What bench/gas/rivals.json holds."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return the remarks of all cells, each once."""
        cells = (row.rivals[column] for row in self.rows for column in self.columns if column in row.rivals)
        return tuple(dict.fromkeys(cell.remark for cell in cells if cell.remark))


@cache
def load_targets() -> Targets:
    """Read the rivals' figures and our limits."""
    shape = json.loads(_RIVALS.read_text())
    rows = (
        Row(row["name"], row["operation"], row["limit"], {name: _cell(text) for name, text in row["rivals"].items()})
        for row in shape["rows"]
    )
    return Targets(tuple(shape["columns"]), tuple(rows))


def _cell(text: str) -> Cell:
    gas, _, remark = text.partition(" ")
    return Cell(int(gas.replace(",", "")), remark)


def above_limit(figures: Figures) -> list[str]:
    """Return a line for each figure above its limit."""
    return [
        f"{row.name} is {figures[row.name]:,}, above its limit of {row.limit:,}"
        for row in load_targets().rows
        if figures[row.name] > row.limit
    ]


def drifted(figures: Figures, committed: Figures) -> list[str]:
    """Return a line for each figure that is not what the snapshot says."""
    names = sorted(figures.keys() | committed.keys())
    return [
        f"{name}: {committed.get(name, 'absent')} -> {figures.get(name, 'absent')}"
        for name in names
        if figures.get(name) != committed.get(name)
    ]


def tables(figures: Figures, width: int) -> Iterator[Table]:
    """Yield our figures with limits and margins beside the rivals', in as many tables as the width asks for."""
    targets = load_targets()
    rivals, with_limits = list(targets.columns), True
    while rivals:
        own = 3 if with_limits else 1
        left = width - _NAME_WIDTH - own * (_OWN_WIDTH + _GAP)
        fitting = max(1, left // (_RIVAL_WIDTH + _GAP))
        yield _table(figures, rivals[:fitting], with_limits=with_limits)
        rivals, with_limits = rivals[fitting:], False
    yield _others(figures)


def _table(figures: Figures, rivals: list[str], *, with_limits: bool) -> Table:
    shown = _empty("gas per operation", ["ours", "limit", "margin"] if with_limits else ["ours"], rivals)
    remarks = load_targets().remarks
    for row in load_targets().rows:
        ours = figures[row.name]
        style = "green" if ours <= row.limit else "bold red"
        limits = [f"{row.limit:,}", f"[{style}]{row.limit - ours:,}[/]"] if with_limits else []
        cells = (_shown(row.rivals.get(column), ours, remarks) for column in rivals)
        shown.add_row(row.operation, f"[{style}]{ours:,}[/]", *limits, *cells)
    return shown


def _shown(cell: Cell | None, ours: int, remarks: tuple[str, ...]) -> str:
    if cell is None:
        return ""
    mark = _MARKS[remarks.index(cell.remark)] if cell.remark else ""
    text = f"{cell.gas:,}{mark}"
    return f"[yellow]{text}[/]" if cell.gas < ours else text


def _others(figures: Figures) -> Table:
    """Return the figures that have neither limit nor rival."""
    shown = _empty("measured besides", ["ours"], [])
    for name in sorted(figures.keys() - {row.name for row in load_targets().rows}):
        shown.add_row(name.replace("_", " "), f"{figures[name]:,}")
    return shown


def _empty(title: str, own: list[str], rivals: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    table.add_column(title, width=_NAME_WIDTH)
    for column in own:
        table.add_column(column, justify="right", width=_OWN_WIDTH)
    for column in rivals:
        table.add_column(column, justify="right", width=_RIVAL_WIDTH)
    return table


def legend() -> str:
    """Return what the tables' colours and marks mean."""
    lines = ["yellow: a rival needs less"]
    lines += [f"{_MARKS[at]} {remark}" for at, remark in enumerate(load_targets().remarks)]
    return "\n".join(lines)


def with_table(page: str, figures: Figures) -> str:
    """Return the page with the table in it replaced by that of these figures; it has exactly one."""
    (old,) = _IN_PAGE.findall(page)
    return page.replace(old, markdown(figures))


def markdown(figures: Figures) -> str:
    """Return our figures beside the rivals' as a Markdown table, remarks in full."""
    targets = load_targets()
    lines = [_line("operation", "ours", *targets.columns, "limit"), "|---" * (len(targets.columns) + 3) + "|"]
    for row in targets.rows:
        rivals = (str(row.rivals.get(column, "–")) for column in targets.columns)  # noqa: RUF001 (a dash for none)
        lines.append(_line(row.operation, f"**{figures[row.name]:,}**", *rivals, f"{row.limit:,}"))
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
