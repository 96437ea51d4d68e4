"""Three endpoints, of which one lies, lags, or is of another chain: what money depends on is said by two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import CallReverted, EndpointsDisagree, RpcUnavailable, WrongChainId
from penstock.chain.follower import Follower, FollowerSettings
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.pool import Member, RpcPool, connect_rpc
from penstock.chain.rpc import Rpc
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from tests.faults.chain.world import World
from tests.support.anvil import CHAIN_ID, Chain
from tests.support.disputes import make_pair
from tests.support.fault_proxy import Fault, FaultProxy, Params, run_proxy


@pytest.fixture
def proxies(faulty_chain: Chain, seed: int) -> Iterator[list[FaultProxy]]:
    """Three endpoints of one chain, with one pool of transactions."""
    with ExitStack() as stack:
        made = [stack.enter_context(run_proxy(faulty_chain.url, seed + n)) for n in range(3)]
        for proxy in made[1:]:
            proxy.pool = made[0].pool
        yield made


def asked(proxies: list[FaultProxy], work: Callable[[RpcPool], Awaitable[Any]], **settings: Any) -> Any:
    """Do some work with all three."""

    async def connected() -> Any:
        pool = RpcPool([proxy.url for proxy in proxies], CHAIN_ID, timeout_seconds=1, **settings)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(connected())


def lying(method: str, change: Callable[[Any], Any]) -> Fault:
    """Return a fault that changes answers."""

    def lie(_: Params, answer: Any) -> Any:
        return None if answer is None else change(answer)

    return Fault(method, "lie", lie=lie)


def test_f38_get_logs_silently_drops_one_log(
    faulty_chain: Chain, proxies: list[FaultProxy], seed: int, tmp_path: Path
) -> None:
    faulty_chain.anvil.automine(enabled=True)
    start = faulty_chain.anvil.height + 1
    pair = make_pair(faulty_chain, deposit=5)
    pair.send(calls.deposit(pair.channel, 7))
    faulty_chain.anvil.automine(enabled=False)
    liar = proxies[seed % 3]
    liar.add(lying("eth_getLogs", lambda logs: logs[:-1]))

    with Database(f"sqlite:///{tmp_path / 'followed.db'}") as database:
        database.migrate()

        async def follow(pool: RpcPool) -> None:
            contract = ChannelsContract(pool, faulty_chain.domain)
            follower = Follower(pool, contract, database, FollowerSettings(start, confirmations=1))
            while await follower.step(nobody):
                pass

        asked(proxies, follow)
        onchain = database.read_sync(lambda uow: uow.chain.onchain(pair.channel_id))
    assert onchain.payer_deposit == 12


async def nobody(_: set[Bytes32], __: object) -> None:
    """Do not listen."""


def test_f40_one_of_three_forges_a_receipt(world: World, proxies: list[FaultProxy], seed: int) -> None:
    async def play(world: World) -> None:
        proxies[seed % 3].add(Fault("eth_getTransactionReceipt", "lie", lie=lambda _, __: forged(world)))
        world.add(3)
        await world.steps()
        world.proxy.censored = True
        await world.ticks(6)
        assert not any(world.stored(intent).outcome for intent in world.intents), "a forged receipt was believed"
        world.proxy.censored = False

    over_three(world, proxies)
    world.run(play)
    assert world.confirmed(*world.intents)


def test_f40_one_of_three_forges_a_head(faulty_chain: Chain, proxies: list[FaultProxy], seed: int) -> None:
    height = faulty_chain.anvil.height

    def far(header: Any) -> Any:
        return header | {"number": hex(height + 1_000), "hash": "0x" + "ab" * 32}

    proxies[seed % 3].add(lying("eth_getBlockByNumber", far))

    head = asked(proxies, lambda pool: pool.head())

    assert head.number == height


def test_f37_one_of_three_lags_by_50_blocks(world: World, proxies: list[FaultProxy], seed: int) -> None:
    registry = CollectorRegistry()

    async def play(world: World) -> None:
        proxies[seed % 3].stale_by = 50
        world.add(4)
        await world.ticks(6)
        assert all(world.stored(intent).outcome for intent in world.intents)

    over_three(world, proxies, metrics=EndpointMetrics(registry))
    world.run(play)
    assert world.confirmed(*world.intents)
    lag = [registry.get_sample_value("penstock_endpoint_head_lag_blocks", {"url": proxy.url}) for proxy in proxies]
    assert max(each or 0 for each in lag) <= 50


def test_f45_one_of_three_down_for_ever(world: World, proxies: list[FaultProxy], seed: int) -> None:
    async def play(world: World) -> None:
        proxies[seed % 3].add(Fault("*", "drop"))
        world.add(4, blocks=40)
        await world.ticks(8)
        assert all(world.stored(intent).outcome for intent in world.intents)

    over_three(world, proxies)
    world.run(play)
    assert world.confirmed(*world.intents)


def test_f41_one_of_three_serves_another_chain(proxies: list[FaultProxy], seed: int) -> None:
    proxies[seed % 3].add(Fault("eth_chainId", "lie", lie=lambda _, __: hex(5)))

    async def served(pool: RpcPool) -> list[bool]:
        assert await pool.served_chain_id() == CHAIN_ID
        await pool.head()
        return [member.foreign for member in pool.members]

    assert sorted(asked(proxies, served)) == [False, False, True]
    proxies[(seed + 1) % 3].add(Fault("eth_chainId", "lie", lie=lambda _, __: hex(5)))
    with pytest.raises(WrongChainId):
        asked(proxies, lambda pool: pool.served_chain_id())


def test_whoever_names_no_chain_takes_the_one_that_most_serve(proxies: list[FaultProxy], seed: int) -> None:
    urls = [proxy.url for proxy in proxies]

    async def served(expected: int | None = None) -> int:
        rpc = await connect_rpc(urls, expected)
        await rpc.close()
        return rpc.chain_id

    proxies[seed % 3].add(Fault("eth_chainId", "lie", lie=lambda _, __: hex(5)))
    assert asyncio.run(served()) == CHAIN_ID
    with pytest.raises(WrongChainId):
        asyncio.run(served(5))

    proxies[(seed + 1) % 3].add(Fault("eth_chainId", "lie", lie=lambda _, __: hex(6)))
    with pytest.raises(EndpointsDisagree):
        asyncio.run(served())


def test_three_that_say_three_things_are_not_believed(faulty_chain: Chain, proxies: list[FaultProxy]) -> None:
    for n, proxy in enumerate(proxies):
        proxy.add(lying("eth_getTransactionCount", lambda _, n=n: hex(n)))  # type: ignore[misc]

    with pytest.raises(EndpointsDisagree):
        asked(proxies, lambda pool: pool.nonce(faulty_chain.deployer.address))


def test_a_single_refusal_does_not_end_an_intent(faulty_chain: Chain, proxies: list[FaultProxy], seed: int) -> None:
    good = calls.transfer(faulty_chain.deployer.address, 0)
    bad = calls.transfer(faulty_chain.deployer.address, 1 << 200)
    sender = faulty_chain.deployer.address
    for n, proxy in enumerate(proxies):
        if n != seed % 3:
            proxy.add(Fault("eth_estimateGas", "drop"))

    # Nor does a single estimate begin one: one of three has no say alone.
    with pytest.raises(RpcUnavailable):
        asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, bad))
    with pytest.raises(RpcUnavailable):
        asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, good))
    for proxy in proxies:
        proxy.clear()
    with pytest.raises(CallReverted):
        asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, bad))
    assert asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, good)) > 21_000


def test_an_endpoint_that_does_not_say_its_chain_is_not_believed(
    faulty_chain: Chain, proxies: list[FaultProxy], seed: int
) -> None:
    for n in (seed % 3, (seed + 1) % 3):
        proxies[n].add(Fault("eth_chainId", "drop"))

    with pytest.raises(EndpointsDisagree):
        asked(proxies, lambda pool: pool.nonce(faulty_chain.deployer.address))


def test_an_endpoint_that_hangs_is_left_alone(faulty_chain: Chain, proxies: list[FaultProxy], seed: int) -> None:
    hanging = proxies[seed % 3].add(Fault("*", "hang"))

    async def read(pool: RpcPool) -> None:
        for _ in range(20):
            await pool.head()
            await pool.nonce(faulty_chain.deployer.address)

    asked(proxies, read)
    # Each head is asked of all that are well: it rests after each that it leaves unanswered, longer every time.
    assert hanging.hits < 20


def test_a_lie_about_money_or_gas_moves_nothing(faulty_chain: Chain, proxies: list[FaultProxy], seed: int) -> None:
    sender = faulty_chain.deployer.address
    data = calls.transfer(faulty_chain.token, 0)
    honest = asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, data))
    for method, lie in (("eth_getBalance", 0), ("eth_estimateGas", 21_000 if seed % 2 else 1 << 40)):
        proxies[seed % 3].add(lying(method, lambda _, lie=lie: hex(lie)))  # type: ignore[misc]

    assert asked(proxies, lambda pool: pool.balance(sender)) > 0
    assert asked(proxies, lambda pool: pool.estimate_gas(sender, faulty_chain.token, data)) == honest


def test_an_endpoint_may_fail_for_ever() -> None:
    member = Member(Rpc("http://127.0.0.1:1"))
    for _ in range(5000):
        member.rest(0)

    assert member.rests_until == 64


def over_three(world: World, proxies: list[FaultProxy], metrics: EndpointMetrics | None = None) -> None:
    """Let a world's sender ask three endpoints; its own proxy keeps the pool and mines."""
    proxies[0].pool = proxies[1].pool = proxies[2].pool = world.proxy.pool
    world.connect = lambda: RpcPool([p.url for p in proxies], CHAIN_ID, timeout_seconds=0.5, metrics=metrics)


def forged(world: World) -> dict[str, Any]:
    """Return a receipt of a transaction that no block holds."""
    return {
        "transactionHash": "0x" + "cd" * 32,
        "blockNumber": hex(world.chain.anvil.height),
        "blockHash": "0x" + "ef" * 32,
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x1",
        "contractAddress": None,
    }
