"""``penstock demo`` runs to its end, with real processes, and nobody loses a unit."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.cli import exits
from tests.e2e.penstock import COMMAND, alive, clean_environment

DEMO_SECONDS_MAX = 90

PAID = 1_000 * 25_000 + 200 * 10_000 + 100 * 25_000


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


@pytest.mark.timeout(240)
def test_the_accounts_are_there_for_programs(temporary: Path) -> None:
    process = start(temporary, "--json", "--seed", "7")
    out, err = process.communicate(timeout=200)
    assert process.returncode == exits.DONE, out + err

    data = json.loads(out)
    holdings = {each["who"]: (int(each["before"]), int(each["after"])) for each in data["holdings"]}
    calls = Counter((each["sender"], each["call"]) for each in data["transactions"])

    assert holdings == {"payer": (10**9, 10**9 - PAID), "agent": (0, PAID), "contract": (0, 0)}
    assert all(each["succeeded"] and each["gasUsed"] > 0 for each in data["transactions"])
    assert calls["agent's node", "depositWithAuthorization"] == 3
    assert calls["agent's node", "collect"] == 1
    assert calls["payer", "startClose"] == calls["watcher", "challenge"] == calls["watcher", "settle"] == 2
    assert data["seconds"] < DEMO_SECONDS_MAX


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
    begun = time.monotonic()
    process = subprocess.run(
        [*COMMAND, "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**clean_environment(), "TMPDIR": str(temporary), "PENSTOCK_ANVIL": str(tmp_path / "nowhere")},
    )

    assert process.returncode == exits.FAILED
    assert json.loads(process.stderr)["error"]["code"] == "tool-missing"
    assert time.monotonic() - begun < 30
