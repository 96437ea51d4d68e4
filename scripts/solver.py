"""Ask yices, and bitwuzla and the integers beside it if yices takes long: each proves at once what others are hours at.

Usage: scripts/solver.py <query.smt2>

halmos' --solver-command. That there is a counterexample only yices says, with its model.
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

YICES = ("yices-smt2", "--smt2-model-format", "--bvconst-in-decimal")
HEAD_START_SECONDS = 2
BITWUZLA = (sys.executable, __file__, "--bitwuzla")
INTEGERS = (sys.executable, str(Path(__file__).with_name("integers.py")))
DECIDED = ("sat", "unsat")


def main(query: str) -> int:
    """Print the first answer that decides, as its solver prints it."""
    with ThreadPoolExecutor() as threads:
        solvers = [_start(*YICES, query)]
        waiting = {threads.submit(_answer, solvers[0])}
        answered, waiting = wait(waiting, HEAD_START_SECONDS)
        if not _deciding(answered):
            solvers += [_start(*BITWUZLA, query), _start(*INTEGERS, query)]
            waiting |= {threads.submit(_answer, solver) for solver in solvers[1:]}
        while waiting and not _deciding(answered):
            answered, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for solver in solvers:
            solver.kill()
    sys.stdout.write(_deciding(answered) or "unknown\n")
    return 0


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


def _answer(solver: subprocess.Popen[str]) -> str:
    said = solver.communicate()[0]
    return said if solver.returncode == 0 and said.startswith(DECIDED) else ""


def _deciding(answered: set[Future[str]]) -> str:
    return next((answer.result() for answer in answered if answer.result()), "")


if __name__ == "__main__":
    if sys.argv[1] == "--bitwuzla":
        refute(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1]))
