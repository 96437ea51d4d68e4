"""Vouchers of many channels are collected together: what is due, once, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from penstock.chain import calls
from penstock.node.handlers import collections
from penstock.node.handlers.vouchers import submit_voucher
from penstock.node.ports import UnitOfWork
from penstock.node.records import BATCH_MAX, Outcome, Priority, SignedTransaction, Transaction, Wishes
from penstock.protocol.messages import SignedVoucher, State
from penstock.protocol.onchain import Closing, Ended, OnChain, Open
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from tests.support.bodies import problem
from tests.support.nodes import HEAD, TOKEN_HEADER, NodeWorld
from tests.support.parties import PAYEE, make_channel, make_voucher

Shape = dict[str, Any]


def owing(world: NodeWorld, *totals: int) -> list[Position]:
    """Open a channel for each total, with a voucher over it."""
    positions = []
    for salt, total in enumerate(totals):
        position = world.open(make_channel(one_way=True, salt=salt))
        submit(world, make_voucher(position, total))
        positions.append(world.position(position.channel_id))
    return positions


def submit(world: NodeWorld, signed: SignedVoucher) -> None:
    world.database.run_sync(lambda uow: submit_voucher(uow, world.node.context, signed))


def collect_all(http: httpx.Client, minimum: int = 1) -> tuple[list[Shape], int]:
    reply = http.post("/v1/collections", json={"minimum": str(minimum)}, headers=TOKEN_HEADER)
    assert reply.status_code == 200, reply.text
    return reply.json()["transactions"], reply.json()["left"]


def stored(world: NodeWorld, key: str) -> Transaction:
    found = world.database.read_sync(lambda uow: uow.transactions.get(key))
    assert found is not None
    return found


def land(world: NodeWorld, key: str, *, failure: str | None = None, empty: bool = False) -> None:
    """Have the head's block hold a transaction, and make it final."""
    transaction = stored(world, key)
    signed = SignedTransaction(0, 21_000, 2, 1, b"\x02", Bytes32(b"\x0a" * 32), HEAD.number - 1, empty)

    def work(uow: UnitOfWork) -> None:
        uow.transactions.sign(transaction.id, PAYEE.address, signed, HEAD.time)
        uow.transactions.mine(transaction.id, Outcome(signed.hash, HEAD.number, 21_000, 1, failure))
        uow.transactions.finish(transaction.id)

    world.database.run_sync(work)


def follow(world: NodeWorld) -> None:
    """Have the head's block followed."""
    advance = {"after": HEAD.number - 1, "confirmations": 1, "keep": 10}
    world.database.run_sync(lambda uow: uow.chain.advance([HEAD], [], **advance))


def data_of(positions: Sequence[Position]) -> bytes:
    return calls.collect_many([(p.channel, p.voucher) for p in positions if p.voucher])


def test_several_channels_share_a_transaction_those_that_owe_most_first(world: NodeWorld, http: httpx.Client) -> None:
    least, most, middle = owing(world, 10, 30, 20)

    (sent,), left = collect_all(http)

    assert (sent["purpose"], sent["channelId"], left) == ("collect", None, 0)
    assert stored(world, sent["key"]).intent.data == data_of([most, middle, least])


def test_one_channel_alone_is_collected_as_by_itself(world: NodeWorld, http: httpx.Client) -> None:
    (position,) = owing(world, 10)

    (sent,), _ = collect_all(http)

    assert sent["key"] == f"collect:{position.channel_id}:10"
    assert http.post(f"/v1/channels/{position.channel_id}/collect", headers=TOKEN_HEADER).json()["transaction"] == sent


def test_what_is_under_way_is_not_collected_again(world: NodeWorld, http: httpx.Client) -> None:
    first, second, third = owing(world, 10, 20, 30)
    alone = http.post(f"/v1/channels/{third.channel_id}/collect", headers=TOKEN_HEADER).json()["transaction"]

    (sent,), _ = collect_all(http)

    assert stored(world, sent["key"]).intent.data == data_of([second, first])
    assert collect_all(http) == ([], 0)
    for position, transaction in ((first, sent), (second, sent), (third, alone)):
        path = f"/v1/channels/{position.channel_id}/collect"
        assert http.post(path, headers=TOKEN_HEADER).json()["transaction"] == transaction


def test_what_owes_too_little_or_nothing_is_left_alone(world: NodeWorld, http: httpx.Client) -> None:
    small, enough, collected, ended = owing(world, 9, 10, 10, 10)
    world.open(make_channel(one_way=True, salt=99))
    world.open(make_channel(salt=98))
    world.set_onchain(collected.channel_id, OnChain(Open(), 1000, 0, 0, 10))
    world.set_onchain(ended.channel_id, OnChain(Ended(0, 0), 1000, 0, 0, 0))

    (sent,), _ = collect_all(http, minimum=10)

    assert sent["channelId"] == str(enough.channel_id)
    assert small.voucher is not None
    problem(http.post(f"/v1/channels/{ended.channel_id}/collect", headers=TOKEN_HEADER), 409, "nothing-to-collect")


