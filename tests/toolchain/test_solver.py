"""An answer counts only if it decides, and its solver ended well; what yices leaves open the others are asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFUTABLE = "(declare-const x (_ BitVec 96))\n(assert (bvult x (_ bv0 96)))\n(check-sat)\n(get-model)\n"
SATISFIABLE = "(declare-const x (_ BitVec 96))\n(assert (bvult x (_ bv1 96)))\n(check-sat)\n(get-model)\n"


def answer(folder: Path, yices: str, query: str) -> str:
    """Ask the portfolio with a yices that does what the shell script says."""
    solver = folder / "yices-smt2"
    solver.write_text(f"#!/bin/sh\n{yices}\n")
    solver.chmod(0o755)
    (folder / "query.smt2").write_text(query)
    command = [sys.executable, str(ROOT / "scripts/solver.py"), str(folder / "query.smt2")]
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_what_yices_decides_is_printed_as_it_says_it(tmp_path: Path) -> None:
    assert answer(tmp_path, "echo sat; echo '(model)'", SATISFIABLE) == "sat\n(model)\n"
    assert answer(tmp_path, "echo unsat", SATISFIABLE) == "unsat\n"


@pytest.mark.parametrize("yices", ["echo unknown", "echo '(error x)'", "exit 139", "echo sat; exit 1", "exec sleep 60"])
def test_what_it_leaves_open_the_others_decide(tmp_path: Path, yices: str) -> None:
    assert answer(tmp_path, yices, REFUTABLE) == "unsat\n"


def test_a_model_that_was_cut_off_is_none(tmp_path: Path) -> None:
    assert answer(tmp_path, "echo sat; echo '((define-fun'; exit 1", SATISFIABLE) == "unknown\n"


def test_a_file_that_asks_twice_is_not_answered(tmp_path: Path) -> None:
    assert answer(tmp_path, "echo unknown", f"{SATISFIABLE}{REFUTABLE}") == "unknown\n"
