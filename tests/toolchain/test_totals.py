"""The total that ends a test run is counted, never assumed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORGE = "Ran 2 test suites in 1.00s (1.00s CPU time): 7 tests passed, {failed} failed, 1 skipped (8 total tests)\n"
JUNIT = '<testsuites><testsuite tests="{tests}" failures="{failures}" errors="0" skipped="1"/></testsuites>'


def totals(reports: Path, *suites: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/totals.py"), str(reports), *suites]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_last_line_adds_up_all_suites(tmp_path: Path) -> None:
    (tmp_path / "forge.log").write_text(FORGE.format(failed=0))
    (tmp_path / "python.xml").write_text(JUNIT.format(tests=5, failures=0))

    done = totals(tmp_path, "forge", "python")

    assert done.stdout.splitlines()[-1] == "11 passed, 0 failed, 2 skipped"
    assert done.returncode == 0


def test_a_failed_test_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "forge.log").write_text(FORGE.format(failed=1))

    done = totals(tmp_path, "forge")

    assert done.stdout.splitlines()[-1] == "7 passed, 1 failed, 1 skipped"
    assert done.returncode == 1


def test_a_suite_that_ran_nothing_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "python.xml").write_text(JUNIT.format(tests=1, failures=0))

    done = totals(tmp_path, "python")

    assert "ran nothing" in done.stdout
    assert done.returncode == 1


def test_a_suite_without_a_report_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "forge.log").write_text("Error: Compiler run failed\n")

    done = totals(tmp_path, "forge", "python")

    assert "forge: no totals" in done.stdout
    assert "python: no totals" in done.stdout
    assert done.returncode == 1


def test_what_failed_is_named_once_with_the_reason(tmp_path: Path) -> None:
    failed = "[FAIL: too little] test_Pays() (gas: 9)\n"
    (tmp_path / "forge.log").write_text(failed + FORGE.format(failed=1) + failed)
    case = (
        '<testcase classname="tests.test_pay" name="test_pays"><failure message="assert 1 == 2&#10;more"/></testcase>'
    )
    (tmp_path / "python.xml").write_text(
        f'<testsuites><testsuite tests="1" failures="1" errors="0" skipped="0">{case}</testsuite></testsuites>'
    )

    lines = totals(tmp_path, "forge", "python").stdout.splitlines()

    assert [line for line in lines if line.startswith("FAILED")] == [
        "FAILED     forge: [FAIL: too little] test_Pays() (gas: 9)",
        "FAILED     python: tests.test_pay::test_pays: assert 1 == 2",
    ]
