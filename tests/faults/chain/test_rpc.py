"""Faults of the endpoint: lost, late, lying and refusing answers."""

from __future__ import annotations

import asyncio

import pytest

from penstock.chain.errors import WrongChainId
from penstock.chain.rpc import Rpc
from tests.faults.chain.world import World
from tests.support.fault_proxy import Fault, FaultProxy, Params


def test_f34_send_times_out_but_lands(world: World) -> None:
    async def play(world: World) -> None:
        world.proxy.add(Fault("eth_sendRawTransaction", "lose"))
        world.add(4)
        await world.ticks(3)
        assert world.balance(world.receiver) == 0b1111

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f35_already_known(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3)
        await world.steps()
        world.proxy.add(Fault("eth_sendRawTransaction", "refuse", reason="already known"))
        for _ in range(5):
            world.restart()
            await world.ticks(1)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f36_nonce_too_low_for_our_own_transaction(world: World) -> None:
    async def play(world: World) -> None:
        world.add(3)
        await world.steps()
        world.proxy.mine()
        # The endpoint knows that they are mined, and has no receipt yet.
        world.proxy.add(Fault("eth_getTransactionReceipt", "lie", lie=nothing))
        world.proxy.add(Fault("eth_sendRawTransaction", "refuse", reason="nonce too low"))
        await world.ticks(6)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f37_stale_head_by_50_blocks(world: World) -> None:
    async def play(world: World) -> None:
        world.add(2)
        await world.ticks(2)
        world.add(2)
        for _ in range(6):
            world.proxy.stale_by = world.random.choice((0, 50))
            await world.ticks(1)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f39_receipt_null_after_mining(world: World) -> None:
    async def play(world: World) -> None:
        world.proxy.add(Fault("eth_getTransactionReceipt", "lie", lie=nothing))
        world.add(3, blocks=60)
        await world.ticks(20)
        assert world.balance(world.receiver) == 0b111

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f41_wrong_chain_id(proxy: FaultProxy) -> None:
    def other(_: Params, __: object) -> str:
        return hex(5)

    proxy.add(Fault("eth_chainId", "lie", lie=other))

    async def connect() -> None:
        with pytest.raises(WrongChainId):
            await Rpc.connect(proxy.url, 31337)

    asyncio.run(connect())


def test_f42_storm_of_429(world: World) -> None:
    async def play(world: World) -> None:
        world.proxy.add(Fault("*", "http", status=429, chance=0.5))
        world.add(4, blocks=100)
        await world.ticks(25)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f43_half_open_tcp(world: World) -> None:
    async def play(world: World) -> None:
        world.proxy.add(Fault("*", "hang", chance=0.05))
        world.add(3, blocks=100)
        await world.ticks(8)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f44_pending_lags(world: World) -> None:
    async def play(world: World) -> None:
        # What the pool holds is asked nowhere: a nonce follows from the records and the newest block.
        pending = world.proxy.add(Fault("eth_getTransactionCount", "lie", lie=nothing_if_pending))
        world.add(5)
        await world.ticks(3)
        assert pending.hits

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f45_everything_down_for_70_percent_of_the_window(world: World) -> None:
    async def play(world: World) -> None:
        window = 40
        world.add(3, blocks=window)
        await world.steps(world.random.randrange(2))
        down = world.proxy.add(Fault("*", "drop"))
        await world.ticks(window * 7 // 10)
        world.proxy.faults.remove(down)
        await world.ticks(window // 10)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_f46_an_unknown_error_text(world: World) -> None:
    async def play(world: World) -> None:
        words = world.random.choice(("the moon is in the wrong phase", "", "ERR_POOL_42", "∞" * 500))
        world.proxy.add(Fault("eth_sendRawTransaction", "refuse", reason=words))
        world.proxy.add(Fault("eth_estimateGas", "refuse", reason=words, chance=0.5))
        world.add(3, blocks=80)
        await world.ticks(8)

    world.run(play)
    assert world.confirmed(*world.intents)


def test_everything_lost_now_and_then(world: World) -> None:
    async def play(world: World) -> None:
        for action in ("drop", "lose", "http"):
            world.proxy.add(Fault("*", action, chance=0.08))
        world.proxy.add(Fault("eth_getTransactionReceipt", "lie", chance=0.3, lie=nothing))
        world.add(8)
        await world.ticks(20)

    world.run(play)
    assert world.confirmed(*world.intents)


def nothing(_: Params, __: object) -> None:
    """Lie that there is nothing."""


def nothing_if_pending(params: Params, answer: object) -> object:
    """Lie about what is pending."""
    return "0x0" if params[1] == "pending" else answer
