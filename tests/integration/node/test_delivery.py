"""Newest evidence reaches every watcher, whatever stops in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from penstock.client.errors import WatcherUnreachable
from penstock.node.handlers.states import submit_state
from penstock.protocol.causes import Pay
from penstock.protocol.messages import Channel, Receipt
from penstock.protocol.onchain import Ended
from penstock.protocol.primitives import Bytes32
from penstock.protocol.watch_policy import Evidence, receipt_for
from tests.support.nodes import NOW, NodeWorld, new_node
from tests.support.parties import DOMAIN, STRANGER, cause_id, make_channel, make_proposal


@dataclass
class ScriptedWatcher:
    """Keeps what it is given, unless it is told to be away or to dislike a channel."""

    url: str = "http://watcher"
    away: bool = False
    refused: set[Bytes32] = field(default_factory=set)
    got: list[Evidence] = field(default_factory=list)

    async def deliver(self, channel: Channel, evidence: Evidence) -> tuple[Receipt, bytes]:
        if self.away or DOMAIN.channel_id(channel) in self.refused:
            raise WatcherUnreachable(self.url, "nobody is there")
        self.got.append(evidence)
        receipt = receipt_for(evidence, NOW, DOMAIN)
        return receipt, STRANGER.sign(receipt)


async def run_until(world: NodeWorld, condition: Callable[[], bool]) -> None:
    """Run all deliveries until something has come about."""
    tasks = [asyncio.create_task(world.node.delivery.run(courier)) for courier in world.node.delivery.couriers]
    try:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 (the records do not call back)
                await asyncio.sleep(0.005)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def pay(world: NodeWorld, channel_id: Bytes32, number: int) -> None:
    proposal = make_proposal(world.position(channel_id), Pay(cause_id(number), 1))
    world.database.run_sync(lambda uow: submit_state(uow, world.node.context, proposal))
    world.node.delivery.wake()


def backlog(world: NodeWorld, watcher: ScriptedWatcher) -> int:
    return world.database.read_sync(lambda uow: uow.receipts.backlog(watcher.url))


def test_only_the_newest_of_many_states_is_sent_and_only_once(tmp_path: Path) -> None:
    watcher = ScriptedWatcher()
    with new_node(tmp_path, watcher) as world:
        channel_id = world.open().channel_id
        for number in range(1, 20):
            pay(world, channel_id, number)

        asyncio.run(run_until(world, lambda: backlog(world, watcher) == 0))

        assert watcher.got == [world.position(channel_id).newest]


def test_what_was_not_receipted_is_sent_after_a_restart(tmp_path: Path) -> None:
    watcher = ScriptedWatcher(away=True)
    with new_node(tmp_path, watcher) as world:
        channel_id = world.open().channel_id
        pay(world, channel_id, 1)

    watcher.away = False
    with new_node(tmp_path, watcher) as world:
        asyncio.run(run_until(world, lambda: backlog(world, watcher) == 0))

        assert watcher.got == [world.position(channel_id).newest]


def test_a_watcher_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    watcher = ScriptedWatcher(away=True)
    with new_node(tmp_path, watcher) as world:
        channel_id = world.open().channel_id
        pay(world, channel_id, 1)

        def comes_back() -> bool:
            watcher.away = False
            return backlog(world, watcher) == 0

        asyncio.run(run_until(world, comes_back))

        assert watcher.got == [world.position(channel_id).newest]


def test_one_watcher_s_absence_does_not_hold_up_another(tmp_path: Path) -> None:
    away, there = ScriptedWatcher("http://one", away=True), ScriptedWatcher("http://two")
    with new_node(tmp_path, away, there) as world:
        channel_id = world.open().channel_id
        pay(world, channel_id, 1)

        asyncio.run(run_until(world, lambda: backlog(world, there) == 0))

        assert backlog(world, away) == 1


def test_one_channel_s_refusal_does_not_hold_up_another(tmp_path: Path) -> None:
    watcher = ScriptedWatcher()
    with new_node(tmp_path, watcher) as world:
        ids = [world.open(make_channel(salt=salt)).channel_id for salt in range(1, 4)]
        watcher.refused = {min(ids)}
        for channel_id in ids:
            pay(world, channel_id, 1)

        asyncio.run(run_until(world, lambda: backlog(world, watcher) == 1))

        assert len(watcher.got) == 2


def test_an_ended_channel_needs_no_watcher(tmp_path: Path) -> None:
    watcher = ScriptedWatcher()
    with new_node(tmp_path, watcher) as world:
        ended, other = (world.open(make_channel(salt=salt)).channel_id for salt in (1, 2))
        pay(world, ended, 1)
        world.set_phase(ended, Ended(999, 1))
        pay(world, other, 1)

        asyncio.run(run_until(world, lambda: bool(watcher.got)))

        assert watcher.got == [world.position(other).newest]
