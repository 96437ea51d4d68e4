"""Answer one SMT-LIB query with Bitwuzla, whose Python package has no command of its own, as halmos asks a solver.

Usage: scripts/solver.py <query.smt2>
"""

from __future__ import annotations

import sys

from bitwuzla import Option, Options, Parser, TermManager


def main(query: str) -> None:
    """Print what the commands of the query ask for: ``sat`` and a model, or ``unsat``."""
    options = Options()
    options.set(Option.PRODUCE_MODELS, 1)
    Parser(TermManager(), options).parse(query, parse_only=False, parse_file=True)


if __name__ == "__main__":
    main(sys.argv[1])
