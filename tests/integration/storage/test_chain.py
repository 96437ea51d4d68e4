"""Following the chain: blocks, events, reorgs and confirmations, and what they do to channels."""

from __future__ import annotations

import pytest

from penstock.node.records import Block
from penstock.protocol.errors import ImpossibleEvent
from penstock.protocol.messages import State, Withdrawal
from penstock.protocol.onchain import (
    Challenged,
    ChannelOpened,
    Closed,
    Closing,
    ClosingStarted,
    Collected,
    Deposited,
    Ended,
    Event,
    EventRef,
    OnChain,
    Open,
    Settled,
    Unopened,
    Withdrawn,
)
from penstock.protocol.position import Funds
from penstock.protocol.primitives import INT128_MIN, UINT64_MAX, UINT128_MAX, Bytes32
from penstock.storage.database import Database
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import cause_id, make_channel, make_position

POSITION = make_position()
CHANNEL = POSITION.channel_id
OPENED = ChannelOpened(CHANNEL, POSITION.channel, 100, 0)
CONFIRMATIONS = 3
KEEP = 10


def block(number: int, fork: int = 0) -> Block:
    return Block(number, cause_id(1000 * fork + number), 10_000 + number)


def advance(
    database: Database,
    first: int,
    last: int,
    *events: tuple[int, Event],
    fork: int = 0,
    confirmations: int = CONFIRMATIONS,
) -> set[Bytes32]:
    """Follow blocks ``first`` to ``last`` with events by block number."""
    blocks = [block(number, fork) for number in range(first, last + 1)]
    placed = [
        (EventRef(number, cause_id(1000 * fork + number), cause_id(5), index), event)
        for index, (number, event) in enumerate(events)
    ]
    return database.run_sync(
        lambda uow: uow.chain.advance(blocks, placed, after=first - 1, confirmations=confirmations, keep=KEEP)
    )


@pytest.fixture
def registered(database: Database) -> Database:
    database.run_sync(lambda uow: uow.channels.add(CHANNEL, POSITION.channel, 1))
    return database


def funds(database: Database) -> Funds:
    position = database.read_sync(lambda uow: uow.channels.get(CHANNEL))
    assert position is not None
    return position.funds


def test_every_event_comes_back(database: Database) -> None:
    state = State(CHANNEL, UINT64_MAX, INT128_MIN, UINT128_MAX, 0, cause_id(8))
    events: list[Event] = [
        ChannelOpened(CHANNEL, make_channel(one_way=True, salt=2**88 - 1), 2**95 - 1, 0),
        Deposited(CHANNEL, 2**95 - 1, 7),
        Withdrawn(CHANNEL, 2**96, 1),
        Collected(CHANNEL, 5),
        ClosingStarted(CHANNEL, 2**40),
        Challenged(CHANNEL, state),
        Closed(CHANNEL, 1, 2),
    ]
    other = Settled(cause_id(1), 1, 2, 3, 4)
    first, second = (cause_id(n) for n in (1, 2))
    advance(
        database,
        1,
        1,
        (1, ChannelOpened(first, POSITION.channel, 1, 1)),
        (1, ClosingStarted(first, 5)),
        (1, other),
    )
    placed = [(EventRef(2, cause_id(2), cause_id(5), n), event) for n, event in enumerate(events)]

    database.run_sync(lambda uow: uow.chain.advance([block(2)], placed, after=1, confirmations=1, keep=KEEP))

    assert database.read_sync(lambda uow: uow.chain.events(CHANNEL)) == events
    assert database.read_sync(lambda uow: uow.chain.events(first))[-1] == other
    assert database.read_sync(lambda uow: uow.chain.events(second)) == []
    assert database.read_sync(lambda uow: uow.chain.onchain(first)).phase == Ended(1, 2, 3, 4)


def test_the_cursor_is_the_newest_block_and_old_ones_are_pruned(database: Database) -> None:
    assert database.read_sync(lambda uow: uow.chain.cursor()) is None
    assert database.read_sync(lambda uow: uow.chain.confirmed(1)) is None

    advance(database, 1, 25)

    assert database.read_sync(lambda uow: uow.chain.cursor()) == block(25)
    assert database.read_sync(lambda uow: uow.chain.confirmed(3)) == block(23)
    assert database.read_sync(lambda uow: uow.chain.block_hash(16)) == block(16).hash
    assert database.read_sync(lambda uow: uow.chain.block_hash(15)) is None
    assert database.read_sync(lambda uow: uow.chain.block_hash(26)) is None


def test_a_deposit_counts_with_its_confirmations(registered: Database) -> None:
    assert advance(registered, 1, 1, (1, OPENED)) == {CHANNEL}
    assert funds(registered) == Funds()

    assert advance(registered, 2, 2) == set()
    assert funds(registered) == Funds()

    assert advance(registered, 3, 3) == {CHANNEL}
    assert funds(registered) == Funds(100)
    assert advance(registered, 4, 4) == set()


