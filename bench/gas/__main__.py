"""``python -m bench.gas``: gas per operation, from the receipts of a fresh Anvil.

Without an option it shows the figures beside the rivals'. The exit status is 1 when a figure is above its limit, and
under ``--check`` also when one is not what snapshots/gas.json and the table in docs/contracts.md say.
"""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from bench.gas.chain import Figures
from bench.gas.operations import measure
from bench.gas.report import PAGE, SNAPSHOT, above_limit, drifted, legend, tables, with_table


def main(arguments: list[str]) -> int:
    """Measure, then show, write or compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/gas", description="Measure gas per operation.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with what is committed; 1 when a figure differs")
    what.add_argument(
        "--write", action="store_true", help="write snapshots/gas.json and the table in docs/contracts.md"
    )
    options = parser.parse_args(arguments)
    figures = measure()

    faults = above_limit(figures)
    if options.check:
        faults += _compare(figures)
    elif options.write:
        SNAPSHOT.write_text(json.dumps(figures, indent=2) + "\n")
        PAGE.write_text(with_table(PAGE.read_text(), figures))
    else:
        _show(figures)
    for fault in faults:
        print(f"gas: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _compare(figures: Figures) -> list[str]:
    moved = drifted(figures, json.loads(SNAPSHOT.read_text()))
    page = PAGE.read_text()
    if page != with_table(page, figures):
        moved.append(f"the table in {PAGE.name} is another one")
    if moved:
        return [*moved, "accept what moved with scripts/gas --write, and commit both files"]
    print(f"{len(figures)} figures are what the snapshot says")
    return []


def _show(figures: Figures) -> None:
    console = Console(highlight=False)
    for table in tables(figures, console.width):
        console.print(table)
        console.print()
    console.print(legend())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
