"""Paying in a one-way channel: totals only rise, and what was refused is not paid with the next voucher."""

from __future__ import annotations

import json

import pytest

from penstock.client.errors import PaymentUnanswered
from penstock.protocol.errors import ChannelUnopened, VoucherExceedsDeposit, WrongKind
from penstock.protocol.messages import SignedVoucher
from tests.support.parties import cause_id
from tests.unit.client.rig import DEPOSIT, Rig

pytestmark = pytest.mark.anyio


def totals(rig: Rig) -> list[int]:
    return [int(json.loads(body)["paid"]) for body in rig.node.sent("/vouchers")]


async def test_vouchers_are_cumulative(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)

        payments = await channel.pay_many([10, 20, 30])

        assert [payment.paid for payment in payments] == [10, 30, 60]
        assert payments[-1].remaining == DEPOSIT - 60
        assert isinstance(await channel.latest(), SignedVoucher)
        assert [record.evidence for record in await channel.history()] == [p.evidence for p in reversed(payments)]


async def test_a_voucher_that_was_not_answered_is_paid_with_the_next_one(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        rig.node.drop = 10_000
        with pytest.raises(PaymentUnanswered):
            await channel.pay(10)
    rig.node.drop = 0

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(5)

    assert payment.paid == 15
    assert totals(rig) == [15]


async def test_a_voucher_that_was_not_answered_is_sent_again_on_request(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        rig.node.lose = 100
        with pytest.raises(PaymentUnanswered):
            await channel.pay(10)
        rig.node.lose = 0

        await channel.resend()

        assert set(totals(rig)) == {10}
        assert len(set(rig.node.sent("/vouchers"))) == 1


@pytest.mark.parametrize(("refused", "wanted"), [(10, 20), (10, 10), (20, 5)])
async def test_a_refused_voucher_is_not_paid_on_top(rig: Rig, refused: int, wanted: int) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        rig.node.refuse_with = ChannelUnopened("0x")
        with pytest.raises(ChannelUnopened):
            await channel.pay(refused)
        rig.node.refuse_with = None

        payment = await channel.pay(wanted)

        assert payment.paid == wanted


async def test_more_than_the_deposit_is_refused_and_nothing_is_sent(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)

        with pytest.raises(VoucherExceedsDeposit):
            await channel.pay(DEPOSIT + 1)

        assert totals(rig) == []


async def test_a_node_that_forgot_the_channel_is_told_again(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        rig.node.positions.clear()

        assert (await channel.pay(5)).paid == 5


async def test_vouchers_name_no_causes(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)

        with pytest.raises(WrongKind):
            await channel.pay(1, cause_id(1))


async def test_a_lost_store_goes_on_above_the_voucher_that_the_node_shows(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        await channel.pay(40)
    rig.home = rig.home.with_name("new")

    with rig.client() as client:
        recovered = await client.recover(channel.id)

        assert (await recovered.pay(2)).paid == 42
