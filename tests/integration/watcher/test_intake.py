"""A receipt promises that the evidence is stored: so it is checked, stored, and only then receipted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.node.records import Watch
from penstock.protocol.errors import ChannelSettled, ChannelUnopened, VoucherNotHigher, WrongKind, WrongSigner
from penstock.protocol.messages import State
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import check_signer
from penstock.storage.errors import StorageUnavailable
from tests.integration.watcher.world import PERIOD, WATCHER, World, settled
from tests.support.parties import DOMAIN, STRANGER, co_signed, make_channel, make_position, make_voucher

pytestmark = pytest.mark.anyio

TWO_WAY = make_channel()
TWO_WAY_ID = DOMAIN.channel_id(TWO_WAY)
ONE_WAY = make_channel(one_way=True)
ONE_WAY_ID = DOMAIN.channel_id(ONE_WAY)


def state(sequence: int, paid: int = 0) -> State:
    return State(TWO_WAY_ID, sequence, paid)


def held(world: World, channel_id: Bytes32 = TWO_WAY_ID) -> Watch | None:
    return world.database.read_sync(lambda uow: uow.watched.get(channel_id))


async def test_evidence_is_stored_and_receipted_with_the_watchers_signature(world: World) -> None:
    await world.open(TWO_WAY)
    evidence = co_signed(state(3, 30))

    receipt, signature = await world.take(TWO_WAY, evidence)

    assert held(world) == Watch(TWO_WAY_ID, TWO_WAY, evidence)
    assert (receipt.channel_id, receipt.sequence) == (TWO_WAY_ID, 3)
    assert receipt.digest == DOMAIN.digest(evidence.state)
    assert receipt.received_at == world.time
    check_signer(DOMAIN.digest(receipt), signature, WATCHER.address)


async def test_the_same_evidence_gets_the_same_receipt_byte_for_byte(world: World) -> None:
    await world.open(TWO_WAY)
    first = await world.take(TWO_WAY, co_signed(state(3)))

    world.time += 500
    world.restart()

    assert await world.take(TWO_WAY, co_signed(state(3))) == first


async def test_newer_evidence_replaces_what_is_held(world: World) -> None:
    await world.open(TWO_WAY)
    await world.take(TWO_WAY, co_signed(state(3)))
    receipt, _ = await world.take(TWO_WAY, co_signed(state(4)))

    watch = held(world)
    assert receipt.sequence == 4
    assert watch is not None
    assert watch.evidence == co_signed(state(4))


async def test_older_evidence_changes_nothing_and_gets_the_receipt_for_the_newer_one(world: World) -> None:
    await world.open(TWO_WAY)
    newest = await world.take(TWO_WAY, co_signed(state(4)))

    assert await world.take(TWO_WAY, co_signed(state(3))) == newest
    watch = held(world)
    assert watch is not None
    assert watch.evidence == co_signed(state(4))


async def test_of_two_states_with_one_sequence_the_first_is_kept(world: World) -> None:
    await world.open(TWO_WAY)
    first = await world.take(TWO_WAY, co_signed(state(4, 40)))

    assert await world.take(TWO_WAY, co_signed(state(4, 50))) == first


async def test_vouchers_are_kept_by_their_amount(world: World) -> None:
    await world.open(ONE_WAY)
    position = make_position(one_way=True)
    low, high = make_voucher(position, 30), make_voucher(position, 300)

    await world.take(ONE_WAY, low)
    receipt, _ = await world.take(ONE_WAY, high)
    with pytest.raises(VoucherNotHigher, match="over 30, the highest so far over 300"):
        await world.take(ONE_WAY, low)

    watch = held(world, ONE_WAY_ID)
    assert watch is not None
    assert watch.evidence == high
    assert (receipt.sequence, receipt.digest) == (0, DOMAIN.digest(high.voucher))
    assert (await world.take(ONE_WAY, high))[0] == receipt


async def test_a_wrong_signature_stores_nothing(world: World) -> None:
    await world.open(TWO_WAY)
    forged = replace(co_signed(state(3)), payee_signature=STRANGER.sign(state(3)))

    with pytest.raises(WrongSigner):
        await world.take(TWO_WAY, forged)
    assert held(world) is None


async def test_a_forgery_does_not_replace_what_is_held(world: World) -> None:
    await world.open(TWO_WAY)
    await world.take(TWO_WAY, co_signed(state(3)))

    with pytest.raises(WrongSigner):
        await world.take(TWO_WAY, replace(co_signed(state(9)), payer_signature=STRANGER.sign(state(9))))
    watch = held(world)
    assert watch is not None
    assert watch.evidence == co_signed(state(3))


async def test_evidence_of_the_other_kind_is_refused(world: World) -> None:
    await world.open(TWO_WAY)

    with pytest.raises(WrongKind):
        await world.take(TWO_WAY, make_voucher(make_position(one_way=True), 30))


async def test_a_channel_that_the_chain_does_not_know_is_refused_until_it_does(world: World) -> None:
    with pytest.raises(ChannelUnopened):
        await world.take(TWO_WAY, co_signed(state(3)))
    assert held(world) is None

    await world.open(TWO_WAY)
    receipt, _ = await world.take(TWO_WAY, co_signed(state(3)))
    assert receipt.sequence == 3


async def test_a_channel_that_a_reorg_takes_away_stays_watched_and_is_guarded_when_it_is_back(world: World) -> None:
    await world.open(TWO_WAY)
    await world.take(TWO_WAY, co_signed(state(3)))
    await world.block(depth=1)
    await world.open(TWO_WAY)
    await world.start_close(TWO_WAY_ID)

    assert world.keys() == [f"challenge:{TWO_WAY_ID}:3"]


async def test_what_comes_after_the_settlement_is_refused(world: World) -> None:
    await world.open(TWO_WAY)
    first = await world.take(TWO_WAY, co_signed(state(3)))
    await world.start_close(TWO_WAY_ID, 3)
    await world.block(settled(TWO_WAY_ID), seconds=PERIOD)

    assert await world.take(TWO_WAY, co_signed(state(3))) == first
    with pytest.raises(ChannelSettled):
        await world.take(TWO_WAY, co_signed(state(4)))


async def test_without_a_commit_there_is_no_receipt(world: World) -> None:
    await world.open(TWO_WAY)
    world.database.close()

    with pytest.raises(StorageUnavailable):
        await world.take(TWO_WAY, co_signed(state(3)))
