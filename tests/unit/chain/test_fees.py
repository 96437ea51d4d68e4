"""What is offered for gas, and what an endpoint means by refusing it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.chain.fees import (
    Fees,
    FeeSettings,
    Progress,
    by_an_eighth,
    ceiling,
    is_worth_replacing,
    market_fees,
    offer,
    progress,
    replacement,
)
from penstock.chain.refusals import Refusal, classify
from penstock.chain.rpc import FeeHistory

SETTINGS = FeeSettings(min_priority_fee=3, final_blocks=2)
DAY = 86_400


def fees_at(next_base_fee: int, *tips: int) -> Fees:
    return market_fees(FeeHistory(next_base_fee, tips), SETTINGS)


def test_the_tip_is_the_median_of_those_paid_and_the_base_fee_may_double() -> None:
    assert fees_at(100, 9, 5, 7) == Fees(max_fee=207, priority_fee=7)


def test_empty_blocks_say_nothing_about_tips() -> None:
    assert fees_at(100, 0, 0, 8) == Fees(208, 8)
    assert fees_at(100) == Fees(203, 3)


def test_the_cap_holds_for_both_fields() -> None:
    assert Fees(10**7, 10**6).within(10_000) == Fees(10_000, 10_000)


def test_without_a_deadline_the_markets_fee_is_offered_within_the_cap() -> None:
    assert offer(Fees(200, 7), 1000, None) == Fees(200, 7)
    assert offer(Fees(2000, 7), 1000, None) == Fees(1000, 7)


def test_the_whole_budget_is_offered_while_two_blocks_can_still_come_in_time() -> None:
    deadline, seconds = 10_000, 12
    at = [progress(0, deadline - n * seconds, deadline, seconds, SETTINGS) for n in (5, 4, 3, 2, 1)]

    assert [offer(Fees(200, 7), 9000, each) == Fees(9000, 9000) for each in at] == [False, False, True, True, True]


def test_the_offer_rises_from_the_market_to_the_cap_with_the_cube_of_the_time() -> None:
    market, cap = Fees(180, 9), 1125
    offers = [offer(market, cap, Progress(elapsed, 1000)) for elapsed in (0, 100, 500, 900, 999)]

    assert offers == [Fees(180, 9), Fees(180, 9), Fees(282, 132), Fees(777, 731), Fees(997, 997)]


def test_a_clock_that_stepped_back_offers_the_market() -> None:
    assert offer(Fees(200, 7), 9000, Progress(-5, 1000)) == Fees(200, 7)


@given(
    st.builds(Fees, st.integers(1, 10**13), st.integers(1, 10**13)).map(lambda fees: fees.within(fees.max_fee)),
    st.integers(1, 10**13),
    st.lists(st.integers(0, DAY), min_size=1, max_size=40),
)
def test_every_replacement_on_the_curve_is_one_and_the_last_offers_all(
    market: Fees, cap: int, looks: list[int]
) -> None:
    old: Fees | None = None
    for elapsed in [*sorted(looks), DAY]:
        at = Progress(elapsed, DAY)
        wanted = offer(market, cap, at)
        assert wanted.priority_fee <= wanted.max_fee <= ceiling(cap, at) <= cap
        if old is None:
            old = wanted
        elif is_worth_replacing(old, wanted):
            new = replacement(old, wanted, ceiling(cap, at))
            assert new is None or (new.max_fee >= by_an_eighth(old.max_fee) and new.max_fee <= cap)
            assert new is None or new.priority_fee >= by_an_eighth(old.priority_fee)
            old = new or old
    assert old == Fees(cap, cap) or looks == [DAY]


def test_a_replacement_raises_both_fields_by_an_eighth_at_least() -> None:
    assert replacement(Fees(100, 1), Fees(50, 1), 1000) == Fees(113, 2)
    assert replacement(Fees(100, 8), Fees(500, 20), 1000) == Fees(500, 20)


def test_a_replacement_that_the_cap_forbids_is_none() -> None:
    assert replacement(Fees(900, 1), Fees(50, 1), 1000) is None


def test_a_replacement_is_worth_it_when_one_field_rose_enough() -> None:
    assert not is_worth_replacing(Fees(100, 8), Fees(112, 8))
    assert is_worth_replacing(Fees(100, 8), Fees(113, 8))
    assert is_worth_replacing(Fees(100, 8), Fees(100, 9))


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("already known", Refusal.KNOWN),
        ("transaction already imported", Refusal.KNOWN),
        ("nonce too low: next nonce 5, tx nonce 4", Refusal.NONCE_USED),
        ("replacement transaction underpriced", Refusal.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x…", Refusal.UNDERPRICED),
        ("transaction underpriced: tip needed 1, tip permitted 0", Refusal.UNDERPRICED),
        ("insufficient funds for gas * price + value", Refusal.NO_FUNDS),
        ("in-flight transaction limit reached for delegated accounts", Refusal.IN_FLIGHT_LIMIT),
        ("Insufficient funds for gas * price + value", Refusal.NO_FUNDS),
        ("the moon is in the wrong phase", Refusal.OTHER),
    ],
)
def test_what_nodes_say_is_understood(words: str, meaning: Refusal) -> None:
    assert classify(words) is meaning
