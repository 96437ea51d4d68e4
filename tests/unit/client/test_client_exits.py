"""Taking money out: what is promised counts, what is answered is checked, what is unfinished can be repeated."""

from __future__ import annotations

import pytest

from penstock.client.errors import (
    ChannelNotKept,
    CloseNotAgreed,
    CloseUnseen,
    DepositUnconfirmed,
    GaslessUnavailable,
    NodeUnreachable,
    PaymentUnanswered,
    TokenNotChosen,
    WithdrawalPending,
    WithdrawalUnseen,
)
from penstock.protocol.errors import (
    BalanceExceeded,
    ChannelSettled,
    ClosePaidMismatch,
    CloseSigned,
    TokenNotAllowed,
    WithdrawalUncovered,
    WrongKind,
)
from penstock.protocol.onchain import Closing
from tests.support.parties import TOKEN
from tests.unit.client.rig import DEPOSIT, Rig

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("gasless", [True, False])
async def test_a_withdrawal_takes_money_out_of_the_open_channel(rig: Rig, gasless: bool) -> None:  # noqa: FBT001
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(100)

        await channel.withdraw(300, gasless=gasless)
        await channel.withdraw(200, gasless=gasless)

        position = await channel.position()
        assert position.funds.payer_withdrawn == 500
        assert position.payer_spendable == 400
        assert rig.chain.sent == ([] if gasless else ["withdraw", "withdraw"])