def test_several_blocks_at_once_confirm_what_is_deep_enough(registered: Database) -> None:
    deposited = Deposited(CHANNEL, 150, 0)

    assert advance(registered, 1, 9, (2, OPENED), (8, deposited)) == {CHANNEL}

    assert funds(registered) == Funds(100)
    record = registered.read_sync(lambda uow: uow.channels.record(CHANNEL))
    assert record is not None
    assert record.head == OnChain(Open(), 150)


def test_a_close_freezes_at_once_and_a_reorg_unfreezes(registered: Database) -> None:
    advance(registered, 1, 4, (1, OPENED))
    closing = ClosingStarted(CHANNEL, 900)

    assert advance(registered, 5, 5, (5, closing)) == {CHANNEL}
    position = registered.read_sync(lambda uow: uow.channels.get(CHANNEL))
    assert position is not None
    assert position.phase == Closing(900, State(CHANNEL, 0, 0))

    assert advance(registered, 5, 6, fork=1) == {CHANNEL}
    position = registered.read_sync(lambda uow: uow.channels.get(CHANNEL))
    assert position is not None
    assert position.phase == Open()
    assert registered.read_sync(lambda uow: uow.chain.block_hash(5)) == block(5, fork=1).hash


def test_a_reorg_below_the_confirmations_takes_the_money_back(registered: Database) -> None:
    advance(registered, 1, 8, (4, OPENED))
    assert funds(registered) == Funds(100)

    advance(registered, 3, 9, fork=1)

    assert funds(registered) == Funds()
    position = registered.read_sync(lambda uow: uow.channels.get(CHANNEL))
    assert position is not None
    assert position.phase == Unopened()


def test_a_shorter_branch_takes_confirmations_back(registered: Database) -> None:
    advance(registered, 1, 8, (6, OPENED))
    assert funds(registered) == Funds(100)

    assert advance(registered, 7, 7, fork=1) == {CHANNEL}
    assert funds(registered) == Funds()


def test_a_reorg_that_brings_the_event_again_confirms_it_anew(registered: Database) -> None:
    advance(registered, 1, 8, (8, OPENED))
    advance(registered, 7, 9, (9, OPENED), fork=1)
    advance(registered, 10, 10, fork=1)
    assert funds(registered) == Funds()

    assert advance(registered, 11, 11, fork=1) == {CHANNEL}
    assert funds(registered) == Funds(100)


def test_the_same_blocks_again_change_nothing(registered: Database) -> None:
    advance(registered, 1, 5, (2, OPENED))

    advance(registered, 2, 5, (2, OPENED))

    assert funds(registered) == Funds(100)
    assert registered.read_sync(lambda uow: uow.chain.events(CHANNEL)) == [OPENED]


def test_an_impossible_event_keeps_nothing_of_its_blocks(registered: Database) -> None:
    advance(registered, 1, 1)

    with pytest.raises(ImpossibleEvent):
        advance(registered, 2, 2, (2, Deposited(CHANNEL, 5, 0)))

    assert registered.read_sync(lambda uow: uow.chain.cursor()) == block(1)
    assert registered.read_sync(lambda uow: uow.chain.events(CHANNEL)) == []


def test_a_channel_registered_later_learns_what_the_chain_knew(database: Database) -> None:
    advance(database, 1, 5, (1, OPENED), (5, Withdrawn(CHANNEL, 40, 0)))

    def register(uow: UnitOfWork) -> None:
        uow.channels.add(CHANNEL, POSITION.channel, 1)
        uow.chain.refresh([CHANNEL], CONFIRMATIONS)

    database.run_sync(register)

    assert funds(database) == Funds(100, 0, 40, 0)


def test_another_number_of_confirmations_takes_effect_at_the_next_start(registered: Database) -> None:
    advance(registered, 1, 5, (4, OPENED))
    assert funds(registered) == Funds()

    registered.run_sync(lambda uow: uow.chain.recheck(2, KEEP))
    assert funds(registered) == Funds(100)

    registered.run_sync(lambda uow: uow.chain.recheck(CONFIRMATIONS, KEEP))
    assert funds(registered) == Funds()


def test_promises_expire_by_the_time_of_a_confirmed_block(registered: Database) -> None:
    advance(registered, 1, 5, (1, OPENED))
    deadline = block(5).time
    registered.run_sync(lambda uow: uow.channels.promise(Withdrawal(CHANNEL, 60, 0, deadline)))

    advance(registered, 6, 7)
    assert funds(registered) == Funds(100, 0, 60, 0)

    advance(registered, 8, 8)
    assert funds(registered) == Funds(100)
