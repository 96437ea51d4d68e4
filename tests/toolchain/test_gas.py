"""The gas table: what it calls a drift, and that it measures what the targets name."""

from __future__ import annotations

import json

from bench.gas import RIVALS, SNAPSHOT, above_limit, drifted, markdown

COMMITTED: dict[str, int] = json.loads(SNAPSHOT.read_text())


def test_every_operation_with_a_limit_is_in_the_snapshot() -> None:
    assert {row["name"] for row in RIVALS["rows"]} <= COMMITTED.keys()


def test_no_committed_figure_is_above_its_limit() -> None:
    assert above_limit(COMMITTED) == []


def test_a_figure_above_its_limit_is_named() -> None:
    assert above_limit(COMMITTED | {"settle": 60_001, "close": 69_501}) == ["close", "settle"]


def test_a_figure_that_moved_came_or_went_is_named() -> None:
    assert drifted({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert drifted({"a": 2, "c": 1}, {"a": 1, "b": 5}) == ["a: 1 -> 2", "b: 5 -> absent", "c: absent -> 1"]


def test_the_markdown_table_has_a_row_for_each_operation() -> None:
    assert len(markdown(COMMITTED).splitlines()) == 2 + len(RIVALS["rows"])
