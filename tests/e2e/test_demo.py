"""``penstock demo`` runs to its end, with real processes, and nobody loses a unit."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.cli import exits
from tests.e2e.penstock import COMMAND, alive, clean_environment


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Where the demo makes its home, and where nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


def start(temporary: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean_environment(), "TMPDIR": str(temporary)},
    )


@pytest.mark.timeout(240)
def test_the_five_acts_end_with_every_unit_accounted_for(temporary: Path) -> None:
    process = start(temporary)
    out, err = process.communicate(timeout=200)

    assert process.returncode == exits.DONE, out + err
    assert not err
    assert [f"Act {number}" in out for number in range(1, 6)] == [True] * 5
    assert "1,000 payments in" in out
    assert "kill -9" in out
    assert "all 1,000,000,000 units are accounted for, and the contract holds none" in out
    # Without a terminal there are plain lines only.
    assert "\x1b" not in out
    assert "\r" not in out
    assert rows(out, "payer") == [["payer", "1,000.000000", "970.500000", "970.500000"]]
    assert rows(out, "agent") == [["agent", "0.000000", "29.500000", "29.500000"]]
    assert rows(out, "contract") == [["contract", "0.000000", "0.000000", "0.000000"]]
    assert calls(out) == {
        ("deployer", "deploy DevUSDC"): 1,
        ("deployer", "deploy Channels"): 1,
        ("deployer", "deploy HashLock"): 1,
        ("deployer", "deploy Arbitration"): 1,
        ("deployer", "deploy AllOf"): 1,
        ("deployer", "deploy Optimistic"): 1,
        ("deployer", "mint"): 1,
        ("agent's node", "depositWithAuthorization"): 3,
        ("agent's node", "collect"): 1,
        ("payer", "startClose"): 2,
        ("watcher", "challenge"): 2,
        ("watcher", "settle"): 2,
    }


def rows(out: str, first: str) -> list[list[str]]:
    """Return the table rows whose first cell is ``first``."""
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line.startswith("│")]
    return [row for row in cells if row[0] == first]


def calls(out: str) -> Counter[tuple[str, str]]:
    """Count the transactions in the table by sender and call."""
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line.startswith("│")]
    return Counter((sender, call) for block, sender, call, *_ in cells if block.isdigit())


@pytest.mark.timeout(120)
def test_ctrl_c_in_the_middle_leaves_no_process_and_no_file(temporary: Path) -> None:
    process = start(temporary)
    assert process.stdout is not None
    for line in process.stdout:
        if "250 of 1,000 payments" in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 3

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == exits.INTERRUPTED
    assert "Traceback" not in err
    assert not alive(children)


@pytest.mark.timeout(60)
def test_a_missing_anvil_is_named(temporary: Path, tmp_path: Path) -> None:
    process = subprocess.run(
        [*COMMAND, "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**clean_environment(), "TMPDIR": str(temporary), "PENSTOCK_ANVIL": str(tmp_path / "nowhere")},
    )

    assert process.returncode == exits.FAILED
    assert json.loads(process.stderr)["error"]["code"] == "tool-missing"
