"""Add up what the test suites reported, and name what failed; a suite that ran nothing is a failure.

Usage: scripts/totals.py <reports folder> <suite>...
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

FORGE_FAILURE = re.compile(r"^\[FAIL.*$", re.MULTILINE)
FORGE_TOTAL = re.compile(r"(\d+) tests passed, (\d+) failed, (\d+) skipped \(\d+ total tests\)")


class NoReport(Exception):
    """A suite left no readable report."""

    def __init__(self, suite: str, file: Path) -> None:
        super().__init__(f"{suite}: no totals in {file}")


@dataclass(frozen=True, slots=True)
class Totals:
    """How many tests of a suite passed, failed (errors included) and were skipped."""

    passed: int
    failed: int
    skipped: int

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def read_forge(log: Path) -> Totals:
    """Read the closing line of ``forge test``.

    Raises
    ------
    NoReport
        The log has no such line: forge did not get as far as running tests.

    """
    found = FORGE_TOTAL.findall(log.read_text()) if log.exists() else []
    if not found:
        raise NoReport("forge", log)
    passed, failed, skipped = map(int, found[-1])
    return Totals(passed, failed, skipped)


def read_junit(suite: str, report: Path) -> Totals:
    """Read the JUnit report that pytest wrote.

    Raises
    ------
    NoReport
        There is no such file.

    """
    if not report.exists():
        raise NoReport(suite, report)
    totals = Totals(0, 0, 0)
    for counts in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 (pytest wrote it a moment ago)
        failed = int(counts.get("failures", 0)) + int(counts.get("errors", 0))
        skipped = int(counts.get("skipped", 0))
        totals += Totals(int(counts.get("tests", 0)) - failed - skipped, failed, skipped)
    return totals


def read(suite: str, reports: Path) -> Totals:
    """Read what one suite left in the reports folder."""
    return read_forge(reports / "forge.log") if suite == "forge" else read_junit(suite, reports / f"{suite}.xml")


def failures(suite: str, reports: Path) -> list[str]:
    """Return one line for each test of a suite that failed: its name, then the first line of why."""
    if suite == "forge":
        # forge says it twice: where it happens, and in a list at the end.
        return list(dict.fromkeys(FORGE_FAILURE.findall((reports / "forge.log").read_text())))
    cases = ET.parse(reports / f"{suite}.xml").getroot().iter("testcase")  # noqa: S314 (pytest wrote it a moment ago)
    return [
        f"{case.get('classname')}::{case.get('name')}: {(reason.get('message') or '').partition(chr(10))[0]}"
        for case in cases
        for reason in case
        if reason.tag in {"failure", "error"}
    ]


def main(arguments: list[str]) -> int:
    """Print a line for each test that failed, one for each suite, and the total as the last line.

    Returns
    -------
    int
        The exit status: 1 when a suite failed, ran nothing or left no report.

    """
    reports, suites = Path(arguments[0]), arguments[1:]
    sum_of_all, complete = Totals(0, 0, 0), True
    for suite in suites:
        try:
            totals = read(suite, reports)
        except NoReport as error:
            print(error)
            complete = False
            continue
        for failure in failures(suite, reports) if totals.failed else []:
            print(f"FAILED     {suite}: {failure}")
        print(f"{suite:10} {totals}" + ("" if totals.passed + totals.failed else "  <- ran nothing"))
        complete = complete and totals.passed + totals.failed > 0
        sum_of_all += totals
    print(sum_of_all)
    return 0 if complete and not sum_of_all.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
