"""Paying in a two-way channel: what is kept, what is sent again, what is never signed twice."""

from __future__ import annotations

import json
import sqlite3

import anyio
import pytest

from penstock.client.errors import ChainViewStale, NodeUnreachable, PaymentUnanswered
from penstock.protocol.causes import Refund
from penstock.protocol.errors import (
    AmountOutOfRange,
    BalanceExceeded,
    CauseRepeated,
    ChannelClosing,
    SequenceTooFar,
)
from penstock.protocol.messages import SignedState
from penstock.protocol.signatures import check_signer
from tests.support.parties import DOMAIN, PAYEE, PAYER, cause_id
from tests.unit.client.rig import DEPOSIT, Rig

pytestmark = pytest.mark.anyio


async def test_a_payment_is_signed_by_both_and_kept(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        payment = await channel.pay(25)

        assert (payment.paid, payment.sequence, payment.remaining) == (25, 1, DEPOSIT - 25)
        assert isinstance(payment.evidence, SignedState)
        digest = DOMAIN.digest(payment.evidence.state)
        check_signer(digest, payment.evidence.payer_signature, PAYER.address)
        check_signer(digest, payment.evidence.payee_signature, PAYEE.address)
        assert await channel.latest() == payment.evidence
        assert [record.status for record in await channel.history()] == ["co-signed"]
        assert rig.woken == 1


async def test_payments_at_the_same_time_all_succeed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(channel.pay, 7)

        assert (await channel.position()).base.paid == 140
        assert (await channel.position()).base.sequence == 20


async def test_the_proposal_and_the_mark_are_on_disk_before_anything_is_sent(rig: Rig) -> None:
    found: list[tuple[str, str]] = []

    def look(request: str) -> None:
        if not request.endswith("/states"):
            return
        with sqlite3.connect(rig.home / "client.db") as records:
            (status,) = records.execute("SELECT status FROM states").fetchone()
        with sqlite3.connect(rig.home / "marks.db") as marks:
            (highest,) = marks.execute("SELECT highest FROM marks").fetchone()
        found.append((status, highest))

    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.before_answer = look

        await channel.pay(25)

    assert found == [("unanswered", "1")]


async def test_a_payment_that_did_not_arrive_is_sent_again_unchanged(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lose = 100
        with pytest.raises(PaymentUnanswered, match="may still arrive and will be sent again") as caught:
            await channel.pay(25)
        rig.node.lose = 0

        payment = await channel.pay(10)

        assert caught.value.sequence == 1
        first, *others, last = rig.node.sent("/states")
        assert set(others) == {first}
        assert json.loads(last)["state"]["sequence"] == "2"
        assert payment.paid == 35


async def test_a_payment_is_sent_again_after_a_restart(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.drop = 10_000
        with pytest.raises(NodeUnreachable):
            await channel.pay(25)
    rig.node.drop = 0

    with rig.client() as client:
        (channel,) = await client.channels()
        resent = await channel.resend()

    assert [payment.amount for payment in resent] == [25]
    assert len(rig.node.sent("/states")) == 1


async def test_a_lost_answer_is_fetched_before_the_next_signature(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lose = 100
        with pytest.raises(PaymentUnanswered):
            await channel.pay(25)
    rig.node.lose = 0

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(10)

    assert (payment.paid, payment.sequence) == (35, 2)
    assert rig.node.positions[channel.id].base.paid == 35


async def test_the_same_cause_pays_once_however_often_it_is_tried(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lose = 100
        with pytest.raises(PaymentUnanswered):
            await channel.pay(25, cause_id(1))
        rig.node.lose = 0

        payment = await channel.pay(25, cause_id(1))

        assert payment.paid == 25
        with pytest.raises(CauseRepeated):
            await channel.pay(25, cause_id(1))
        assert rig.node.positions[channel.id].base.paid == 25


async def test_a_cancelled_payment_is_sent_again(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        with anyio.CancelScope() as scope:
            rig.node.before_answer = lambda _: scope.cancel()
            await channel.pay(25)
        rig.node.before_answer = None

        payment = await channel.pay(10)

        assert payment.paid == 35


async def test_a_refused_payment_carries_the_reason_and_never_its_number_again(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.refuse_with = BalanceExceeded("payer", 5, 20)

        with pytest.raises(BalanceExceeded) as caught:
            await channel.pay(25)

        assert caught.value.values() == rig.node.refuse_with.values()
        assert (await channel.position()).payer_spendable == DEPOSIT - 25  # it may become final all the same
        rig.node.refuse_with = None
        payment = await channel.pay(10)
        assert (payment.sequence, payment.paid, payment.remaining) == (2, 10, DEPOSIT - 10)
        assert [record.status for record in await channel.history()] == ["co-signed", "refused"]


async def test_an_old_payment_that_is_refused_does_not_stop_the_next_one(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.drop = 10_000
        with pytest.raises(PaymentUnanswered):
            await channel.pay(25, cause_id(1))
        rig.node.drop = 0
        rig.node.applied.add(cause_id(1))

        payment = await channel.pay(10)

        assert (payment.sequence, payment.paid) == (2, 10)


@pytest.mark.parametrize("amount", [0, -1, 2**128])
async def test_an_impossible_amount_is_refused_and_nothing_is_sent(rig: Rig, amount: int) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        with pytest.raises(AmountOutOfRange):
            await channel.pay(amount)

        assert rig.node.sent("/states") == []


async def test_more_than_the_balance_is_refused_and_nothing_is_sent(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        with pytest.raises(BalanceExceeded, match="would spend 1001"):
            await channel.pay(DEPOSIT + 1)

        assert rig.node.sent("/states") == []
        assert (await channel.pay(DEPOSIT)).remaining == 0


async def test_nothing_is_signed_in_a_channel_that_is_closing_on_chain(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.start_close()

        with pytest.raises(ChannelClosing):
            await channel.pay(1)


async def test_a_short_outage_of_the_chain_does_not_stop_payments_a_long_one_does(rig: Rig) -> None:
    rig.patience = type(rig.patience)(answer_seconds=0.05, refresh_seconds=0, stale_seconds=0.2, poll_seconds=0.01)
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.chain.down = True

        await channel.pay(1)
        await anyio.sleep(0.3)

        with pytest.raises(ChainViewStale):
            await channel.pay(1)


async def test_many_payments_share_states(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        payments = await channel.pay_many([1] * 300)

        assert [len(payment.causes) for payment in payments] == [256, 44]
        assert payments[-1].paid == 300


async def test_refunds_are_taken_once(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(100)
        rig.node.refunds[cause_id(9)] = Refund(cause_id(9), 30)

        payment = await channel.take_refunds()

        assert payment is not None
        assert (payment.amount, payment.paid) == (-30, 70)
        assert await channel.take_refunds() is None


async def test_a_node_that_forgot_the_channel_is_told_again(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.positions.clear()

        assert (await channel.pay(5)).paid == 5


async def test_a_newer_genuine_state_is_taken_over_and_paid_on(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1)
    elsewhere = Rig(rig.home.with_name("elsewhere"), rig.chain)
    elsewhere.node = rig.node
    with elsewhere.client() as client:
        await (await client.recover(channel.id)).pay(50)

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(3)

    assert payment.paid == 54


async def test_numbers_refused_by_the_node_are_left_behind(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1)
        position = rig.node.positions[channel.id]
        rig.node.positions[channel.id] = type(position)(
            position.channel_id, position.channel, position.phase, position.funds, position.newest, highest_seen=40
        )

        payment = await channel.pay(2)

        assert (payment.sequence, payment.paid) == (41, 3)


async def test_a_wild_claim_about_used_numbers_does_not_use_them_up(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.refuse_with = SequenceTooFar(2**63, 2**40)
        with pytest.raises(SequenceTooFar):
            await channel.pay(1)
        rig.node.refuse_with = None

        assert (await channel.pay(2)).sequence == 2
