"""After a loss: believe only our own signature, take the highest, go on far above it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from penstock.client.book import RECOVERY_JUMP
from penstock.client.errors import NodeUnreachable
from penstock.protocol.errors import ForeignChannel, UnknownChannel, WithdrawalUncovered
from penstock.protocol.messages import Channel, SignedState, State
from penstock.protocol.watch_policy import Evidence
from penstock.protocol.wire import evidence_to_json, signed_state_to_json
from tests.support.parties import DOMAIN, PAYEE, PAYER, STRANGER
from tests.unit.client.rig import DEPOSIT, Rig

pytestmark = pytest.mark.anyio


def lose_everything(rig: Rig) -> None:
    shutil.rmtree(rig.home)


def copy_home(rig: Rig, name: str) -> Path:
    backup = rig.home.with_name(name)
    shutil.copytree(rig.home, backup)
    return backup


def holding(channel: Channel, evidence: Evidence) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(evidence_to_json(channel, evidence, DOMAIN)))


async def test_a_lost_store_goes_on_far_above_what_the_node_shows(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay_many([10, 20])
    lose_everything(rig)

    with rig.client() as client:
        recovered = await client.recover(channel.id)
        payment = await recovered.pay(5)

    assert payment.paid == 35
    assert 1 + RECOVERY_JUMP <= payment.sequence < 1 + 2 * RECOVERY_JUMP


async def test_recovering_twice_stays_within_the_gap_that_a_node_takes(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
    lose_everything(rig)

    with rig.client() as client:
        recovered = await client.recover(channel.id)
        for _ in range(5):
            recovered = await client.recover(channel.id)

        assert (await recovered.pay(5)).paid == 5


async def test_recovering_what_is_not_lost_changes_nothing(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)

        recovered = await client.recover(channel.id)

        assert (await recovered.pay(1)).sequence == 2


async def test_the_higher_state_of_a_watcher_wins(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        old = rig.node.positions[channel.id]
        await channel.pay(20)
        newest = await channel.latest()
    assert newest is not None
    lose_everything(rig)
    rig.node.positions[channel.id] = old
    rig.watchers = [rig.watcher(lambda _: holding(channel.terms, newest))]

    with rig.client() as client:
        recovered = await client.recover(channel.id)

        assert (await recovered.position()).base.paid == 30


async def test_a_watcher_is_enough_when_the_node_is_gone(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        newest = await channel.latest()
    assert newest is not None
    lose_everything(rig)
    rig.node.drop = 10_000
    rig.watchers = [rig.watcher(lambda _: holding(channel.terms, newest))]

    with rig.client() as client:
        recovered = await client.recover(channel.id)
        await recovered.start_close()

    assert rig.chain.sent == ["start-close"]


async def test_nobody_knows_the_channel(rig: Rig) -> None:
    with rig.client() as client:
        with pytest.raises(UnknownChannel):
            await client.recover("0x" + "11" * 32)
        rig.node.drop = 10_000
        with pytest.raises(NodeUnreachable):
            await client.recover("0x" + "11" * 32)


async def test_a_half_signed_state_counts_as_possibly_final(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
    lose_everything(rig)
    half = State(channel.id, 7, 800)
    shape = msgspec.to_builtins(signed_state_to_json(SignedState(half, PAYER.sign(half))))
    rig.node.lie = lambda name, answer: answer | {"newest": shape} if name.startswith("GET") else answer

    with rig.client() as client:
        recovered = await client.recover(channel.id)
        rig.node.lie = None

        assert (await recovered.position()).payer_spendable == 200
        assert (await recovered.position()).highest_seen >= 7 + RECOVERY_JUMP - 1
        with pytest.raises(WithdrawalUncovered):
            await recovered.withdraw(500)


async def test_a_restored_backup_signs_no_number_again(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1)
    backup = copy_home(rig, "backup")
    with rig.client() as client:
        await (await client.channel(channel.id)).pay_many([1] * 300)
    shutil.copy(backup / "client.db", rig.home / "client.db")

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(1)

    assert payment.paid == 302
    assert len(set(rig.node.sent("/states"))) == 4


async def test_a_backup_without_the_signers_marks_asks_the_node_before_it_signs(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(1)
    backup = copy_home(rig, "backup")
    with rig.client() as client:
        await (await client.channel(channel.id)).pay(2)
    rig.home = backup

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(4)

    assert payment.paid == 7
    assert payment.sequence > RECOVERY_JUMP


async def test_a_second_state_at_one_sequence_is_refused_and_the_genuine_one_taken_over(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
    backup = copy_home(rig, "backup")
    with rig.client() as client:
        first = await (await client.channel(channel.id)).pay(2)
    rig.home = backup
    rig.node.lie = lambda name, answer: answer | {"newest": None} if name.startswith("GET") else answer

    with rig.client() as client:
        payment = await (await client.channel(channel.id)).pay(4)
        history = await (await client.channel(channel.id)).history()

    assert (first.sequence, payment.paid) == (1, 6)
    assert payment.sequence > RECOVERY_JUMP
    assert [record.status for record in history] == ["co-signed", "refused"]


async def test_every_channel_that_the_chain_names_is_found(rig: Rig) -> None:
    with rig.client() as client:
        opened = [await client.open_channel(DEPOSIT) for _ in range(3)]
        for channel in opened:
            await channel.pay(10)
    lose_everything(rig)

    with rig.client() as client:
        found = await client.recover_all()

        assert {channel.id for channel in found} == {channel.id for channel in opened}
        assert {(await channel.position()).base.paid for channel in found} == {10}


async def test_terms_from_the_chain_are_enough_when_nobody_answers(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
    lose_everything(rig)
    rig.node.drop = 10_000

    with rig.client() as client:
        (found,) = await client.recover_all()

        assert found.id == channel.id


async def test_a_channel_of_another_key_is_not_taken(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
    rig.home = rig.home.with_name("stranger")

    with rig.client(STRANGER) as client, pytest.raises(ForeignChannel):
        await client.recover(channel.id)


async def test_a_lying_watcher_is_passed_over(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
    lose_everything(rig)
    forged = State(channel.id, 99, 0)
    lies = [
        SignedState(forged, STRANGER.sign(forged), PAYEE.sign(forged)),
        SignedState(forged, PAYER.sign(forged), b""),
    ]
    other = replace(channel.terms, salt=5)
    rig.watchers = [rig.watcher(lambda _, lie=lie: holding(channel.terms, lie)) for lie in lies]  # type: ignore[misc]
    rig.watchers.append(rig.watcher(lambda _: holding(other, SignedState(forged, b"\1" * 65, b"\1" * 65))))
    rig.watchers.append(rig.watcher(lambda _: httpx.Response(200, content=b"garbage")))
    rig.watchers.append(rig.watcher(lambda _: httpx.Response(404, content=b"{}")))

    with rig.client() as client:
        recovered = await client.recover(channel.id)

        assert (await recovered.position()).base.paid == 10
