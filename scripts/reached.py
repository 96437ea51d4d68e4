"""Judge a coverage report: every line and every branch of the named files has to be reached.

Usage: scripts/reached.py <lcov report> <file>...
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Reach:
    """How often each line of a file ran, and each branch, named as line, block and branch."""

    lines: dict[str, int] = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)

    def missed(self) -> list[str]:
        """Name what never ran; a file of which nothing was counted was not measured at all."""
        if not self.lines:
            return ["not in the report"]
        lines = [f"line {line}" for line, count in self.lines.items() if not count]
        return lines + [f"branch {branch}" for branch, count in self.branches.items() if not count]


def parse(lcov: str) -> dict[str, Reach]:
    """Read a report in lcov's format, by file."""
    reached: dict[str, Reach] = {}
    reach = Reach()
    for record in lcov.splitlines():
        kind, _, value = record.partition(":")
        if kind == "SF":
            reach = reached.setdefault(value, Reach())
        elif kind == "DA":
            line, count = value.split(",")[:2]
            reach.lines[line] = int(count)
        elif kind == "BRDA":
            branch, _, count = value.rpartition(",")
            reach.branches[branch] = 0 if count == "-" else int(count)
    return reached


def ratio(counts: dict[str, int]) -> str:
    """Write how many of these ran."""
    return f"{sum(map(bool, counts.values()))}/{len(counts)}"


def main(arguments: list[str]) -> int:
    """Print a table of the files and what of them was missed.

    Returns
    -------
    int
        The exit status: 1 when anything was missed.

    """
    reached = parse(Path(arguments[0]).read_text())
    missed = []
    for file in arguments[1:]:
        reach = reached.get(file, Reach())
        print(f"{file:40} lines {ratio(reach.lines):>9}   branches {ratio(reach.branches):>7}")
        missed += [f"{file}: {what}" for what in reach.missed()]
    for what in missed:
        print(f"never reached: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
