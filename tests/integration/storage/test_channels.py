"""A position comes back as it was saved, with the careful view of the money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from penstock.protocol.causes import Pay
from penstock.protocol.messages import State, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Phase, Unopened
from penstock.protocol.position import Funds, Position
from penstock.protocol.primitives import INT128_MAX, INT128_MIN, UINT64_MAX, UINT128_MAX, Bytes32
from penstock.protocol.proposals import CauseRecords, Proposal, accept, complete, propose, refuse
from penstock.storage.database import Database
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import (
    DOMAIN,
    PAYEE,
    PAYER,
    cause_id,
    co_signed,
    make_channel,
    make_position,
    make_proposal,
    make_voucher,
)

NOTHING = CauseRecords(frozenset(), {})


def register(database: Database, position: Position, onchain: OnChain | None = None) -> None:
    known = onchain or OnChain(Open(), position.funds.payer_deposit, position.funds.payee_deposit)

    def work(uow: UnitOfWork) -> None:
        uow.channels.add(position.channel_id, position.channel, 1_700_000_000)
        uow.channels.set_onchain(position.channel_id, known, known)

    database.run_sync(work)


def load(database: Database, channel_id: Bytes32) -> Position:
    position = database.read_sync(lambda uow: uow.channels.get(channel_id))
    assert position is not None
    return position


def save(database: Database, position: Position) -> None:
    database.run_sync(lambda uow: uow.channels.save(position))


def store(database: Database, proposal: Proposal, position: Position, payee_signature: bytes = b"") -> None:
    def work(uow: UnitOfWork) -> None:
        uow.states.add(proposal, payee_signature, 1)
        uow.channels.save(position)

    database.run_sync(work)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_an_unknown_channel_is_none(database: Database) -> None:
    assert database.read_sync(lambda uow: uow.channels.get(cause_id(9))) is None
    assert database.read_sync(lambda uow: uow.channels.record(cause_id(9))) is None


def test_a_registered_channel_has_nothing_yet(database: Database) -> None:
    channel = make_channel(salt=2**88 - 1)
    channel_id = DOMAIN.channel_id(channel)

    database.run_sync(lambda uow: uow.channels.add(channel_id, channel, 5))

    assert load(database, channel_id) == Position(channel_id, channel, Unopened(), Funds())


@pytest.mark.parametrize(
    "phase",
    [
        Unopened(),
        Open(),
        Closing(1_800_000_000, State(cause_id(1), 0, 0)),
        Closing(2**40, State(cause_id(1), UINT64_MAX, INT128_MIN, UINT128_MAX, UINT128_MAX, cause_id(7))),
        Ended(2**96 - 1, 1),
        Ended(1, 2, 3, 4),
    ],
)
def test_every_phase_comes_back(database: Database, phase: Phase) -> None:
    position = make_position()
    register(database, position, OnChain(phase, 1, 2, 3, 4))

    assert load(database, position.channel_id).phase == phase


@pytest.mark.parametrize("paid", [INT128_MIN, -1, 0, 1, INT128_MAX])
@pytest.mark.parametrize("sequence", [1, UINT64_MAX])
def test_the_newest_state_comes_back(database: Database, sequence: int, paid: int) -> None:
    position = make_position()
    register(database, position)
    state = State(position.channel_id, sequence, paid, UINT128_MAX, 1, cause_id(3))
    after = replace(position, newest=co_signed(state), highest_seen=sequence)

    save(database, after)

    assert load(database, position.channel_id) == after


def test_the_highest_voucher_comes_back(database: Database) -> None:
    position = make_position(one_way=True)
    register(database, position)
    after = replace(position, voucher=make_voucher(position, UINT128_MAX))

    save(database, after)

    assert load(database, position.channel_id) == after


def test_a_signed_close_and_a_refused_number_come_back(database: Database) -> None:
    position = make_position()
    register(database, position)
    after = replace(refuse(position, make_proposal(position, sequence=77)), close_paid=-5)

    save(database, after)

    assert load(database, position.channel_id) == after


def test_a_payer_keeps_every_state_that_may_become_final(database: Database) -> None:
    position = make_position()
    register(database, position)
    proposals: list[Proposal] = []
    for n in (1, 2, 3):
        position, unsigned = propose(position, [Pay(cause_id(n), 10 * n)], DOMAIN)
        proposals.append(replace(unsigned, signature=PAYER.sign(unsigned.state)))
        store(database, proposals[-1], position)
    database.run_sync(lambda uow: uow.states.refuse(position.channel_id, 3))

    assert load(database, position.channel_id) == position
    assert [state.sequence for state in position.unanswered] == [1, 2, 3]

    signed = co_signed(proposals[1].state)
    answered = complete(position, signed, DOMAIN)
    database.run_sync(lambda uow: uow.states.complete(signed, 2))
    save(database, answered)

    assert load(database, position.channel_id) == answered
    assert [state.sequence for state in answered.unanswered] == [3]


def test_a_payee_loads_a_position_with_one_statement(database: Database) -> None:
    position = make_position()
    register(database, position)
    proposal = make_proposal(position)
    accepted = accept(position, proposal, NOTHING, DOMAIN)
    store(database, proposal, accepted, PAYEE.sign(proposal.state))
    load(database, position.channel_id)

    with counted_statements() as statements:
        load(database, position.channel_id)

    assert len(statements) == 1, statements


def test_deposits_count_once_confirmed_and_withdrawals_at_once(database: Database) -> None:
    position = make_position()
    register(database, position)
    confirmed, head = OnChain(Open(), 100, 50, 10, 20), OnChain(Open(), 300, 60, 40, 30)

    database.run_sync(lambda uow: uow.channels.set_onchain(position.channel_id, confirmed, head))

    record = database.read_sync(lambda uow: uow.channels.record(position.channel_id))
    assert record is not None
    assert record.position.funds == Funds(100, 50, 40, 30)
    assert record.confirmed == Funds(100, 50, 10, 20)
    assert record.head == head
    assert record.registered_at == 1_700_000_000


def test_a_promise_counts_until_a_confirmed_block_is_past_its_deadline(database: Database) -> None:
    position = make_position(payer_deposit=1000)
    register(database, position)
    channel_id = position.channel_id
    database.run_sync(lambda uow: uow.channels.promise(Withdrawal(channel_id, 300, 5, 100)))
    database.run_sync(lambda uow: uow.channels.promise(Withdrawal(channel_id, 200, 9, 150)))

    record = database.read_sync(lambda uow: uow.channels.record(channel_id))
    assert record is not None
    assert record.promised == Withdrawal(channel_id, 300, 9, 150)
    assert record.position.funds == Funds(1000, 0, 300, 9)

    database.run_sync(lambda uow: uow.channels.expire_promises(150))
    assert load(database, channel_id).funds == Funds(1000, 0, 300, 9)

    database.run_sync(lambda uow: uow.channels.expire_promises(151))
    assert load(database, channel_id).funds == Funds(1000)


def test_channels_are_listed_in_pages(database: Database) -> None:
    channels = [make_channel(salt=salt) for salt in range(5)]
    ids = sorted(map(DOMAIN.channel_id, channels))

    def work(uow: UnitOfWork) -> None:
        for channel in channels:
            uow.channels.add(DOMAIN.channel_id(channel), channel, 1)

    database.run_sync(work)

    first = database.read_sync(lambda uow: uow.channels.page(None, 3))
    second = database.read_sync(lambda uow: uow.channels.page(ids[2], 3))

    assert [record.position.channel_id for record in first] == ids[:3]
    assert [record.position.channel_id for record in second] == ids[3:]
