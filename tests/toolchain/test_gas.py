"""The gas report: what it calls a drift or too much, and that its tables fit and say everything."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from bench.gas.report import PAGE, SNAPSHOT, above_limit, drifted, load_targets, markdown, tables, with_table

COMMITTED: dict[str, int] = json.loads(SNAPSHOT.read_text())


def drawn(figures: dict[str, int], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    for table in tables(figures, width):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_no_committed_figure_is_above_its_limit() -> None:
    assert above_limit(COMMITTED) == []


def test_a_figure_above_its_limit_is_named() -> None:
    figures = COMMITTED | {"settle": 60_001, "close": 69_501}

    assert above_limit(figures) == [
        "close is 69,501, above its limit of 69,500",
        "settle is 60,001, above its limit of 60,000",
    ]


def test_a_figure_at_its_limit_is_not_named() -> None:
    assert above_limit(COMMITTED | {row.name: row.limit for row in load_targets().rows}) == []


def test_figures_that_stayed_are_no_drift() -> None:
    assert drifted({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []


def test_a_figure_that_moved_went_or_came_is_named() -> None:
    assert drifted({"a": 2, "c": 1}, {"a": 1, "b": 5}) == ["a: 1 -> 2", "b: 5 -> absent", "c: absent -> 1"]


@pytest.mark.parametrize("width", [80, 83, 84, 133, 134, 200])
def test_the_tables_show_every_figure_within_the_terminal(width: int) -> None:
    lines = drawn(COMMITTED, width)

    assert max(len(line.rstrip()) for line in lines) <= width
    words = {word.strip("¹²³⁴⁵") for line in lines for word in line.split()}
    rivals = {f"{cell.gas:,}" for row in load_targets().rows for cell in row.rivals.values()}
    assert rivals | {f"{gas:,}" for gas in COMMITTED.values()} <= words


def test_a_wide_terminal_gets_all_rivals_in_one_table() -> None:
    assert len(list(tables(COMMITTED, 80))) > len(list(tables(COMMITTED, 134))) == 2


def test_the_markdown_table_has_a_row_for_each_operation_with_every_remark() -> None:
    text = markdown(COMMITTED)

    assert len(text.splitlines()) == 2 + len(load_targets().rows)
    assert all(remark in text for remark in load_targets().remarks)


def test_the_page_shows_the_committed_figures() -> None:
    assert markdown(COMMITTED) in PAGE.read_text()


def test_a_table_takes_the_place_of_the_one_before_and_of_nothing_else() -> None:
    page = f"# Gas\n\nBefore.\n\n{markdown(COMMITTED)}\n| another | table |\n|---|---|\n| a | b |\n"
    figures = COMMITTED | {"settle": 12_345}

    assert with_table(page, figures) == page.replace(markdown(COMMITTED), markdown(figures))
    assert "**12,345**" in with_table(page, figures)
