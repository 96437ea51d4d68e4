"""A proof counts only if halmos says so of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "contract SomeProof {\n    function check_first() {}\n    function check_second(uint256 a) {}\n}\n"


def proofs(folder: Path, *exit_codes: int, bounded_loops: int = 0) -> subprocess.CompletedProcess[str]:
    names = ["check_first()", "check_second(uint256)"][: len(exit_codes)]
    tests = [
        {"name": name, "exitcode": code, "time": [1.5, 1, 0.5], "num_bounded_loops": bounded_loops}
        for name, code in zip(names, exit_codes, strict=True)
    ]
    (folder / "Some.sol").write_text(SOURCE)
    (folder / "Some.json").write_text(json.dumps({"exitcode": 0, "test_results": {"Some.sol:SomeProof": tests}}))
    command = [sys.executable, str(ROOT / "scripts/proofs.py"), str(folder), str(folder), "Some"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_all_proved_is_a_success(tmp_path: Path) -> None:
    done = proofs(tmp_path, 0, 0)

    assert done.stdout.splitlines()[-1] == "2 of 2 proved"
    assert done.returncode == 0


def test_a_counterexample_and_a_timeout_fail_the_run(tmp_path: Path) -> None:
    done = proofs(tmp_path, 1, 2)

    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == ["counterexample", "timeout"]
    assert done.returncode == 1


def test_a_proof_without_a_result_fails_the_run(tmp_path: Path) -> None:
    done = proofs(tmp_path, 0)

    assert done.stdout.splitlines()[1].startswith("not run")
    assert done.returncode == 1


def test_a_loop_that_was_cut_short_is_no_proof(tmp_path: Path) -> None:
    done = proofs(tmp_path, 0, 0, bounded_loops=1)

    assert done.stdout.splitlines()[-2:] == ["0 of 2 proved", f"logs are in {tmp_path}"]
    assert done.returncode == 1
