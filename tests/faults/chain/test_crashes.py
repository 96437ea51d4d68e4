"""The process dies between any two steps, and starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.storage.database import Database
from tests.faults.chain.world import SETTINGS, World

ROOT = Path(__file__).parents[3]
_BACKLOG_MAX = 50

PROCESS = """
import asyncio, os, sys
from penstock.chain.account import Account
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.storage.database import Database
from tests.faults.chain.world import SETTINGS

async def main():
    rpc = Rpc(sys.argv[1])
    rpc.chain_id = int(sys.argv[2])
    sender = Sender(rpc, [Account(key)], Database(sys.argv[3]), SETTINGS)
    while True:
        await sender.step()

# For each line a process of its own: forked from one that has everything loaded, it starts in milliseconds.
key = bytes.fromhex(sys.stdin.readline())
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # what it logs is no answer
        try:
            asyncio.run(main())
        finally:
            os._exit(1)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Mortal:
    """Starts senders that are to die, one after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self) -> int:
        """Start one; return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def end(self) -> int:
        """Wait until it is dead; return the signal that killed it."""
        return os.WTERMSIG(self._line())

    def _line(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@contextmanager
def mortal(world: World, failpoint: str = "") -> Iterator[Mortal]:
    """Make senders on a world's records; with a failpoint they die by themselves."""
    command = [sys.executable, "-c", PROCESS, world.proxy.url, str(world.chain.domain.chain_id), world.database_url]
    environment = {**os.environ, "PENSTOCK_FAILPOINT": failpoint, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        process.stdin.write(world.keys[0].hex() + "\n")
        yield Mortal(process)
        process.stdin.close()


def die_at(world: World, place: str) -> None:
    """Play a life in which the process dies at the place, and check that it did."""

    async def play(world: World) -> None:
        world.add(3)
        if place in ("receipt", "bumped"):
            await world.steps()
            if place == "receipt":
                world.proxy.mine()
            else:
                world.proxy.censored = True
                for _ in range(SETTINGS.replace_after_blocks):
                    world.proxy.mine()
        with mortal(world, f"{place}:{world.random.randrange(1, 4)}") as senders:
            senders.start()
            assert await asyncio.to_thread(senders.end) == signal.SIGKILL
        world.restart()

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f01_after_the_intent_before_a_nonce(world: World) -> None:
    die_at(world, "intent")


def test_f02_after_the_nonce_before_signing(world: World) -> None:
    die_at(world, "nonce-chosen")


def test_f03_after_signing_before_storing_the_bytes(world: World) -> None:
    die_at(world, "signed")


def test_f04_after_storing_before_sending(world: World) -> None:
    die_at(world, "stored")


def test_f05_after_sending_before_the_answer_is_stored(world: World) -> None:
    die_at(world, "sent")


def test_f06_after_the_receipt_before_it_is_noted(world: World) -> None:
    die_at(world, "receipt")


def test_f07_between_storing_a_fee_bump_and_sending_it(world: World) -> None:
    die_at(world, "bumped")


def test_f12_killed_again_and_again(world: World) -> None:
    kills = int(os.environ.get("PENSTOCK_FAULT_KILLS", "20"))

    async def play(world: World) -> None:
        with mortal(world) as senders:
            for n in range(kills):
                if n % 4 == 0 and world.unfinished() < _BACKLOG_MAX:
                    world.add(world.random.randrange(1, 4))
                process = senders.start()
                await asyncio.sleep(world.random.uniform(0.001, 0.05))
                os.kill(process, signal.SIGKILL)
                await asyncio.to_thread(senders.end)
                if world.random.random() < 0.3:
                    world.proxy.mine()
        world.restart()

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f13_two_instances_at_once(world: World) -> None:
    async def play(world: World) -> None:
        world.add(6)
        rpc = Rpc(world.proxy.url)
        rpc.chain_id = world.chain.domain.chain_id
        try:
            with Database(world.database_url) as database:
                other = Sender(rpc, world.accounts, database, SETTINGS)
                for _ in range(8):
                    await asyncio.gather(world.sender.step(), other.step(), return_exceptions=True)
                    world.proxy.mine()
        finally:
            await rpc.close()

    world.run(play)
    assert world.confirmed(*world.intents)
