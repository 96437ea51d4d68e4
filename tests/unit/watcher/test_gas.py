"""A watcher says in time that its gas money runs out."""

from __future__ import annotations

from penstock.watcher.gas import GAS_PER_DISPUTE, disputes_covered

GWEI = 10**9


def test_no_money_covers_no_dispute() -> None:
    assert disputes_covered(0, GWEI) == 0


def test_disputes_are_counted_at_twice_the_base_fee_and_a_tip() -> None:
    price = GAS_PER_DISPUTE * (2 * 30 * GWEI + GWEI)

    assert disputes_covered(price - 1, 30 * GWEI) == 0
    assert disputes_covered(price, 30 * GWEI) == 1
    assert disputes_covered(10 * price, 30 * GWEI) == 10


def test_a_rising_base_fee_covers_fewer_disputes() -> None:
    assert disputes_covered(10**18, 100 * GWEI) < disputes_covered(10**18, 10 * GWEI)
