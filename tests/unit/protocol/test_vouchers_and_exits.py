"""Vouchers, withdrawals and agreed closes: what a party may promise, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from penstock.protocol.causes import Pay
from penstock.protocol.errors import (
    AmountOutOfRange,
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    ClosePaidMismatch,
    CloseSigned,
    CloseUnsettledWork,
    VoucherExceedsDeposit,
    VoucherNotHigher,
    WithdrawalDeadline,
    WithdrawalNotHigher,
    WithdrawalUncovered,
    WrongChannel,
    WrongKind,
    WrongSigner,
)
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.messages import Close, CloseIntent, SignedVoucher, State, Voucher, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Unopened
from penstock.protocol.position import Funds, Position, funds_that_count
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import complete, propose
from penstock.protocol.vouchers import accept_voucher, next_voucher
from tests.support.parties import (
    DOMAIN,
    STRANGER,
    cause_id,
    co_signed,
    make_channel,
    make_position,
    make_voucher,
    with_newest,
)

NOW = 1000
CHANNEL_ID = Bytes32(b"\x55" * 32)


def withdraw(position: Position, payer_total: int, payee_total: int, deadline: int = NOW + 60) -> Funds:
    withdrawal = Withdrawal(position.channel_id, payer_total, payee_total, deadline)
    return check_withdrawal(position, withdrawal, earliest=NOW, latest=NOW + 100)


# Vouchers


def test_vouchers_add_up() -> None:
    position = make_position(one_way=True, payer_deposit=100)

    held = accept_voucher(position, make_voucher(position, 30), DOMAIN)

    assert next_voucher(held, 12).paid == 42
    assert held.payer_spendable == 70


def test_the_same_voucher_again_changes_nothing_and_a_lower_one_is_refused() -> None:
    position = make_position(one_way=True)
    held = accept_voucher(position, make_voucher(position, 30), DOMAIN)

    assert accept_voucher(held, make_voucher(position, 30), DOMAIN) == held
    with pytest.raises(VoucherNotHigher):
        accept_voucher(held, make_voucher(position, 29), DOMAIN)


def test_a_voucher_at_or_below_what_was_collected_pays_nothing() -> None:
    position = replace(make_position(one_way=True), funds=Funds(100, 0, 0, 50))

    with pytest.raises(VoucherNotHigher):
        accept_voucher(position, make_voucher(position, 50), DOMAIN)


def test_a_voucher_above_the_deposit_is_refused_on_both_sides() -> None:
    position = make_position(one_way=True, payer_deposit=100)

    with pytest.raises(VoucherExceedsDeposit):
        accept_voucher(position, make_voucher(position, 101), DOMAIN)
    with pytest.raises(VoucherExceedsDeposit):
        next_voucher(position, 101)


def test_a_voucher_needs_the_payer_s_signer_a_one_way_channel_and_an_open_phase() -> None:
    position = make_position(one_way=True)
    closing = replace(position, phase=Closing(9, State(position.channel_id, 0, 0)))

    with pytest.raises(WrongSigner):
        accept_voucher(position, make_voucher(position, 1, signer=STRANGER), DOMAIN)
    with pytest.raises(WrongKind):
        accept_voucher(make_position(), make_voucher(make_position(), 1), DOMAIN)
    with pytest.raises(ChannelClosing):
        accept_voucher(closing, make_voucher(position, 1), DOMAIN)
    with pytest.raises(AmountOutOfRange):
        next_voucher(position, 0)


# Withdrawals


def test_a_withdrawal_leaves_what_was_paid() -> None:
    position = with_newest(make_position(payer_deposit=100), 1, 40)

    assert withdraw(position, 60, 0).payer_withdrawn == 60
    with pytest.raises(WithdrawalUncovered) as caught:
        withdraw(position, 61, 0)
    assert caught.value.missing == 1


def test_a_withdrawal_is_covered_in_every_state_that_may_become_final() -> None:
    position, _ = propose(make_position(payer_deposit=100), [Pay(cause_id(1), 70)], DOMAIN)

    withdraw(position, 30, 0)
    with pytest.raises(WithdrawalUncovered):
        withdraw(position, 31, 0)


def test_a_payee_withdraws_what_it_was_paid() -> None:
    position = with_newest(make_position(payer_deposit=100), 1, 40)

    assert withdraw(position, 0, 40).payee_withdrawn == 40
    with pytest.raises(WithdrawalUncovered, match="payee"):
        withdraw(position, 0, 41)


def test_a_withdrawal_must_raise_a_total_within_the_time_limits() -> None:
    position = replace(make_position(payer_deposit=100), funds=Funds(100, 0, 30, 0))

    with pytest.raises(WithdrawalNotHigher):
        withdraw(position, 30, 0)
    for deadline in (NOW - 1, NOW + 101):
        with pytest.raises(WithdrawalDeadline):
            withdraw(position, 40, 0, deadline)


def test_what_counts_is_the_careful_view_of_deposits_and_withdrawals() -> None:
    confirmed = OnChain(Open(), payer_deposit=100, payee_deposit=5, payer_withdrawn=1)
    head = OnChain(Open(), payer_deposit=150, payee_deposit=0, payer_withdrawn=20)
    promised = Withdrawal(make_position().channel_id, 30, 2, NOW)

    assert funds_that_count(confirmed, head, [promised]) == Funds(100, 0, 30, 2)
    assert funds_that_count(confirmed, head, []) == Funds(100, 0, 20, 0)


# Agreed close


def test_a_close_is_signed_at_the_newest_figure_only_and_ends_all_signing() -> None:
    position = with_newest(make_position(), 3, 77)

    closed = check_close(position, Close(position.channel_id, 77))

    assert closed.close_paid == 77
    assert check_close(closed, Close(position.channel_id, 77)) == closed
    with pytest.raises(ClosePaidMismatch):
        check_close(position, Close(position.channel_id, 76))
    with pytest.raises(CloseSigned):
        check_close(closed, Close(position.channel_id, 78))
    with pytest.raises(CloseSigned):
        withdraw(closed, 1, 0)


def test_a_close_is_still_possible_while_a_one_sided_one_is_pending() -> None:
    position = with_newest(make_position(), 3, 77)
    closing = replace(position, phase=Closing(9, State(position.channel_id, 1, 5)))

    assert check_close(closing, Close(position.channel_id, 77)).close_paid == 77


def test_a_close_needs_everything_answered_and_unlocked_and_a_channel() -> None:
    position = make_position()
    waiting, _ = propose(position, [Pay(cause_id(1), 70)], DOMAIN)
    newest = with_newest(position, 1, 0)
    assert newest.newest is not None
    locked = replace(newest, newest=replace(newest.newest, state=replace(newest.newest.state, payer_locked=5)))

    for held in (waiting, locked):
        with pytest.raises(CloseUnsettledWork):
            check_close(held, Close(position.channel_id, 0))
    with pytest.raises(ChannelSettled):
        check_close(replace(position, phase=Ended(0, 0)), Close(position.channel_id, 0))
    with pytest.raises(ChannelUnopened):
        check_close(replace(position, phase=Unopened()), Close(position.channel_id, 0))
    with pytest.raises(WrongKind):
        check_close(make_position(one_way=True), Close(position.channel_id, 0))


def test_what_was_signed_for_another_channel_is_refused() -> None:
    other = Bytes32(b"\x77" * 32)

    with pytest.raises(WrongChannel):
        check_withdrawal(make_position(), Withdrawal(other, 10, 0, NOW), NOW, NOW)
    with pytest.raises(WrongChannel):
        check_close(make_position(), Close(other, 0))
    with pytest.raises(WrongChannel):
        accept_voucher(make_position(one_way=True), SignedVoucher(Voucher(other, 5), bytes(65)), DOMAIN)
    with pytest.raises(WrongChannel):
        complete(make_position(), co_signed(State(other, 1, 5)), DOMAIN)


@pytest.mark.parametrize(
    "make",
    [
        lambda: State(CHANNEL_ID, 2**64, 0),
        lambda: State(CHANNEL_ID, 1, 2**127),
        lambda: State(CHANNEL_ID, 1, 1.0),  # type: ignore[arg-type]
        lambda: State(CHANNEL_ID, sequence=True, paid=0),
        lambda: State(CHANNEL_ID, 1, 0, payer_locked=-1),
        lambda: State(CHANNEL_ID, 1, 0, payee_locked=2**128),
        lambda: Voucher(CHANNEL_ID, -1),
        lambda: Withdrawal(CHANNEL_ID, 2**128, 0, 0),
        lambda: Withdrawal(CHANNEL_ID, 0, -1, 0),
        lambda: Withdrawal(CHANNEL_ID, 0, 0, 2**64),
        lambda: Close(CHANNEL_ID, -(2**127) - 1),
        lambda: CloseIntent(CHANNEL_ID, -1, 0),
        lambda: CloseIntent(CHANNEL_ID, 0, 2**64),
        lambda: make_channel(salt=2**88),
        lambda: replace(make_channel(), challenge_period_seconds=2**32),
    ],
)
def test_nothing_is_signed_that_the_contract_cannot_hold(make: Callable[[], object]) -> None:
    with pytest.raises(AmountOutOfRange):
        make()
