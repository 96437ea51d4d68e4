"""kill -9 of the payer at random moments: nothing is lost, nothing is paid twice, no number is signed twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time

import anyio
import pytest

from tests.integration.client.payer_process import AMOUNT, pay_for_ever
from tests.integration.client.world import NodeProcess

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

KILLS = 12

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.integration.client.payer_process"])


def run_and_kill(arguments: tuple[str, str, bytes, str], seconds: float) -> None:
    process = _processes.Process(target=pay_for_ever, args=arguments)
    process.start()
    time.sleep(seconds)
    assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


async def test_a_payer_killed_at_random_moments_pays_each_cause_once(node: NodeProcess) -> None:
    payer = await anyio.to_thread.run_sync(node.payer)
    async with node.connect(payer) as client:
        channel = await client.open_channel(50_000_000)
    seed = random.randrange(2**32)
    moments = random.Random(seed)

    arguments = (node.url, node.chain.url, payer.key, str(payer.home))
    for _ in range(KILLS):
        await anyio.to_thread.run_sync(run_and_kill, arguments, 0.6 + moments.random() * 0.8)

    async with node.connect(payer) as client:
        channel = await client.channel(channel.id)
        await channel.resend()
        position = await channel.position()
        assert (await channel.get_in_step()).base == position.base
    with sqlite3.connect(payer.home / "client.db") as records:
        (causes,) = records.execute("SELECT count(*) FROM causes").fetchone()
        (states,) = records.execute("SELECT count(*) FROM states WHERE status = 'co-signed'").fetchone()
    noted = int((payer.home / "done").read_text())
    assert position.base.paid == causes * AMOUNT, f"seed {seed}"
    assert noted <= causes <= noted + 1
    assert states == causes
    assert position.base.sequence >= causes  # a number whose mark came to disk alone is left out
    assert causes > KILLS
