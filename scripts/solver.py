"""Ask yices, and bitwuzla and the integers beside it if yices takes long: each proves at once what others are hours at.

Usage: scripts/solver.py <query.smt2>

halmos' --solver-command. That there is a counterexample only yices says, with its model.
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

YICES = ("yices-smt2", "--smt2-model-format", "--bvconst-in-decimal")
HEAD_START_SECONDS = 2
INTEGERS = Path(__file__).with_name("integers.py")
DECIDED = ("sat", "unsat")


def main(query: str) -> int:
    """Print the first solver's answer that decides, as that solver prints it."""
    yices = _start(*YICES, query)
    try:
        return _print(yices.communicate(timeout=HEAD_START_SECONDS)[0])
    except subprocess.TimeoutExpired:
        pass
    refuting = (_start(sys.executable, __file__, "--bitwuzla", query), _start(sys.executable, str(INTEGERS), query))
    solvers = (yices, *refuting)
    with ThreadPoolExecutor() as threads:
        waiting = {threads.submit(solver.communicate) for solver in solvers}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for answer in done:
                said = answer.result()[0]
                if said.startswith(DECIDED):
                    for solver in solvers:
                        solver.kill()
                    return _print(said)
    return _print("unknown\n")


def refute(query: Path) -> None:
    """Print "unsat" if bitwuzla finds so."""
    import bitwuzla  # noqa: PLC0415 (the portfolio itself does without)

    # It parses no request for a model unless it is to make one, which would slow it down.
    plain = re.sub(r"^\(get-model\)$", "", query.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), bitwuzla.Options())
    parser.parse(plain, parse_only=True, parse_file=False)
    if parser.bitwuzla().check_sat() == bitwuzla.Result.UNSAT:
        sys.stdout.write("unsat\n")


def _start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _print(answer: str) -> int:
    sys.stdout.write(answer)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--bitwuzla":
        refute(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1]))
