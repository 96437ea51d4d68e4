"""A proof counts only if halmos says so of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "contract SomeProof {\n    function check_first() {}\n    function check_second(uint256 a) {}\n}\n"


def proofs(folder: Path, *exit_codes: int, bounded_loops: int = 0) -> subprocess.CompletedProcess[str]:
    (folder / "Some.sol").write_text(SOURCE)
    for name, code in zip(("first", "second"), exit_codes, strict=False):
        test = {"name": f"check_{name}()", "exitcode": code, "time": [1.5, 1, 0.5], "num_bounded_loops": bounded_loops}
        text = json.dumps({"exitcode": code, "test_results": {"Some.sol:SomeProof": [test]}})
        (folder / f"Some.{name}.json").write_text(text)
    return script("report", folder, folder)


def script(mode: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/proofs.py"), mode, *map(str, arguments)]
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


def test_proofs_are_named_by_file_or_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "Some.sol").write_text(SOURCE)
    (tmp_path / "Other.sol").write_text("function check_third() {}\n")

    assert script("list", tmp_path).stdout.split() == ["Other.third", "Some.first", "Some.second"]
    assert script("list", tmp_path, "Some").stdout.split() == ["Some.first", "Some.second"]
    assert script("list", tmp_path, "Some.second", "Other").stdout.split() == ["Other.third", "Some.second"]


def test_a_name_that_stands_for_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Some.sol").write_text(SOURCE)

    done = script("list", tmp_path, "Some.frist")

    assert done.returncode == 1
    assert "there is no proof Some.frist" in done.stderr
