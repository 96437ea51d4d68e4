"""A watcher's evidence, and the receipts that say what it has."""

from __future__ import annotations

from dataclasses import replace

from penstock.node.records import Block, Watch
from penstock.protocol.messages import Receipt, SignedState, State
from penstock.protocol.onchain import ChannelOpened, ClosingStarted, Ended, Event, EventRef, OnChain, Open
from penstock.protocol.position import Position
from penstock.protocol.watch_policy import Evidence, receipt_for
from penstock.storage.database import Database
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import (
    DOMAIN,
    PAYER,
    STRANGER,
    cause_id,
    co_signed,
    make_channel,
    make_position,
    make_voucher,
)

TWO_WAY = make_position()
ONE_WAY = make_position(one_way=True)
NEWEST = co_signed(State(TWO_WAY.channel_id, 3, 30))


def watch(position: Position, evidence: Evidence) -> Watch:
    return Watch(position.channel_id, position.channel, evidence)


def put(database: Database, position: Position, evidence: Evidence) -> None:
    database.run_sync(lambda uow: uow.watched.put(watch(position, evidence), 1))


def follow(database: Database, number: int, *events: Event) -> None:
    block = Block(number, cause_id(number), number)
    placed = [(EventRef(number, block.hash, cause_id(1), n), event) for n, event in enumerate(events)]
    database.run_sync(lambda uow: uow.chain.advance([block], placed, after=number - 1, confirmations=1, keep=64))


def opening(position: Position) -> ChannelOpened:
    return ChannelOpened(position.channel_id, position.channel, 1000, 0)


def closing(position: Position, deadline: int) -> ClosingStarted:
    return ClosingStarted(position.channel_id, deadline)


def test_evidence_of_both_kinds_comes_back_and_is_replaced(database: Database) -> None:
    voucher, higher = make_voucher(ONE_WAY, 5), make_voucher(ONE_WAY, 2**128 - 1)
    put(database, TWO_WAY, NEWEST)
    put(database, ONE_WAY, voucher)
    put(database, ONE_WAY, higher)

    assert database.read_sync(lambda uow: uow.watched.get(TWO_WAY.channel_id)) == watch(TWO_WAY, NEWEST)
    assert database.read_sync(lambda uow: uow.watched.get(ONE_WAY.channel_id)) == watch(ONE_WAY, higher)
    assert database.read_sync(lambda uow: uow.watched.get(cause_id(1))) is None
    assert database.read_sync(lambda uow: uow.watched.count()) == 2


def test_closing_channels_are_found_by_deadline_and_forgotten_when_a_reorg_reopens_them(database: Database) -> None:
    put(database, TWO_WAY, NEWEST)
    put(database, ONE_WAY, make_voucher(ONE_WAY, 5))
    follow(database, 1, opening(TWO_WAY), opening(ONE_WAY))
    assert database.read_sync(lambda uow: uow.watched.closing()) == []

    follow(database, 2, closing(TWO_WAY, 500), closing(ONE_WAY, 400))
    found = database.read_sync(lambda uow: uow.watched.closing())
    assert [w.channel_id for w in found] == [ONE_WAY.channel_id, TWO_WAY.channel_id]

    follow(database, 2)
    assert database.read_sync(lambda uow: uow.watched.closing()) == []


def test_evidence_that_comes_after_the_close_is_found_too(database: Database) -> None:
    follow(database, 1, opening(TWO_WAY))
    follow(database, 2, closing(TWO_WAY, 500))

    put(database, TWO_WAY, NEWEST)

    assert database.read_sync(lambda uow: uow.watched.closing()) == [watch(TWO_WAY, NEWEST)]


def hold(database: Database, position: Position, evidence: Evidence) -> None:
    """Make ``evidence`` the newest of a registered channel."""

    def work(uow: UnitOfWork) -> None:
        if uow.channels.get(position.channel_id) is None:
            uow.channels.add(position.channel_id, position.channel, 1)
        if isinstance(evidence, SignedState):
            uow.channels.save(replace(position, newest=evidence, highest_seen=evidence.state.sequence))
        else:
            uow.channels.save(replace(position, voucher=evidence))

    database.run_sync(work)


def acknowledge(database: Database, evidence: Evidence, watcher: str = "one") -> Receipt:
    receipt = receipt_for(evidence, 7, DOMAIN)
    database.run_sync(lambda uow: uow.receipts.put(watcher, evidence, receipt, STRANGER.sign(receipt)))
    return receipt


def undelivered(database: Database, watcher: str = "one") -> list[Watch]:
    return database.read_sync(lambda uow: uow.receipts.undelivered(watcher, None, 100))


def test_only_the_newest_co_signed_state_is_delivered_once_to_each_watcher(database: Database) -> None:
    hold(database, TWO_WAY, NEWEST)
    assert undelivered(database) == [watch(TWO_WAY, NEWEST)]

    acknowledge(database, NEWEST)
    assert undelivered(database) == []
    assert undelivered(database, "two") == [watch(TWO_WAY, NEWEST)]

    newer = co_signed(State(TWO_WAY.channel_id, 4, 10))
    hold(database, TWO_WAY, newer)
    assert undelivered(database) == [watch(TWO_WAY, newer)]
    assert database.read_sync(lambda uow: uow.receipts.backlog("one")) == 1

    acknowledge(database, newer)
    acknowledge(database, NEWEST)
    assert undelivered(database) == []


def test_vouchers_are_told_apart_by_their_figure(database: Database) -> None:
    low, high = make_voucher(ONE_WAY, 9), make_voucher(ONE_WAY, 10)
    hold(database, ONE_WAY, low)
    acknowledge(database, low)
    assert undelivered(database) == []

    hold(database, ONE_WAY, high)
    assert undelivered(database) == [watch(ONE_WAY, high)]

    acknowledge(database, high)
    acknowledge(database, low)
    assert undelivered(database) == []


def test_what_no_watcher_can_use_is_not_delivered(database: Database) -> None:
    state = State(TWO_WAY.channel_id, 3, 30)
    hold(database, TWO_WAY, SignedState(state, PAYER.sign(state)))
    assert undelivered(database) == []

    hold(database, TWO_WAY, NEWEST)
    ended = OnChain(Ended(1, 2))
    database.run_sync(lambda uow: uow.channels.set_onchain(TWO_WAY.channel_id, ended, ended))
    assert undelivered(database) == []


def test_a_long_backlog_comes_in_pages(database: Database) -> None:
    ids = []
    for salt in range(5):
        channel = make_channel(salt=salt)
        channel_id = DOMAIN.channel_id(channel)
        ids.append(channel_id)
        hold(database, Position(channel_id, channel, Open(), TWO_WAY.funds), co_signed(State(channel_id, 1, 1)))
    ids.sort()

    first = database.read_sync(lambda uow: uow.receipts.undelivered("one", None, 2))
    rest = database.read_sync(lambda uow: uow.receipts.undelivered("one", first[-1].channel_id, 9))

    assert [w.channel_id for w in first + rest] == ids
