"""Closes are seen in the mempool of a real chain, and forgotten when they cannot come any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from penstock.chain import calls, sightings
from penstock.chain.account import Account
from penstock.chain.rpc import Rpc
from penstock.chain.sightings import Sightings
from penstock.chain.stream import Listeners, Stream, Waiting
from penstock.protocol.primitives import Bytes32
from tests.integration.chain.streams import eventually, stream_url
from tests.support.anvil import CHAIN_ID, Chain
from tests.support.disputes import Pair


class Watchful:
    """Sightings that hear of everything through a real stream."""

    def __init__(self, chain: Chain, rpc: Rpc, *, ours: bool = True) -> None:
        async def is_ours(_: Bytes32) -> bool:
            return ours

        self.rpc = rpc
        self.is_ours = is_ours
        self.now = 1000.0
        self.heard: list[Waiting] = []
        self.sightings = Sightings(rpc, chain.domain, is_ours, lambda: self.now)
        self.stream = Stream(stream_url(chain), CHAIN_ID, Listeners(chain.contract, self._on_head, self._hear))
        self.is_listening = asyncio.Event()

    @property
    def transactions(self) -> dict[Bytes32, Bytes32]:
        return self.sightings.transactions

    def _on_head(self, pushed: bool) -> None:  # noqa: FBT001
        if pushed:
            self.is_listening.set()

    def _hear(self, waiting: Waiting) -> None:
        self.heard.append(waiting)
        self.sightings.note(waiting)


def watching(chain: Chain, work: Callable[[Watchful], Awaitable[Any]], *, ours: bool = True) -> Any:
    """Run ``work`` beside the stream, once it listens."""

    async def connected(rpc: Rpc) -> Any:
        watchful = Watchful(chain, rpc, ours=ours)
        tasks = [asyncio.create_task(watchful.stream.run()), asyncio.create_task(watchful.sightings.run())]
        try:
            async with asyncio.timeout(20):
                while not watchful.is_listening.is_set():
                    chain.anvil.mine()
                    await asyncio.sleep(0.05)
            return await work(watchful)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return chain.run(connected)


def publish(chain: Chain, account: Account, data: bytes, *, tip: int = 2) -> Bytes32:
    """Put a call to the contract into the pool."""
    return chain.anvil.publish(account, chain.contract, data, tip_gwei=tip, max_fee_gwei=100 * tip)


@pytest.fixture
def idle(chain: Chain, pair: Pair) -> Pair:
    """A pair on a chain that mines only when it is told to."""
    chain.anvil.automine(enabled=False)
    return pair


def test_a_close_is_seen_before_a_block_holds_it_and_gone_once_one_does(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        sent = publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))
        assert watchful.transactions == {idle.channel_id: sent}
        await watchful.sightings.review()
        assert watchful.transactions == {idle.channel_id: sent}

        chain.anvil.mine()
        await watchful.sightings.review()
        assert watchful.transactions == {}

    watching(chain, work)


def test_a_close_with_a_state_or_by_a_relayer_is_seen_too(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        sent = publish(chain, idle.payee, calls.start_close(idle.channel, idle.state(3, 10)))
        await eventually(lambda: watchful.transactions == {idle.channel_id: sent})

    watching(chain, work)


def test_a_close_that_would_fail_is_none(chain: Chain, idle: Pair) -> None:
    stranger = chain.anvil.new_account()

    async def work(watchful: Watchful) -> None:
        publish(chain, stranger, calls.start_close(idle.channel))
        publish(chain, idle.payee, calls.start_close(replace(idle.channel, salt=99)))
        sent = publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        assert len(watchful.heard) == 3
        assert watchful.transactions == {idle.channel_id: sent}

    watching(chain, work)


def test_what_is_no_close_or_not_ours_is_left_alone(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        publish(chain, idle.payer, calls.settle(idle.channel))
        chain.anvil.publish(chain.anvil.new_account(), chain.token, calls.approve(chain.contract, 1))
        publish(chain, idle.payee, calls.start_close(idle.channel))
        await eventually(lambda: len(watchful.heard) == 2)
        await asyncio.sleep(0.2)

        assert watchful.transactions == {}

    watching(chain, work, ours=False)


def test_a_close_that_was_replaced_by_something_else_is_gone(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        chain.anvil.publish(idle.payer, idle.payer.address, b"", tip_gwei=4, max_fee_gwei=400)
        chain.anvil.mine()
        await watchful.sightings.review()

        assert watchful.transactions == {}

    watching(chain, work)


def test_a_close_that_no_block_takes_is_forgotten_in_time(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        sent = publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        watchful.now += sightings.SECONDS_MAX
        await watchful.sightings.review()
        assert watchful.transactions == {idle.channel_id: sent}
        watchful.now += 1
        await watchful.sightings.review()
        assert watchful.transactions == {}

    watching(chain, work)


def test_it_is_held_until_the_block_that_has_it_is_recorded(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        watchful.sightings.follow(chain.anvil.height)
        sent = publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        chain.anvil.mine()
        await watchful.sightings.review()
        assert watchful.transactions == {idle.channel_id: sent}

        watchful.sightings.follow(chain.anvil.height)
        await eventually(lambda: not watchful.transactions)

    watching(chain, work)


def test_of_two_closes_one_may_go_and_the_channel_stays_frozen(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        first = publish(chain, idle.payer, calls.start_close(idle.channel))
        second = publish(chain, idle.payee, calls.start_close(idle.channel))
        await eventually(lambda: watchful.transactions == {idle.channel_id: second})

        chain.anvil.rpc("anvil_dropTransaction", str(first))
        chain.anvil.publish(idle.payee, idle.payee.address, b"", tip_gwei=4, max_fee_gwei=400)
        chain.anvil.mine()
        await watchful.sightings.review()

        assert watchful.transactions == {idle.channel_id: first}

    watching(chain, work)


def test_saying_it_again_does_not_make_it_younger(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        watchful.now += sightings.SECONDS_MAX
        watchful.sightings.note(watchful.heard[0])
        await watchful.sightings.look()
        watchful.now += 1
        await watchful.sightings.review()

        assert watchful.transactions == {}

    watching(chain, work)


def test_without_an_endpoint_it_is_held_and_what_is_new_is_looked_at_later(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        sent = publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))
        gone = Rpc("http://127.0.0.1:1", attempts=1)
        held = Sightings(gone, chain.domain, watchful.is_ours, lambda: watchful.now)
        held.note(watchful.heard[0])
        await held.look()
        assert held.transactions == {}

        held._rpc = watchful.rpc  # noqa: SLF001 (the endpoint is back)
        await held.look()
        assert held.transactions == {idle.channel_id: sent}
        held._rpc = gone  # noqa: SLF001
        await held.review()
        assert held.transactions == {idle.channel_id: sent}
        await gone.close()

    watching(chain, work)


def test_a_replacement_with_a_higher_fee_takes_its_place(chain: Chain, idle: Pair) -> None:
    async def work(watchful: Watchful) -> None:
        publish(chain, idle.payer, calls.start_close(idle.channel))
        await eventually(lambda: bool(watchful.transactions))

        sent = publish(chain, idle.payer, calls.start_close(idle.channel), tip=4)

        await eventually(lambda: watchful.transactions == {idle.channel_id: sent})

    watching(chain, work)


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04", "cut", "zero"])
def test_calldata_that_closes_nothing_is_no_close(pair: Pair, data: bytes | str) -> None:
    whole = calls.start_close(pair.channel)
    shapes = {"cut": whole[:-1], "zero": whole[:4] + bytes(len(whole) - 4)}

    assert calls.closing(whole) == pair.channel
    assert calls.closing(data if isinstance(data, bytes) else shapes[data]) is None
