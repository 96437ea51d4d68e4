"""The index of faults names tests that exist, and every test that stands in its folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FAULTS = TESTS / "contracts/faults"
NAMED = re.compile(r"`(?P<file>[\w/.]+\.(sol|py))`|`(?P<test>test\w+)`")
TEST = re.compile(r"(?:function|def) (test\w+)")


def indexed() -> set[tuple[str, str]]:
    """Read the index: in each row, a test belongs to the file named last before it."""
    named = set()
    for row in (FAULTS / "README.md").read_text().splitlines():
        file = ""
        for match in NAMED.finditer(row):
            file = match["file"] or file
            if match["test"]:
                named.add((f"contracts/{file}" if file.endswith(".sol") else file, match["test"]))
    return named


def names_in(file: Path) -> set[str]:
    return set(TEST.findall(file.read_text()))


@pytest.mark.parametrize(("file", "test"), sorted(indexed()))
def test_each_test_in_the_index_exists(file: str, test: str) -> None:
    assert test in names_in(TESTS / file)


def test_each_test_of_the_faults_is_in_the_index() -> None:
    standing = {(f"contracts/faults/{file.name}", test) for file in FAULTS.glob("*.sol") for test in names_in(file)}

    assert standing
    assert standing <= indexed()