def test_closing_channels_go_first_and_each_alone_with_its_deadline(world: NodeWorld, http: httpx.Client) -> None:
    calm, urgent, late, soon = owing(world, 30, 20, 10, 5)
    state = State(urgent.channel_id, 0, 0)
    for position, deadline in ((urgent, HEAD.time + 600), (late, HEAD.time), (soon, HEAD.time + 1)):
        world.set_onchain(position.channel_id, OnChain(Closing(deadline, state), 1000))
    follow(world)

    intents = [stored(world, sent["key"]).intent for sent in collect_all(http)[0]]

    assert [(i.channel_id, i.deadline, i.priority) for i in intents] == [
        (soon.channel_id, HEAD.time + 1, Priority.URGENT),
        (urgent.channel_id, HEAD.time + 600, Priority.URGENT),
        (calm.channel_id, None, Priority.ROUTINE),
    ]


def test_what_was_sent_before_the_close_is_sent_again_with_its_deadline(world: NodeWorld, http: httpx.Client) -> None:
    closing, _ = owing(world, 20, 10)
    collect_all(http)
    world.set_onchain(closing.channel_id, OnChain(Closing(HEAD.time + 600, State(closing.channel_id, 0, 0)), 1000))

    (urgent,), _ = collect_all(http)

    intent = stored(world, urgent["key"]).intent
    assert (intent.key, intent.deadline) == (f"collect:{closing.channel_id}:20:2", HEAD.time + 600)
    assert collect_all(http) == ([], 0)


def test_a_higher_voucher_waits_until_the_lower_one_is_collected(world: NodeWorld, http: httpx.Client) -> None:
    (position,) = owing(world, 10)
    collect_all(http)
    submit(world, make_voucher(position, 11))

    assert collect_all(http) == ([], 0)
    path = f"/v1/channels/{position.channel_id}/collect"
    asked = http.post(path, headers=TOKEN_HEADER).json()["transaction"]
    assert asked["key"] == f"collect:{position.channel_id}:11"


def test_what_is_being_cancelled_does_not_count(world: NodeWorld, http: httpx.Client) -> None:
    (position,) = owing(world, 10)
    (sent,), _ = collect_all(http)
    cancelled = stored(world, sent["key"]).id
    world.database.run_sync(lambda uow: uow.transactions.wish(cancelled, Wishes(cancel="the operator")))

    (again,), _ = collect_all(http)

    assert again["key"] == f"collect:{position.channel_id}:10:2"


def test_more_than_one_call_can_take_are_left(
    world: NodeWorld, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "COLLECTIONS_MAX", 2)
    owing(world, 10, 20, 30)

    assert collect_all(http)[1] == 1
    assert len(collect_all(http)[0]) == 1


def test_a_token_that_is_not_taken_any_more_shares_no_transaction(world: NodeWorld, http: httpx.Client) -> None:
    owing(world, 10, 20)
    foreign = world.open(replace(make_channel(one_way=True, salt=50), token=Address(b"\x77" * 20)))
    submit(world, make_voucher(foreign, 40))

    sent, _ = collect_all(http)

    assert [each["channelId"] for each in sent] == [str(foreign.channel_id), None]


def test_many_channels_take_several_transactions(world: NodeWorld, http: httpx.Client) -> None:
    owing(world, *range(1, 2 * BATCH_MAX + 2))

    sent, left = collect_all(http)

    assert (len(sent), left) == (3, 0)
    assert sent[-1]["channelId"] is not None


def test_what_was_skipped_is_collected_anew_once_the_block_was_followed(world: NodeWorld, http: httpx.Client) -> None:
    skipped, paid = owing(world, 10, 20)
    (sent,), _ = collect_all(http)
    land(world, sent["key"])
    world.set_onchain(paid.channel_id, OnChain(Open(), 1000, 0, 0, 20))
    assert collect_all(http) == ([], 0)  # what the block did is not known yet

    follow(world)
    (again,), _ = collect_all(http)

    assert again["key"] == f"collect:{skipped.channel_id}:10:2"


@pytest.mark.parametrize("end", [{"failure": "OutOfGas"}, {"empty": True}], ids=["reverted", "cancelled"])
def test_what_had_no_effect_is_tried_again_when_asked_for(
    world: NodeWorld, http: httpx.Client, end: dict[str, Any]
) -> None:
    owing(world, 10, 20)
    (sent,), _ = collect_all(http)
    land(world, sent["key"], **end)

    (again,), _ = collect_all(http)

    assert again["key"] != sent["key"]
    assert stored(world, again["key"]).intent.data == stored(world, sent["key"]).intent.data


def test_only_the_operator_collects_and_figures_have_bounds(http: httpx.Client) -> None:
    problem(http.post("/v1/collections", json={}), 401, "unauthenticated")
    for minimum, code, status in (("0", "amount-out-of-range", 422), ("x", "malformed-field", 400)):
        problem(http.post("/v1/collections", json={"minimum": minimum}, headers=TOKEN_HEADER), status, code)
