"""kill -9 at any moment: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from tests.integration.storage.crash_writer import channel_ids

ROOT = Path(__file__).parents[3]
ROUNDS = 6


def run_until_killed(url: str, seconds: float) -> dict[int, int]:
    """Return the highest acknowledged sequence of each channel."""
    command = [sys.executable, "-m", "tests.integration.storage.crash_writer", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the writer ended by itself"
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        lines = [first, *process.stdout]
        timer.join()
    acknowledged: dict[int, int] = {}
    for line in lines:
        number, sequence = map(int, line.split())
        acknowledged[number] = sequence
    return acknowledged


def check_whole(database: Database, channel_id: Bytes32, acknowledged: int) -> None:
    position = database.read_sync(lambda uow: uow.channels.get(channel_id))
    assert position is not None
    newest = position.base.sequence
    assert newest >= acknowledged
    assert position.highest_seen == newest
    assert position.base.paid == newest
    history = database.read_sync(lambda uow: uow.states.history(channel_id, None, newest + 1))
    assert [record.signed.state.sequence for record in history] == list(range(newest, 0, -1))
    ids = [Bytes32(n.to_bytes(32, "big")) for n in range(1, newest + 2)]
    applied = database.read_sync(lambda uow: uow.causes.records(channel_id, ids)).applied
    assert applied == set(ids[:newest])


@pytest.mark.timeout(300)
def test_kill_9_during_commits_keeps_what_was_acknowledged(url: str) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print("seed", seed)  # noqa: T201 (pytest shows it when the test fails)

    for _ in range(ROUNDS):
        acknowledged = run_until_killed(url, chance.uniform(0, 0.3))

        with Database(url) as database:
            for number, channel_id in enumerate(channel_ids()):
                check_whole(database, channel_id, acknowledged.get(number, 0))
