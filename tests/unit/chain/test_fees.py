"""What is offered for gas, and what an endpoint means by refusing it."""

from __future__ import annotations

import asyncio

import pytest

from penstock.chain.fees import Fees, FeeSettings, market_fees, raised
from penstock.chain.refusals import Refusal, classify
from penstock.chain.rpc import FeeHistory, Rpc

SETTINGS = FeeSettings(min_priority_fee=3, max_fee_limit=10_000)


class Market(Rpc):
    """An endpoint that knows fees only."""

    def __init__(self, next_base_fee: int, *tips: int) -> None:
        self._history = FeeHistory(next_base_fee, tips)

    async def fee_history(self, blocks: int, percentile: int) -> FeeHistory:
        return self._history


def fees_at(next_base_fee: int, *tips: int) -> Fees:
    return asyncio.run(market_fees(Market(next_base_fee, *tips), SETTINGS))


def test_the_tip_is_the_median_of_those_paid_and_the_base_fee_may_double() -> None:
    assert fees_at(100, 9, 5, 7) == Fees(max_fee=207, priority_fee=7)


def test_empty_blocks_say_nothing_about_tips() -> None:
    assert fees_at(100, 0, 0, 8) == Fees(208, 8)
    assert fees_at(100) == Fees(203, 3)


def test_the_limit_holds_for_both_fields() -> None:
    assert fees_at(10**6, 10**6) == Fees(10_000, 10_000)


def test_a_replacement_raises_both_fields_by_an_eighth_at_least() -> None:
    assert raised(Fees(100, 1), Fees(50, 1), SETTINGS) == Fees(113, 2)
    assert raised(Fees(100, 8), Fees(500, 20), SETTINGS) == Fees(500, 20)


def test_a_replacement_that_the_limit_forbids_is_none() -> None:
    assert raised(Fees(9_000, 1), Fees(50, 1), SETTINGS) is None


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
        ("Insufficient funds for gas * price + value", Refusal.NO_FUNDS),
        ("the moon is in the wrong phase", Refusal.OTHER),
    ],
)
def test_what_nodes_say_is_understood(words: str, meaning: Refusal) -> None:
    assert classify(words) is meaning
