"""What is written comes back, over the whole range of every value."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol.causes import Pay, Refund, Transfer
from penstock.protocol.messages import Channel, State
from penstock.protocol.onchain import (
    Challenged,
    ChannelOpened,
    Closed,
    Closing,
    ClosingStarted,
    Collected,
    Deposited,
    Ended,
    Event,
    Open,
    Phase,
    Settled,
    Unopened,
    Withdrawn,
)
from penstock.protocol.primitives import INT128_MAX, INT128_MIN, UINT64_MAX, UINT128_MAX, Address, Bytes32
from penstock.storage.codec import (
    event_from_json,
    event_to_json,
    pack_causes,
    phase_from_json,
    phase_to_json,
    unpack_causes,
)

WORDS = st.binary(min_size=32, max_size=32).map(Bytes32)
AMOUNTS = st.integers(0, UINT128_MAX)
TIMES = st.integers(0, UINT64_MAX)
# Terms must differ in pairs and not be zero: each address gets a first byte of its own.
ADDRESSES = st.lists(st.binary(min_size=19, max_size=19), min_size=5, max_size=5).map(
    lambda tails: tuple(Address(bytes((first, *tail))) for first, tail in enumerate(tails, 1))
)


def make_terms(addresses: tuple[Address, ...], period: int, one_way: bool, salt: int) -> Channel:  # noqa: FBT001
    payer, payee, payer_signer, payee_signer, token = addresses
    return Channel(payer, payee, payer_signer, payee_signer, token, period, one_way, salt)


CHANNELS = st.builds(
    make_terms,
    ADDRESSES,
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(0, 2**88 - 1),
)
STATES = st.builds(
    State, WORDS, st.integers(0, UINT64_MAX), st.integers(INT128_MIN, INT128_MAX), AMOUNTS, AMOUNTS, WORDS
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ChannelOpened, WORDS, CHANNELS, AMOUNTS, AMOUNTS),
    st.builds(Deposited, WORDS, AMOUNTS, AMOUNTS),
    st.builds(Withdrawn, WORDS, AMOUNTS, AMOUNTS),
    st.builds(Collected, WORDS, AMOUNTS),
    st.builds(ClosingStarted, WORDS, TIMES),
    st.builds(Challenged, WORDS, STATES),
    st.builds(Closed, WORDS, AMOUNTS, AMOUNTS),
    st.builds(Settled, WORDS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
)
PHASES: st.SearchStrategy[Phase] = st.one_of(
    st.just(Unopened()),
    st.just(Open()),
    st.builds(Closing, TIMES, STATES),
    st.builds(Ended, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
)
CAUSES: st.SearchStrategy[Transfer] = st.one_of(
    st.builds(Pay, WORDS, st.integers(1, UINT128_MAX)), st.builds(Refund, WORDS, st.integers(1, UINT128_MAX))
)


@given(EVENTS)
def test_an_event_comes_back_through_json(event: Event) -> None:
    written = json.loads(json.dumps(event_to_json(event)))

    read = event_from_json(type(event).__name__, written)

    assert read == event
    assert repr(read) == repr(event)  # the same types too: a word, not mere bytes


@given(PHASES)
def test_a_phase_comes_back_through_json(phase: Phase) -> None:
    written = json.loads(json.dumps(phase_to_json(phase)))

    assert phase_from_json(phase.name, written) == phase


@given(EVENTS)
def test_no_number_is_written_as_a_json_number(event: Event) -> None:
    # Readers that hold numbers as doubles round above 2^53.
    numbers: list[str] = []

    json.loads(json.dumps(event_to_json(event)), parse_int=numbers.append, parse_float=numbers.append)

    assert numbers == []


@given(st.lists(CAUSES, max_size=256))
def test_causes_come_back_through_bytes(causes: list[Transfer]) -> None:
    assert unpack_causes(pack_causes(causes)) == tuple(causes)
