"""Say what halmos made of each proof; one without a result is a failure.

Usage: scripts/proofs.py <folder of the proofs> <folder of halmos' results> <name>...
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PROOF = re.compile(r"^ *function (check_\w+)", re.MULTILINE)
# halmos' own exit codes of a single test; anything else is an error of its own, to be read in the log.
VERDICTS = {0: "proved", 1: "counterexample", 2: "timeout", 3: "stuck", 4: "always reverts", 5: "error"}
NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one proof, and how long it took."""

    proof: str
    verdict: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.verdict:15} {self.seconds:6.1f} s  {self.proof}"


def results_of(name: str, sources: Path, results: Path) -> list[Result]:
    """Return a result for each proof that the source holds, in its order.

    Parameters
    ----------
    name
        The proofs are in ``<name>.sol``, their results in ``<name>.json``.
    sources, results
        The folders of both.

    """
    proofs = PROOF.findall((sources / f"{name}.sol").read_text(encoding="utf-8"))
    report = results / f"{name}.json"
    known = {result.proof: result for result in read(report)} if report.exists() else {}
    return [known.get(proof, Result(proof, NOT_RUN)) for proof in proofs]


def read(report: Path) -> list[Result]:
    """Read one of halmos' reports; a proof that ran into a loop's bound is not a proof."""
    tests = [test for tests in json.loads(report.read_text())["test_results"].values() for test in tests or []]
    return [Result(test["name"].partition("(")[0], _verdict(test), test["time"][0]) for test in tests]


def _verdict(test: dict[str, int]) -> str:
    verdict = VERDICTS.get(test["exitcode"], f"exit code {test['exitcode']}")
    return "loop bound" if verdict == "proved" and test["num_bounded_loops"] else verdict


def main(arguments: list[str]) -> int:
    """Print a line for each proof and the total as the last line.

    Returns
    -------
    int
        The exit status: 1 unless all are proved, and there are some.

    """
    sources, results, names = Path(arguments[0]), Path(arguments[1]), arguments[2:]
    found = [result for name in names for result in results_of(name, sources, results)]
    for result in found:
        print(result)
    proved = sum(result.verdict == "proved" for result in found)
    print(f"{proved} of {len(found)} proved")
    if proved == len(found) > 0:
        return 0
    print(f"logs are in {results}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
