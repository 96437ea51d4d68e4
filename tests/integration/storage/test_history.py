"""States, causes and vouchers: what was signed, why, and what became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.node.records import StateRecord, StateStatus, VoucherRecord
from penstock.protocol.causes import Pay, Refund
from penstock.protocol.errors import CauseAltered, CauseRepeated
from penstock.protocol.messages import SignedState, State
from penstock.protocol.primitives import UINT64_MAX, UINT128_MAX
from penstock.protocol.proposals import CauseRecords
from penstock.storage.database import Database
from penstock.storage.errors import RecordConflict
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import PAYEE, cause_id, co_signed, make_position, make_proposal, make_voucher

POSITION = make_position()
CHANNEL = POSITION.channel_id
CAUSES = (Pay(cause_id(1), UINT128_MAX // 4), Refund(cause_id(2), 1))


def test_a_proposal_comes_back_with_its_causes(database: Database) -> None:
    proposal = make_proposal(POSITION, *CAUSES, sequence=UINT64_MAX)

    database.run_sync(lambda uow: uow.states.add(proposal, b"", 7))

    found = database.read_sync(lambda uow: uow.states.get(CHANNEL, UINT64_MAX))
    signed = SignedState(proposal.state, proposal.signature)
    assert found == StateRecord(signed, proposal.base, CAUSES, StateStatus.UNANSWERED, 7)
    assert database.read_sync(lambda uow: uow.states.unanswered(CHANNEL)) == []  # the channel is not registered


def test_a_payee_stores_the_state_co_signed(database: Database) -> None:
    proposal = make_proposal(POSITION)
    answer = PAYEE.sign(proposal.state)

    database.run_sync(lambda uow: uow.states.add(proposal, answer, 7))

    found = database.read_sync(lambda uow: uow.states.get(CHANNEL, 1))
    assert found is not None
    assert found.status is StateStatus.CO_SIGNED
    assert found.signed.payee_signature == answer


def test_unanswered_are_those_above_the_newest_neither_answered_nor_refused(database: Database) -> None:
    proposals = [make_proposal(POSITION, Pay(cause_id(n), n), sequence=n) for n in range(1, 6)]
    newest = co_signed(proposals[1].state)

    def work(uow: UnitOfWork) -> None:
        uow.channels.add(CHANNEL, POSITION.channel, 1)
        for proposal in proposals:
            uow.states.add(proposal, b"", 1)
        uow.states.complete(newest, 2)
        uow.states.refuse(CHANNEL, 4)
        uow.channels.save(replace(POSITION, newest=newest, highest_seen=5))

    database.run_sync(work)

    assert database.read_sync(lambda uow: uow.states.unanswered(CHANNEL)) == [proposals[2], proposals[4]]
    position = database.read_sync(lambda uow: uow.channels.get(CHANNEL))
    assert position is not None
    assert [state.sequence for state in position.unanswered] == [3, 4, 5]


def test_a_co_signature_completes_the_proposal(database: Database) -> None:
    proposal = make_proposal(POSITION)
    signed = co_signed(proposal.state)
    database.run_sync(lambda uow: uow.states.add(proposal, b"", 1))

    database.run_sync(lambda uow: uow.states.complete(signed, 2))
    database.run_sync(lambda uow: uow.states.refuse(CHANNEL, 1))

    found = database.read_sync(lambda uow: uow.states.get(CHANNEL, 1))
    assert found == StateRecord(signed, proposal.base, proposal.transfers, StateStatus.CO_SIGNED, 1)


def test_a_state_from_somebody_elses_records_has_no_base(database: Database) -> None:
    signed = co_signed(State(CHANNEL, 9, 90))

    database.run_sync(lambda uow: uow.states.complete(signed, 3))

    found = database.read_sync(lambda uow: uow.states.get(CHANNEL, 9))
    assert found == StateRecord(signed, None, (), StateStatus.CO_SIGNED, 3)


def test_another_state_at_the_same_sequence_is_refused(database: Database) -> None:
    database.run_sync(lambda uow: uow.states.add(make_proposal(POSITION), b"", 1))

    with pytest.raises(RecordConflict):
        database.run_sync(lambda uow: uow.states.complete(co_signed(State(CHANNEL, 1, 11)), 2))


def test_history_comes_newest_first_in_pages(database: Database) -> None:
    def work(uow: UnitOfWork) -> None:
        for sequence in (1, 2, 9, 10, 100):
            uow.states.complete(co_signed(State(CHANNEL, sequence, sequence)), sequence)

    database.run_sync(work)

    first = database.read_sync(lambda uow: uow.states.history(CHANNEL, None, 2))
    rest = database.read_sync(lambda uow: uow.states.history(CHANNEL, 10, 10))

    assert [record.signed.state.sequence for record in first] == [100, 10]
    assert [record.signed.state.sequence for record in rest] == [9, 2, 1]


def test_a_refund_waits_until_a_state_applies_it(database: Database) -> None:
    refund = Refund(cause_id(2), 30)
    database.run_sync(lambda uow: uow.causes.issue(CHANNEL, refund))
    database.run_sync(lambda uow: uow.causes.issue(CHANNEL, refund))

    assert database.read_sync(lambda uow: uow.causes.open_refunds(CHANNEL)) == [refund]
    known = database.read_sync(lambda uow: uow.causes.records(CHANNEL, [refund.cause_id, cause_id(1)]))
    assert known == CauseRecords(frozenset(), {refund.cause_id: refund})

    database.run_sync(lambda uow: uow.causes.apply(CHANNEL, 4, [Pay(cause_id(1), 5), refund]))

    assert database.read_sync(lambda uow: uow.causes.open_refunds(CHANNEL)) == []
    known = database.read_sync(lambda uow: uow.causes.records(CHANNEL, [refund.cause_id, cause_id(1), cause_id(3)]))
    assert known == CauseRecords(frozenset({refund.cause_id, cause_id(1)}), {refund.cause_id: refund})
    assert database.read_sync(lambda uow: uow.causes.records(CHANNEL, [cause_id(3)])) == CauseRecords(frozenset(), {})


def test_a_payer_applies_a_refund_that_it_never_saw_issued(database: Database) -> None:
    refund = Refund(cause_id(2), 30)

    database.run_sync(lambda uow: uow.causes.apply(CHANNEL, 4, [refund]))

    known = database.read_sync(lambda uow: uow.causes.records(CHANNEL, [refund.cause_id]))
    assert known.applied == {refund.cause_id}


def test_an_issued_refund_cannot_change_nor_take_a_payments_id(database: Database) -> None:
    database.run_sync(lambda uow: uow.causes.issue(CHANNEL, Refund(cause_id(2), 30)))
    database.run_sync(lambda uow: uow.causes.apply(CHANNEL, 1, [Pay(cause_id(1), 5)]))

    with pytest.raises(CauseAltered):
        database.run_sync(lambda uow: uow.causes.issue(CHANNEL, Refund(cause_id(2), 31)))
    with pytest.raises(CauseRepeated):
        database.run_sync(lambda uow: uow.causes.issue(CHANNEL, Refund(cause_id(1), 5)))


def test_causes_of_another_channel_are_not_seen(database: Database) -> None:
    database.run_sync(lambda uow: uow.causes.apply(CHANNEL, 1, [Pay(cause_id(1), 5)]))

    assert database.read_sync(lambda uow: uow.causes.records(cause_id(99), [cause_id(1)])).applied == frozenset()


def test_vouchers_come_highest_first_in_pages(database: Database) -> None:
    position = make_position(one_way=True)
    vouchers = [make_voucher(position, paid) for paid in (1, 9, 10, 100, UINT128_MAX)]

    def work(uow: UnitOfWork) -> None:
        for at, voucher in enumerate(vouchers):
            uow.vouchers.add(voucher, at)

    database.run_sync(work)

    first = database.read_sync(lambda uow: uow.vouchers.history(position.channel_id, None, 2))
    rest = database.read_sync(lambda uow: uow.vouchers.history(position.channel_id, 100, 9))

    assert first == [VoucherRecord(vouchers[4], 4), VoucherRecord(vouchers[3], 3)]
    assert [record.signed.voucher.paid for record in rest] == [10, 9, 1]
