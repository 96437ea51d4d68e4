"""Against a model that simply folds the canonical chain anew: any sequence of blocks, backfills and reorgs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.node.records import Block, ChannelRecord, Watch
from penstock.protocol.messages import State
from penstock.protocol.onchain import (
    Challenged,
    ChannelOpened,
    Closed,
    Closing,
    ClosingStarted,
    Deposited,
    Ended,
    Event,
    EventRef,
    OnChain,
    Settled,
    Unopened,
    Withdrawn,
    fold,
)
from penstock.protocol.position import Funds
from penstock.protocol.primitives import Bytes32
from penstock.storage.tables import metadata
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import DOMAIN, cause_id, co_signed, make_channel

CHANNELS = {DOMAIN.channel_id(channel): channel for channel in (make_channel(salt=salt) for salt in (1, 2))}
KEEP = 6

# A block's events by channel, and the fork it belongs to.
ModelBlock = tuple[int, list[Event]]


@contextmanager
def fresh_records() -> Iterator[UnitOfWork]:
    """All repositories over a database in memory, with both channels registered and watched."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        uow = UnitOfWork(connection)
        for channel_id, channel in CHANNELS.items():
            uow.channels.add(channel_id, channel, 1)
            uow.watched.put(Watch(channel_id, channel, co_signed(State(channel_id, 9, 9))), 1)
        yield uow
    engine.dispose()


def following(channel_id: Bytes32, onchain: OnChain) -> list[Event]:
    """Return the events that may come next."""
    state = State(channel_id, 1, 1)
    match onchain.phase:
        case Unopened():
            return [ChannelOpened(channel_id, CHANNELS[channel_id], 100, 0)]
        case Ended():
            return []
        case Closing():
            return [Challenged(channel_id, state), Settled(channel_id, 1, 2, 3, 4), Closed(channel_id, 1, 2)]
        case _:
            return [
                Deposited(channel_id, onchain.payer_deposit + 10, onchain.payee_deposit + 1),
                Withdrawn(channel_id, onchain.payer_withdrawn + 2, onchain.payee_withdrawn),
                ClosingStarted(channel_id, 500),
            ]


def events_of(chain: list[ModelBlock], channel_id: Bytes32) -> list[Event]:
    return [event for _, events in chain for event in events if event.channel_id == channel_id]


def grow(data: st.DataObject, chain: list[ModelBlock], fork: int) -> None:
    """Append one block with at most one event of each channel."""
    chain.append((fork, []))
    for channel_id in CHANNELS:
        choices = following(channel_id, fold(events_of(chain, channel_id)))
        # Most blocks are quiet: events in every one would refresh the channels anyway and hide what was forgotten.
        event = data.draw(st.sampled_from([None] * 4 + choices))
        if event is not None:
            chain[-1][1].append(event)


def advance(
    data: st.DataObject, uow: UnitOfWork, chain: list[ModelBlock], after: int, confirmations: int
) -> set[Bytes32]:
    new = list(enumerate(chain, 1))[after:]
    placed = [
        (EventRef(number, block_hash(number, fork), cause_id(7), index), event)
        for number, (fork, events) in new
        for index, event in enumerate(events)
    ]
    # A backfill brings the headers of the newest blocks only.
    skipped = data.draw(st.integers(0, max(0, len(new) - KEEP)))
    blocks = [Block(number, block_hash(number, fork), number) for number, (fork, _) in new[skipped:]]
    return uow.chain.advance(blocks, placed, after=after, confirmations=confirmations, keep=KEEP)


def block_hash(number: int, fork: int) -> Bytes32:
    return cause_id(1000 * fork + number)


def load(uow: UnitOfWork) -> dict[Bytes32, ChannelRecord]:
    return {record.position.channel_id: record for record in uow.channels.page(None, 9)}


def check(uow: UnitOfWork, chain: list[ModelBlock], confirmations: int) -> None:
    records = load(uow)
    for channel_id in CHANNELS:
        head = fold(events_of(chain, channel_id))
        deep = fold(events_of(chain[: max(0, len(chain) - confirmations + 1)], channel_id))
        confirmed = Funds(deep.payer_deposit, deep.payee_deposit, deep.payer_withdrawn, deep.payee_withdrawn)
        assert (records[channel_id].head, records[channel_id].confirmed) == (head, confirmed)
    disputed = {watch.channel_id for watch in uow.watched.closing()}
    assert disputed == {i for i in CHANNELS if isinstance(records[i].head.phase, Closing)}


@settings(max_examples=150)
@given(st.data(), st.integers(1, KEEP - 1))
def test_the_records_equal_the_folded_chain(data: st.DataObject, confirmations: int) -> None:
    chain: list[ModelBlock] = []

    with fresh_records() as uow:
        for fork in range(data.draw(st.integers(1, 8))):
            before = load(uow)
            depth = data.draw(st.integers(0, min(len(chain), KEEP - 1)))
            del chain[len(chain) - depth :]
            after = len(chain)
            # A new branch may be shorter than the old one: confirmations are lost then too.
            for _ in range(data.draw(st.integers(1, 9 if fork == 0 else 4))):
                grow(data, chain, fork)

            touched = advance(data, uow, chain, after, confirmations)

            check(uow, chain, confirmations)
            now = load(uow)
            assert all(now[channel_id] == before[channel_id] for channel_id in CHANNELS if channel_id not in touched)
