"""How old the view of the chain is."""

from __future__ import annotations

import pytest

from penstock.node.errors import ChainStale
from penstock.node.head import Head
from penstock.node.records import Block
from penstock.protocol.primitives import Bytes32
from tests.support.nodes import NOW, Clock


def block(time: int) -> Block:
    return Block(7, Bytes32(b"\x07" * 32), time)


def test_before_the_first_block_nothing_is_fresh() -> None:
    head = Head(Clock(), 60)

    assert not head.is_fresh
    with pytest.raises(ChainStale):
        head.check_fresh()


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (60, True), (61, False)])
def test_a_block_grows_old(age: int, fresh: bool) -> None:  # noqa: FBT001 (an example)
    clock = Clock()
    head = Head(clock, 60)
    head.follow(block(NOW))

    clock.now += age

    assert (head.lag_seconds, head.is_fresh) == (age, fresh)


def test_an_endpoint_that_is_stuck_shows_old_blocks() -> None:
    head = Head(Clock(), 60)

    head.follow(block(NOW - 61))

    assert head.lag_seconds == 61
    assert not head.is_fresh


def test_a_chain_whose_clock_was_moved_ahead_grows_old_when_nothing_follows() -> None:
    clock = Clock()
    head = Head(clock, 60)
    head.follow(block(NOW + 86_400))
    assert head.is_fresh

    clock.now += 61

    assert head.lag_seconds == 61
    assert not head.is_fresh


def test_a_block_a_little_ahead_of_our_clock_has_no_age() -> None:
    clock = Clock()
    head = Head(clock, 60)
    head.follow(block(NOW + 5))

    assert head.lag_seconds == 0
    assert head.check_fresh().time == NOW + 5
