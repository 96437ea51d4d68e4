"""Vouchers of one-way channels, collecting them, and the payee's refunds."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from penstock.node.handlers.states import submit_state
from penstock.protocol.causes import Pay, Refund
from penstock.protocol.messages import SignedVoucher, State
from penstock.protocol.onchain import Closing, Ended, OnChain, Open
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.protocol.wire import voucher_to_json
from tests.support.bodies import problem, submit
from tests.support.nodes import TOKEN_HEADER, NodeWorld, party_header
from tests.support.parties import PAYER, STRANGER, cause_id, make_channel, make_proposal, make_voucher


def post(http: httpx.Client, channel_id: Bytes32, signed: SignedVoucher) -> httpx.Response:
    return http.post(f"/v1/channels/{channel_id}/vouchers", json=dataclasses.asdict(voucher_to_json(signed)))


@pytest.fixture
def one_way(world: NodeWorld) -> Position:
    return world.open(make_channel(one_way=True))


def test_vouchers_rise_and_the_highest_is_shown(world: NodeWorld, http: httpx.Client, one_way: Position) -> None:
    channel_id = one_way.channel_id

    answers = [post(http, channel_id, make_voucher(one_way, paid)).json() for paid in (10, 30, 1000)]

    path = f"/v1/channels/{channel_id}/vouchers/latest"
    latest = http.get(path, headers=party_header(PAYER, path)).json()
    assert answers == [
        {"paid": "10", "remaining": "990"},
        {"paid": "30", "remaining": "970"},
        {"paid": "1000", "remaining": "0"},
    ]
    assert latest == {"voucher": dataclasses.asdict(voucher_to_json(make_voucher(one_way, 1000)))}
    assert [
        v.signed.voucher.paid for v in world.database.read_sync(lambda u: u.vouchers.history(channel_id, None, 9))
    ] == [
        1000,
        30,
        10,
    ]


@pytest.mark.parametrize("phase", [Open(), Closing(1_800_003_600, State(Bytes32(bytes(32)), 0, 0)), Ended(1, 2)])
def test_the_same_voucher_gets_the_same_answer(
    world: NodeWorld, http: httpx.Client, one_way: Position, phase: Open | Closing | Ended
) -> None:
    first = post(http, one_way.channel_id, make_voucher(one_way, 10)).json()
    world.set_phase(one_way.channel_id, phase)
    before = world.records()

    assert post(http, one_way.channel_id, make_voucher(one_way, 10)).json() == first
    assert world.records() == before


@pytest.mark.parametrize(
    ("paid", "status", "code"),
    [
        (9, 409, "voucher-not-higher"),
        (1001, 422, "voucher-exceeds-deposit"),
        (2**128 - 1, 422, "voucher-exceeds-deposit"),
    ],
)
def test_a_voucher_that_pays_nothing_new_changes_nothing(
    world: NodeWorld, http: httpx.Client, one_way: Position, paid: int, status: int, code: str
) -> None:
    post(http, one_way.channel_id, make_voucher(one_way, 10))
    before = world.records()

    problem(post(http, one_way.channel_id, make_voucher(one_way, paid)), status, code)

    assert world.records() == before


@pytest.mark.parametrize(
    ("paid", "code"),
    [("0", "amount-out-of-range"), (str(2**128), "amount-out-of-range"), ("-5", "amount-out-of-range")],
)
def test_a_voucher_s_figure_has_bounds(http: httpx.Client, one_way: Position, paid: str, code: str) -> None:
    body = dataclasses.asdict(voucher_to_json(make_voucher(one_way, 10))) | {"paid": paid}

    problem(http.post(f"/v1/channels/{one_way.channel_id}/vouchers", json=body), 422, code)


def test_vouchers_are_refused_by_name(world: NodeWorld, http: httpx.Client, one_way: Position) -> None:
    two_way = world.open(make_channel(salt=2))
    channel_id = one_way.channel_id
    voucher = make_voucher(one_way, 10)

    problem(post(http, channel_id, make_voucher(one_way, 10, signer=STRANGER)), 403, "wrong-signer")
    problem(post(http, two_way.channel_id, make_voucher(two_way, 10)), 409, "wrong-kind")
    problem(post(http, Bytes32(b"\x07" * 32), voucher), 404, "unknown-channel")
    world.set_phase(channel_id, Closing(1_800_003_600, State(channel_id, 0, 0)))
    problem(post(http, channel_id, voucher), 409, "channel-closing")
    world.set_phase(channel_id, Ended(1, 2))
    problem(post(http, channel_id, voucher), 409, "channel-settled")
    world.set_phase(channel_id, Open())
    world.clock.now += 61
    problem(post(http, channel_id, voucher), 503, "chain-stale")
    assert world.position(channel_id).voucher is None


def test_the_newest_voucher_is_collected_once(world: NodeWorld, http: httpx.Client, one_way: Position) -> None:
    channel_id = one_way.channel_id
    path = f"/v1/channels/{channel_id}/collect"
    problem(http.post(path, headers=TOKEN_HEADER), 409, "nothing-to-collect")
    post(http, channel_id, make_voucher(one_way, 10))

    first = http.post(path, headers=TOKEN_HEADER).json()
    again = http.post(path, headers=TOKEN_HEADER).json()
    world.set_onchain(channel_id, OnChain(Open(), 1000, 0, 0, 10))

    assert first == again
    assert first["transaction"]["key"] == f"collect:{channel_id}:10"
    problem(http.post(path, headers=TOKEN_HEADER), 409, "nothing-to-collect")


def test_what_a_lost_deposit_left_of_a_voucher_is_collected_after_a_top_up(
    world: NodeWorld, http: httpx.Client, one_way: Position
) -> None:
    channel_id = one_way.channel_id
    path = f"/v1/channels/{channel_id}/collect"
    post(http, channel_id, make_voucher(one_way, 1000))
    world.set_onchain(channel_id, OnChain(Open(), 600))
    first = http.post(path, headers=TOKEN_HEADER).json()
    world.set_onchain(channel_id, OnChain(Open(), 600, 0, 0, 600))
    problem(http.post(path, headers=TOKEN_HEADER), 409, "nothing-to-collect")

    world.set_onchain(channel_id, OnChain(Open(), 1000, 0, 0, 600))
    second = http.post(path, headers=TOKEN_HEADER).json()

    assert first["transaction"]["key"] == f"collect:{channel_id}:600"
    assert second["transaction"]["key"] == f"collect:{channel_id}:1000"


# Refunds ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(world: NodeWorld) -> Position:
    position = world.open()
    proposal = make_proposal(position, Pay(cause_id(1), 100))
    world.database.run_sync(lambda uow: submit_state(uow, world.node.context, proposal))
    return world.position(position.channel_id)


def refund(http: httpx.Client, channel_id: Bytes32, amount: str, **more: str) -> httpx.Response:
    return http.post(f"/v1/channels/{channel_id}/refunds", json={"amount": amount} | more, headers=TOKEN_HEADER)


def test_a_refund_waits_until_the_payer_proposes_it(world: NodeWorld, http: httpx.Client, paid: Position) -> None:
    issued = refund(http, paid.channel_id, "30").json()

    path = f"/v1/channels/{paid.channel_id}/states/latest"
    latest = http.get(path, headers=party_header(PAYER, path)).json()
    assert latest["refunds"] == [issued]
    assert issued["type"] == "Refund"


def test_the_same_refund_is_issued_once(world: NodeWorld, http: httpx.Client, paid: Position) -> None:
    first = refund(http, paid.channel_id, "30", id=str(cause_id(7)))
    before = world.records()

    again = refund(http, paid.channel_id, "30", id=str(cause_id(7)))

    assert first.json() == again.json()
    assert world.records() == before
    problem(refund(http, paid.channel_id, "31", id=str(cause_id(7))), 409, "cause-altered")
    problem(refund(http, paid.channel_id, "30", id=str(cause_id(1))), 409, "cause-repeated")


def test_no_payment_takes_the_id_of_a_refund(world: NodeWorld, http: httpx.Client, paid: Position) -> None:
    refund(http, paid.channel_id, "30", id=str(cause_id(7)))
    before = world.records()["causes"]

    problem(submit(http, make_proposal(paid, Pay(cause_id(7), 30), sequence=2)), 409, "cause-repeated")

    assert world.records()["causes"] == before
    assert submit(http, make_proposal(paid, Refund(cause_id(7), 30), sequence=3)).status_code == 200


def test_refunds_never_promise_more_than_the_payee_has(world: NodeWorld, http: httpx.Client, paid: Position) -> None:
    refund(http, paid.channel_id, "60")

    document = problem(refund(http, paid.channel_id, "41"), 422, "balance-exceeded")

    assert document["values"] == {"party": "payee", "available": "40", "requested": "41"}
    assert refund(http, paid.channel_id, "40").status_code == 200


def test_refunds_are_refused_by_name(world: NodeWorld, http: httpx.Client, paid: Position, one_way: Position) -> None:
    problem(refund(http, one_way.channel_id, "1"), 409, "wrong-kind")
    problem(refund(http, Bytes32(b"\x07" * 32), "1"), 404, "unknown-channel")
    problem(refund(http, paid.channel_id, "0"), 422, "amount-out-of-range")
    problem(http.post(f"/v1/channels/{paid.channel_id}/refunds", json={"amount": "1"}), 401, "unauthenticated")
    world.set_phase(paid.channel_id, Ended(1, 2))
    problem(refund(http, paid.channel_id, "1"), 409, "channel-settled")
