"""A close that waits for a block stops what is new in its channel, and nothing else (docs/protocol.md, section 3)."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from penstock.protocol.causes import Pay
from penstock.protocol.messages import Withdrawal
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.protocol.wire import voucher_to_json
from tests.support.bodies import close_body, problem, submit, withdrawal_body
from tests.support.nodes import HEAD, TOKEN_HEADER, NodeWorld
from tests.support.parties import cause_id, make_channel, make_proposal, make_voucher

TRANSACTION = Bytes32(b"\x99" * 32)


@pytest.fixture
def position(world: NodeWorld) -> Position:
    return world.open(payee_deposit=100)


def test_nothing_new_is_signed_and_nothing_is_remembered(
    world: NodeWorld, http: httpx.Client, position: Position
) -> None:
    world.closes[position.channel_id] = TRANSACTION
    before = world.records()
    path = f"/v1/channels/{position.channel_id}"
    withdrawal = withdrawal_body(Withdrawal(position.channel_id, 10, 0, HEAD.time + 600))

    document = problem(submit(http, make_proposal(position)), 409, "close-pending")
    problem(http.post(f"{path}/withdrawals", json=withdrawal), 409, "close-pending")
    problem(http.post(f"{path}/refunds", json={"amount": "1"}, headers=TOKEN_HEADER), 409, "close-pending")

    assert document["values"] == {"channel_id": str(position.channel_id), "transaction": str(TRANSACTION)}
    assert world.records() == before


def test_no_new_voucher_is_taken(world: NodeWorld, http: httpx.Client) -> None:
    one_way = world.open(make_channel(one_way=True))
    first, second = (dataclasses.asdict(voucher_to_json(make_voucher(one_way, paid))) for paid in (10, 20))
    path = f"/v1/channels/{one_way.channel_id}/vouchers"
    taken = http.post(path, json=first)
    world.closes[one_way.channel_id] = TRANSACTION

    problem(http.post(path, json=second), 409, "close-pending")

    assert http.post(path, json=first).json() == taken.json()


def test_what_was_co_signed_is_answered_again_and_a_close_is_signed(
    world: NodeWorld, http: httpx.Client, position: Position
) -> None:
    proposal = make_proposal(position)
    first = submit(http, proposal).json()
    world.closes[position.channel_id] = TRANSACTION

    again = submit(http, proposal)
    closed = http.post(f"/v1/channels/{position.channel_id}/close", json=close_body(position.channel_id, 10))

    assert again.json()["state"] == first["state"]
    assert closed.status_code == 200


def test_once_it_is_gone_the_very_proposal_is_accepted(
    world: NodeWorld, http: httpx.Client, position: Position
) -> None:
    proposal = make_proposal(position, Pay(cause_id(3), 5))
    world.closes[position.channel_id] = TRANSACTION
    problem(submit(http, proposal), 409, "close-pending")

    del world.closes[position.channel_id]

    assert submit(http, proposal).status_code == 200


def test_other_channels_go_on(world: NodeWorld, http: httpx.Client, position: Position) -> None:
    world.closes[Bytes32(b"\x01" * 32)] = TRANSACTION

    assert submit(http, make_proposal(position)).status_code == 200
