"""The follower records every event once, through restarts, reorgs and outages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from penstock.chain import calls
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import ReorgTooDeep, RpcRefused, RpcUnavailable
from penstock.chain.follower import Follower, FollowerSettings
from penstock.chain.rpc import Log, Rpc
from penstock.node.records import Block
from penstock.protocol.errors import ImpossibleEvent
from penstock.protocol.onchain import Closing, OnChain, Open, Unopened
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage.database import Database
from tests.support.anvil import Chain
from tests.support.disputes import Pair, make_pair

CONFIRMATIONS = 3
KEEP = 64


@dataclass
class Heard:
    """What a listener heard."""

    channels: set[Bytes32] = field(default_factory=set)
    heads: list[Block] = field(default_factory=list)

    async def __call__(self, channels: set[Bytes32], head: Block) -> None:
        self.channels |= channels
        self.heads.append(head)


def with_follower(chain: Chain, database: Database, work: Callable[[Follower], Awaitable[Any]]) -> Any:
    async def connected(rpc: Rpc) -> Any:
        contract = await ChannelsContract.connect(rpc, chain.contract)
        settings = FollowerSettings(chain.start_block, CONFIRMATIONS, poll_seconds=0.05, keep=KEEP)
        return await work(Follower(rpc, contract, database, settings))

    return chain.run(connected)


def catch_up(chain: Chain, database: Database) -> Heard:
    """Follow, with a follower that has just started, until nothing is new."""
    heard = Heard()

    async def work(follower: Follower) -> None:
        while await follower.step(heard):
            pass

    with_follower(chain, database, work)
    return heard


def head_of(database: Database, pair: Pair) -> OnChain:
    return database.read_sync(lambda uow: uow.chain.onchain(pair.channel_id))


def cursor_of(database: Database) -> Block:
    cursor = database.read_sync(lambda uow: uow.chain.cursor())
    assert cursor is not None
    return cursor


def test_every_event_is_recorded_from_the_first_block_on(chain: Chain, database: Database) -> None:
    pair = make_pair(chain, deposit=50)

    heard = catch_up(chain, database)

    assert heard.channels == {pair.channel_id}
    assert head_of(database, pair) == OnChain(Open(), payer_deposit=50)
    assert cursor_of(database).number == chain.anvil.height == heard.heads[-1].number


def test_a_registered_channels_deposit_counts_once_it_is_confirmed(chain: Chain, database: Database) -> None:
    pair = make_pair(chain, deposit=0)
    database.run_sync(lambda uow: uow.channels.add(pair.channel_id, pair.channel, 0))
    pair.deposit(50)
    for expected in (0, 0, 50):
        catch_up(chain, database)
        position = database.read_sync(lambda uow: uow.channels.get(pair.channel_id))
        assert position is not None
        assert position.funds.payer_deposit == expected
        chain.anvil.mine()


def test_a_restart_goes_on_where_it_stopped(chain: Chain, database: Database) -> None:
    pair = make_pair(chain, deposit=50)
    catch_up(chain, database)
    pair.deposit(7)

    heard = catch_up(chain, database)

    assert len(heard.heads) == 1
    assert head_of(database, pair).payer_deposit == 57


def test_nothing_new_changes_nothing(chain: Chain, database: Database) -> None:
    make_pair(chain)
    catch_up(chain, database)

    assert catch_up(chain, database).heads == []


def test_a_long_downtime_is_read_in_windows(chain: Chain, database: Database) -> None:
    first = make_pair(chain, deposit=50)
    chain.anvil.mine(3 * KEEP)
    second = make_pair(chain, salt=2, deposit=60)
    chain.anvil.mine(20)

    catch_up(chain, database)

    assert head_of(database, first).payer_deposit == 50
    assert head_of(database, second).payer_deposit == 60
    assert cursor_of(database).number == chain.anvil.height


def test_an_endpoint_that_limits_ranges_is_asked_for_less(
    chain: Chain, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair(chain, deposit=50)
    chain.anvil.mine(100)
    original = Rpc.logs_between

    async def limited(rpc: Rpc, first: int, last: int, address: Address, topics: Any = ()) -> list[Log]:
        if last - first > 20:
            raise RpcRefused("eth_getLogs", -32602, "range too large")
        return await original(rpc, first, last, address, topics)

    monkeypatch.setattr(Rpc, "logs_between", limited)

    async def work(follower: Follower) -> None:
        for _ in range(200):
            await follower.step(Heard())

    with_follower(chain, database, work)

    assert head_of(database, pair).payer_deposit == 50
    assert cursor_of(database).number == chain.anvil.height


def test_a_reorg_takes_a_deposit_back(fresh_chain: Chain, database: Database) -> None:
    pair = make_pair(fresh_chain, deposit=50)
    fresh_chain.anvil.mine(2)
    pair.deposit(7)
    catch_up(fresh_chain, database)

    fresh_chain.anvil.reorg(1)
    heard = catch_up(fresh_chain, database)

    assert heard.channels == {pair.channel_id}
    assert head_of(database, pair) == OnChain(Open(), payer_deposit=50)


def test_a_reorg_that_grows_is_followed_onto_the_new_branch(fresh_chain: Chain, database: Database) -> None:
    pair = make_pair(fresh_chain, deposit=50)
    fresh_chain.anvil.mine(10)
    pair.send(calls.start_close(pair.channel))
    fresh_chain.anvil.mine(3)
    catch_up(fresh_chain, database)
    assert isinstance(head_of(database, pair).phase, Closing)

    fresh_chain.anvil.reorg(6)
    pair.deposit(9)
    fresh_chain.anvil.mine(30)
    catch_up(fresh_chain, database)

    assert head_of(database, pair) == OnChain(Open(), payer_deposit=59)
    assert cursor_of(database).number == fresh_chain.anvil.height


def test_an_opening_that_vanishes_leaves_the_channel_unopened(fresh_chain: Chain, database: Database) -> None:
    pair = make_pair(fresh_chain, deposit=0)
    pair.deposit(50)
    catch_up(fresh_chain, database)

    fresh_chain.anvil.reorg(1)
    catch_up(fresh_chain, database)

    assert head_of(database, pair) == OnChain(Unopened())


def test_a_shorter_piece_of_the_same_chain_undoes_nothing(fresh_chain: Chain, database: Database) -> None:
    pair = make_pair(fresh_chain, deposit=50)
    before = fresh_chain.anvil.snapshot()
    pair.deposit(7)
    catch_up(fresh_chain, database)

    fresh_chain.anvil.revert(before)
    heard = catch_up(fresh_chain, database)

    assert heard.heads == []
    assert head_of(database, pair).payer_deposit == 57

    fresh_chain.anvil.mine(2)
    catch_up(fresh_chain, database)
    assert head_of(database, pair).payer_deposit == 50


def test_another_chain_altogether_stops_the_follower(fresh_chain: Chain, database: Database) -> None:
    make_pair(fresh_chain)
    catch_up(fresh_chain, database)
    database.run_sync(
        lambda uow: uow.chain.advance(
            [Block(number, Bytes32(bytes([number]) * 32), 1) for number in range(1, 4)],
            [],
            after=0,
            confirmations=CONFIRMATIONS,
            keep=KEEP,
        )
    )

    with pytest.raises(ReorgTooDeep):
        catch_up(fresh_chain, database)


def test_a_missing_log_stops_the_follower_and_records_nothing(
    chain: Chain, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair(chain, deposit=0)
    catch_up(chain, database)
    before = cursor_of(database)
    pair.deposit(50)
    pair.deposit(7)
    original = Rpc.logs_in

    async def forgetful(rpc: Rpc, block_hash: Bytes32, address: Address) -> list[Log]:
        logs = await original(rpc, block_hash, address)
        return [log for log in logs if log.block_number != before.number + 1]

    monkeypatch.setattr(Rpc, "logs_in", forgetful)

    with pytest.raises(ImpossibleEvent):
        with_follower(chain, database, lambda follower: follower.run(Heard()))
    assert cursor_of(database) == before


def test_an_outage_is_waited_out(chain: Chain, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_pair(chain, deposit=50)
    original, failures = Rpc.head, iter(range(6))

    async def sometimes(rpc: Rpc) -> Any:
        if next(failures, None) is not None:
            raise RpcUnavailable(rpc.url, "eth_getBlockByNumber", "connection refused")
        return await original(rpc)

    monkeypatch.setattr(Rpc, "head", sometimes)

    async def work(follower: Follower) -> None:
        heard, faults = asyncio.Event(), []

        async def on_change(_: set[Bytes32], head: Block) -> None:
            faults.append(follower.fault)
            if head.number == chain.anvil.height:
                heard.set()

        running = asyncio.create_task(follower.run(on_change))
        await asyncio.wait_for(heard.wait(), 60)
        running.cancel()
        assert faults[0] is not None
        assert "connection refused" in faults[0]

    with_follower(chain, database, work)
    assert head_of(database, pair).payer_deposit == 50


def test_a_close_is_noticed_within_one_block(ticking_chain: Chain, database: Database) -> None:
    pair = make_pair(ticking_chain)

    async def work(follower: Follower) -> tuple[int, int]:
        noticed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def on_change(_: set[Bytes32], head: Block) -> None:
            closing = isinstance(head_of(database, pair).phase, Closing)
            if closing and not noticed.done():
                noticed.set_result(head.number)

        running = asyncio.create_task(follower.run(on_change))
        sent = await asyncio.to_thread(pair.send, calls.start_close(pair.channel))
        seen = await asyncio.wait_for(noticed, 60)
        running.cancel()
        return sent, seen

    sent, seen = with_follower(ticking_chain, database, work)

    assert seen <= sent + 1


def test_a_start_tells_where_it_stands_at_once(chain: Chain, database: Database) -> None:
    make_pair(chain)
    catch_up(chain, database)

    async def work(follower: Follower) -> Block:
        first: asyncio.Future[Block] = asyncio.get_running_loop().create_future()

        async def on_change(_: set[Bytes32], head: Block) -> None:
            if not first.done():
                first.set_result(head)

        running = asyncio.create_task(follower.run(on_change))
        head = await asyncio.wait_for(first, 60)
        running.cancel()
        return head

    assert with_follower(chain, database, work) == cursor_of(database)
