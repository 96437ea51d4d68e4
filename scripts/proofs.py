"""List the proofs, and say what halmos made of each; one without a result is a failure.

Usage: scripts/proofs.py list <folder of the proofs> [<name>...]
       scripts/proofs.py report <folder of the proofs> <folder of halmos' results> [<name>...]

A name is that of a file, which stands for all its proofs, or file.proof; none stands for all files.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PROOF = re.compile(r"^ *function check_(\w+)", re.MULTILINE)
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


def proofs_in(sources: Path, names: list[str]) -> list[str]:
    """Return the proofs that are meant, as ``file.proof``, in the order of the sources.

    Raises
    ------
    SystemExit
        A name stands for nothing.

    """
    files = sorted(sources.glob("*.sol"))
    known = [f"{file.stem}.{proof}" for file in files for proof in PROOF.findall(file.read_text(encoding="utf-8"))]
    for name in names:
        if not any(name in (proof, proof.partition(".")[0]) for proof in known):
            sys.exit(f"penstock: there is no proof {name}\n  known: {' '.join(known)}")
    return [proof for proof in known if not names or not {proof, proof.partition(".")[0]}.isdisjoint(names)]


def result_of(proof: str, results: Path) -> Result:
    """Return what ``<file.proof>.json`` says; a proof that ran into a loop's bound is not a proof."""
    report = results / f"{proof}.json"
    tests = []
    if report.exists():
        tests = [test for tests in json.loads(report.read_text())["test_results"].values() for test in tests or []]
    if len(tests) != 1:
        return Result(proof, NOT_RUN)
    return Result(proof, _verdict(tests[0]), tests[0]["time"][0])


def _verdict(test: dict[str, int]) -> str:
    verdict = VERDICTS.get(test["exitcode"], f"exit code {test['exitcode']}")
    return "loop bound" if verdict == "proved" and test["num_bounded_loops"] else verdict


def report(proofs: list[str], results: Path) -> int:
    """Print a line for each proof and the total as the last line.

    Returns
    -------
    int
        The exit status: 1 unless all are proved, and there are some.

    """
    found = [result_of(proof, results) for proof in proofs]
    for result in found:
        print(result)
    proved = sum(result.verdict == "proved" for result in found)
    print(f"{proved} of {len(found)} proved")
    if proved == len(found) > 0:
        return 0
    print(f"logs are in {results}")
    return 1


def main(arguments: list[str]) -> int:
    """Do what the usage says, and return the exit status."""
    mode, sources, *rest = arguments
    if mode == "list":
        print("\n".join(proofs_in(Path(sources), rest)))
        return 0
    results, *names = rest
    return report(proofs_in(Path(sources), names), Path(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
