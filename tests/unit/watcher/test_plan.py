"""The same decision gives the same key, and what failed is tried again, ever more patiently but never too late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.node.records import attempt_key
from penstock.protocol.messages import SignedState, State
from penstock.protocol.watch_policy import Challenge, Collect, Settle
from penstock.watcher.plan import intent_key, is_due, pause_seconds, window_seconds
from tests.support.parties import make_position, make_voucher

CHANNEL_ID = make_position().channel_id
CHALLENGE = Challenge(SignedState(State(CHANNEL_ID, 7, 70), b"", b""), 500)
COLLECT = Collect(make_voucher(make_position(one_way=True), 30), 500)


def test_keys_name_the_channel_and_what_is_told_to_the_chain() -> None:
    assert intent_key(CHANNEL_ID, CHALLENGE) == f"challenge:{CHANNEL_ID}:7"
    assert intent_key(CHANNEL_ID, COLLECT) == f"collect:{CHANNEL_ID}:30"
    assert intent_key(CHANNEL_ID, Settle()) == f"settle:{CHANNEL_ID}"


def test_every_further_attempt_has_a_key_of_its_own() -> None:
    assert [attempt_key("settle:x", n) for n in (1, 2, 3)] == ["settle:x", "settle:x:2", "settle:x:3"]


def test_only_challenges_and_collections_have_a_window() -> None:
    assert window_seconds(CHALLENGE, 480) == 20
    assert window_seconds(COLLECT, 499) == 1
    assert window_seconds(Settle(), 600) is None


def test_the_first_try_is_due_at_once() -> None:
    assert is_due([], None, 0)


def test_the_next_try_waits_for_its_pause() -> None:
    assert not is_due([100], None, 101)
    assert is_due([100], None, 102)
    assert not is_due([100, 102], None, 105)
    assert is_due([100, 102], None, 106)


@given(attempts=st.integers(1, 10_000), window=st.integers(1, 10**7) | st.none())
def test_a_pause_is_a_second_to_a_minute_and_at_most_a_tenth_of_the_window(attempts: int, window: int | None) -> None:
    pause = pause_seconds(attempts, window)

    assert 1 <= pause <= 60
    assert window is None or pause <= max(1, window // 10)
