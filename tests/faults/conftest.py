"""Each fault is played with seeds; a table tells what became of them."""

from __future__ import annotations

import os
import re

import pytest

SEEDS = range(int(os.environ.get("PENSTOCK_FAULT_FIRST_SEED", "1")), 0xFFFF)[
    : int(os.environ.get("PENSTOCK_FAULT_SEEDS", "2"))
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play each fault with every seed."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each fault: how many seeds it was played with, and those that failed."""
    played: dict[str, list[tuple[str, bool]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            match = re.search(r"::test_(f\d\d)_(\w+)(?:\[(.*)\])?$", report.nodeid)
            if match and getattr(report, "when", "call") == "call":
                name = f"{match[1].upper()} {match[2].replace('_', ' ')}"
                played.setdefault(name, []).append((match[3] or "-", outcome == "passed"))
    if played:
        terminalreporter.section("faults")
    for name, seeds in sorted(played.items()):
        failed = [seed for seed, passed in seeds if not passed]
        verdict = f"FAILED with {', '.join(failed)}" if failed else "passed"
        terminalreporter.write_line(f"{name:70} {len(seeds):5} played  {verdict}")