async def test_a_withdrawal_counts_from_the_signature_on(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.drop = 10_000
        with pytest.raises(NodeUnreachable):
            await channel.withdraw(600)
        rig.node.drop = 0

        with pytest.raises(BalanceExceeded):
            await channel.pay(401)


async def test_a_withdrawal_is_repeated_unchanged(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lose = 100
        with pytest.raises(NodeUnreachable):
            await channel.withdraw(600)
    rig.node.lose = 0
    rig.chain.channels[channel.id] = type(rig.chain.channels[channel.id])(
        rig.chain.channels[channel.id].phase, payer_deposit=DEPOSIT
    )

    with rig.client() as client:
        channel = await client.channel(channel.id)
        with pytest.raises(WithdrawalPending):
            await channel.withdraw(599)
        await channel.withdraw(600)

    assert len(set(rig.node.sent("/withdrawals"))) == 1


async def test_a_withdrawal_that_the_chain_does_not_show_is_named(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.chain.pay_out = lambda _: None  # type: ignore[method-assign, assignment]

        with pytest.raises(WithdrawalUnseen):
            await channel.withdraw(600)


async def test_more_than_the_free_balance_cannot_be_withdrawn(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1)

        with pytest.raises(WithdrawalUncovered):
            await channel.withdraw(DEPOSIT)

        assert rig.node.sent("/withdrawals") == []


async def test_an_unanswered_payment_counts_against_a_withdrawal(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.refuse_with = BalanceExceeded("payer", 0, 400)
        with pytest.raises(BalanceExceeded):
            await channel.pay(400)
        rig.node.refuse_with = None

        with pytest.raises(WithdrawalUncovered):
            await channel.withdraw(601)


@pytest.mark.parametrize("gasless", [True, False])
async def test_an_agreed_close_ends_the_channel(rig: Rig, gasless: bool) -> None:  # noqa: FBT001
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(100)

        await channel.close(gasless=gasless)
        await channel.close(gasless=gasless)

        assert len(rig.node.sent("/close")) == 1
        with pytest.raises(ChannelSettled):
            await channel.pay(1)


async def test_a_close_that_is_refused_names_the_way_out_and_binds_us(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(100)
        rig.node.refuse_with = ClosePaidMismatch(100, 90)

        with pytest.raises(CloseNotAgreed, match="names paid 100"):
            await channel.close()

        rig.node.refuse_with = None
        with pytest.raises(CloseSigned):
            await channel.pay(1)
        await channel.start_close()
        assert isinstance((await channel.position()).phase, Closing)


async def test_nothing_is_signed_for_a_close_while_a_payment_is_unanswered(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.drop = 10_000
        with pytest.raises(PaymentUnanswered):
            await channel.pay(100)

        with pytest.raises(CloseNotAgreed):
            await channel.close()

        assert (await channel.position()).close_paid is None


async def test_a_close_that_the_chain_does_not_show_is_named_and_can_be_repeated(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        end, rig.chain.end = rig.chain.end, lambda _id, _paid: None  # type: ignore[method-assign, assignment]
        with pytest.raises(CloseUnseen):
            await channel.close()
        rig.chain.end = end  # type: ignore[method-assign]

        await channel.close()

        assert len(set(rig.node.sent("/close"))) == 1


async def test_a_one_way_channel_has_no_agreed_close(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)

        with pytest.raises(WrongKind):
            await channel.close()

        await channel.start_close()


async def test_a_one_sided_close_needs_no_node(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        payment = await channel.pay(100)
        rig.node.drop = 10_000

        await channel.start_close()

        phase = (await channel.position()).phase
        assert isinstance(phase, Closing)
        assert phase.state == getattr(payment.evidence, "state", None)
        await channel.settle()
        assert rig.chain.sent == ["start-close", "settle"]


# Putting money in -------------------------------------------------------------------------------------------------


async def test_the_payers_own_gas_opens_a_channel_too(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, gasless=False)

        assert rig.chain.sent == ["deposit"]
        assert (await channel.pay(1)).paid == 1


async def test_a_deposit_adds_to_what_is_there(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        await channel.deposit(500)

        assert (await channel.position()).payer_spendable == DEPOSIT + 500


async def test_the_default_terms_are_within_the_nodes_limits(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)

        assert channel.terms.challenge_period_seconds == 7200
        assert channel.terms.token == TOKEN
        assert channel.terms.salt != (await client.open_channel(DEPOSIT)).terms.salt


async def test_an_interrupted_opening_is_listed_and_goes_on(rig: Rig) -> None:
    with rig.client() as client:
        await client.node_info()
        rig.node.drop = 10_000
        with pytest.raises(NodeUnreachable):
            await client.open_channel(DEPOSIT)
    rig.node.drop = 0

    with rig.client() as client:
        (channel,) = await client.channels()
        await channel.deposit(DEPOSIT)

        assert (await channel.pay(1)).paid == 1


async def test_a_deposit_that_is_not_confirmed_is_named_and_can_be_waited_for(rig: Rig) -> None:
    rig.chain.unconfirmed = True
    with rig.client() as client:
        with pytest.raises(DepositUnconfirmed) as caught:
            await client.open_channel(DEPOSIT)
        (channel,) = await client.channels()
        rig.chain.unconfirmed = False

        await channel.wait_until_open()

        assert (caught.value.confirmed, caught.value.seen) == (0, DEPOSIT)
        assert (await channel.pay(1)).paid == 1


async def test_a_repeated_deposit_signs_the_same_transfer(rig: Rig) -> None:
    with rig.client() as client:
        await client.node_info()
        rig.node.lose = 100
        with pytest.raises(NodeUnreachable):
            await client.open_channel(DEPOSIT)
        rig.node.lose = 0

    assert len(set(rig.node.sent("POST /v1/channels"))) == 1


async def test_a_withdrawal_that_the_node_does_not_submit_is_not_even_signed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        with pytest.raises(GaslessUnavailable, match="from 10"):
            await channel.withdraw(9)
        assert (await channel.position()).funds.payer_withdrawn == 0
        await channel.withdraw(9, gasless=False)


async def test_a_node_that_relays_nothing_is_named(rig: Rig) -> None:
    with rig.client() as client:
        rig.node.lie = lambda _, shape: shape | {"relays": False}
        with pytest.raises(GaslessUnavailable):
            await client.open_channel(DEPOSIT)


async def test_a_deposit_below_the_nodes_minimum_is_named(rig: Rig) -> None:
    with rig.client() as client, pytest.raises(GaslessUnavailable, match="from 10"):
        await client.open_channel(9)


async def test_terms_that_the_node_refuses_cost_no_gas(rig: Rig) -> None:
    rig.node.refuse_with = TokenNotAllowed("0x", "0x")
    with rig.client() as client:
        with pytest.raises(TokenNotAllowed):
            await client.open_channel(DEPOSIT, gasless=False)

        assert rig.chain.sent == []


async def test_a_token_is_asked_for_where_the_node_takes_several(rig: Rig) -> None:
    rig.node.lie = lambda _, shape: shape | {"tokens": [str(TOKEN), "0x" + "ee" * 20]}
    with rig.client() as client, pytest.raises(TokenNotChosen):
        await client.open_channel(DEPOSIT)


async def test_a_channel_that_is_not_kept_is_named(rig: Rig) -> None:
    with rig.client() as client, pytest.raises(ChannelNotKept):
        await client.channel("0x" + "11" * 32)
