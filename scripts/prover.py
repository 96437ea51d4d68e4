"""Run halmos, and let the integers prune its paths, too.

Usage: python -m scripts.prover <halmos' arguments>

A path that cannot be is explored to its end if z3 does not see so in the time that halmos gives it for a branch; of
figures of full size that is most of them. What z3 leaves open the integers are asked (scripts/integers.py).
"""

from __future__ import annotations

import sys
from typing import Any

import z3
from halmos.__main__ import main
from halmos.sevm import Path

from scripts.integers import Translation

LIMIT_MS = 200


def prune_by_integers() -> None:
    """Have every path ask the integers what z3 does not know of a branch."""
    translation = Translation()
    ask_z3 = Path.check

    def check(path: Path, condition: z3.BoolRef) -> Any:
        answer = ask_z3(path, condition)
        if answer == z3.unknown and translation.check([*path.conditions, condition], limit_ms=LIMIT_MS) == z3.unsat:
            return z3.unsat
        return answer

    Path.check = check


if __name__ == "__main__":
    prune_by_integers()
    sys.exit(main())
