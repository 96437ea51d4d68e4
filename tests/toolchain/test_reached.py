"""What no test reaches fails the coverage, and so does what was not measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHOLE = "SF:contracts/A.sol\nDA:3,1\nDA:4,7\nBRDA:4,0,0,2\nBRDA:4,0,1,5\nend_of_record\n"


def judge(tmp_path: Path, lcov: str, *files: str) -> subprocess.CompletedProcess[str]:
    report = tmp_path / "lcov.info"
    report.write_text(lcov)
    command = [sys.executable, str(ROOT / "scripts/reached.py"), str(report), *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_that_is_reached_in_full_passes(tmp_path: Path) -> None:
    done = judge(tmp_path, WHOLE, "contracts/A.sol")

    assert done.stdout.split() == ["contracts/A.sol", "lines", "2/2", "branches", "2/2"]
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("record", "missed", "name"),
    [("DA:4,7", "DA:4,0", "line 4"), ("BRDA:4,0,1,5", "BRDA:4,0,1,-", "branch 4,0,1")],
)
def test_a_line_or_a_branch_that_no_test_reaches_fails(tmp_path: Path, record: str, missed: str, name: str) -> None:
    done = judge(tmp_path, WHOLE.replace(record, missed), "contracts/A.sol")

    assert done.stdout.splitlines()[-1] == f"never reached: contracts/A.sol: {name}"
    assert done.returncode == 1


def test_a_file_that_was_not_measured_fails(tmp_path: Path) -> None:
    done = judge(tmp_path, WHOLE, "contracts/A.sol", "contracts/B.sol")

    assert done.stdout.splitlines()[-1] == "never reached: contracts/B.sol: not in the report"
    assert done.returncode == 1
