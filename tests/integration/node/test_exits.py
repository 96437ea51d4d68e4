"""Withdrawals and agreed closes: signed once, sent once, and remembered (docs/protocol.md, section 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from penstock.node.handlers.states import submit_state
from penstock.node.records import Transaction, TransactionStatus
from penstock.protocol.causes import Pay
from penstock.protocol.messages import Close, State, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Unopened
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import recover
from penstock.protocol.wire import hex_of
from tests.support.bodies import close_body, problem, submit, withdrawal_body
from tests.support.nodes import HEAD, NodeWorld
from tests.support.parties import DOMAIN, PAYEE, STRANGER, cause_id, make_channel, make_proposal

DEADLINE = HEAD.time + 600


def withdraw(http: httpx.Client, withdrawal: Withdrawal, **options: Any) -> httpx.Response:
    return http.post(f"/v1/channels/{withdrawal.channel_id}/withdrawals", json=withdrawal_body(withdrawal, **options))


def close(http: httpx.Client, channel_id: Bytes32, paid: int, **options: Any) -> httpx.Response:
    return http.post(f"/v1/channels/{channel_id}/close", json=close_body(channel_id, paid, **options))


def transactions(world: NodeWorld, channel_id: Bytes32) -> list[Transaction]:
    return world.database.read_sync(lambda uow: uow.transactions.by_channel(channel_id))


def paid_channel(world: NodeWorld, amount: int = 10) -> Bytes32:
    position = world.open()
    proposal = make_proposal(position, Pay(cause_id(1), amount))
    world.database.run_sync(lambda uow: submit_state(uow, world.node.context, proposal))
    return position.channel_id


# Withdrawals --------------------------------------------------------------------------------------------------------


def test_a_withdrawal_is_signed_and_counts_at_once(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    withdrawal = Withdrawal(channel_id, 500, 10, DEADLINE)

    answer = withdraw(http, withdrawal).json()

    signature = bytes.fromhex(answer["payeeSignature"][2:])
    assert recover(DOMAIN.digest(withdrawal), signature) == PAYEE.address
    assert answer["transaction"] is None
    assert (world.position(channel_id).funds.payer_withdrawn, world.position(channel_id).funds.payee_withdrawn) == (
        500,
        10,
    )
    too_much = make_proposal(world.position(channel_id), Pay(cause_id(2), 491))
    problem(submit(http, too_much), 422, "balance-exceeded")


def test_the_same_withdrawal_gets_the_same_answer_and_one_transaction(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    withdrawal = Withdrawal(channel_id, 500, 0, DEADLINE)

    first = withdraw(http, withdrawal, submit=True).json()
    again = withdraw(http, withdrawal, submit=True).json()

    assert first == again
    assert [t.intent.key for t in transactions(world, channel_id)] == [f"withdraw:{channel_id}:{DEADLINE}:500:0"]
    assert first["transaction"]["status"] == "queued"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"payer_total": 991}, 422, "withdrawal-uncovered"),
        ({"payer_total": 0, "payee_total": 11}, 422, "withdrawal-uncovered"),
        ({"payer_total": 0}, 422, "withdrawal-not-higher"),
        ({"deadline": HEAD.time + 59}, 422, "withdrawal-deadline"),
        ({"deadline": HEAD.time + 3601}, 422, "withdrawal-deadline"),
    ],
)
def test_a_withdrawal_that_cannot_be_promised_changes_nothing(
    world: NodeWorld, http: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    withdrawal = replace(Withdrawal(paid_channel(world), 100, 0, DEADLINE), **change)
    before = world.records()

    problem(withdraw(http, withdrawal), status, code)

    assert world.records() == before
    assert world.signer.mark(withdrawal.channel_id).withdrawals == ()


def test_a_total_that_the_contract_cannot_hold_is_named(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    body = withdrawal_body(Withdrawal(channel_id, 1, 0, DEADLINE))
    body["withdrawal"]["payerTotal"] = str(2**128)

    problem(http.post(f"/v1/channels/{channel_id}/withdrawals", json=body), 422, "amount-out-of-range")


def test_a_withdrawal_that_is_not_worth_its_gas_is_not_submitted(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    small, enough = Withdrawal(channel_id, 99, 0, DEADLINE), Withdrawal(channel_id, 100, 0, DEADLINE)

    document = problem(withdraw(http, small, submit=True), 422, "relay-withdrawal-too-small")
    assert document["values"] == {"got": "99", "minimum": "100"}
    assert world.signer.mark(channel_id).withdrawals == ()
    assert withdraw(http, small).status_code == 200
    problem(withdraw(http, small, submit=True), 422, "relay-withdrawal-too-small")

    answer = withdraw(http, enough, submit=True).json()
    world.set_onchain(channel_id, OnChain(Open(), 1000, 0, 100))
    assert withdraw(http, enough, submit=True).json() == answer
    (transaction,) = transactions(world, channel_id)
    world.database.run_sync(lambda uow: uow.transactions.fail(transaction.id, "NothingToWithdraw"))
    problem(withdraw(http, enough, submit=True), 422, "relay-withdrawal-too-small")


def test_a_node_that_pays_no_payer_s_gas_still_signs_withdrawals(world: NodeWorld, http: httpx.Client) -> None:
    withdrawal = Withdrawal(paid_channel(world), 500, 0, DEADLINE)
    object.__setattr__(world.node.context.policy, "relay_minimum_deposit", None)

    problem(withdraw(http, withdrawal, submit=True), 422, "relay-unavailable")
    assert withdraw(http, withdrawal).status_code == 200


def test_a_stranger_withdraws_nothing(world: NodeWorld, http: httpx.Client) -> None:
    withdrawal = Withdrawal(paid_channel(world), 100, 0, DEADLINE)

    problem(withdraw(http, withdrawal, signer=STRANGER), 403, "wrong-signer")


def test_a_withdrawal_from_an_unknown_channel_is_named(world: NodeWorld, http: httpx.Client) -> None:
    problem(withdraw(http, Withdrawal(Bytes32(b"\x07" * 32), 1, 0, DEADLINE)), 404, "unknown-channel")


def test_a_one_way_channel_has_no_withdrawals_and_no_agreed_close(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open(make_channel(one_way=True))

    problem(withdraw(http, Withdrawal(position.channel_id, 1, 0, DEADLINE)), 409, "wrong-kind")
    problem(close(http, position.channel_id, 0), 409, "wrong-kind")


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        (Closing(DEADLINE, State(Bytes32(bytes(32)), 0, 0)), "channel-closing"),
        (Ended(1, 2), "channel-settled"),
        (Unopened(), "channel-unopened"),
    ],
)
def test_a_channel_that_is_not_open_promises_nothing_new(
    world: NodeWorld, http: httpx.Client, phase: Closing | Ended | Unopened, code: str
) -> None:
    channel_id = paid_channel(world)
    world.set_phase(channel_id, phase)
    before = world.records()

    problem(withdraw(http, Withdrawal(channel_id, 1, 0, DEADLINE)), 409, code)

    assert world.records() == before


def test_nothing_is_promised_on_an_old_head(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    world.clock.now += 61

    problem(withdraw(http, Withdrawal(channel_id, 1, 0, DEADLINE)), 503, "chain-stale")


# Agreed closes ------------------------------------------------------------------------------------------------------


def test_an_agreed_close_is_signed_sent_and_the_last_word(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)

    answer = close(http, channel_id, 10).json()

    message = Close(channel_id, 10)
    assert recover(DOMAIN.digest(message), bytes.fromhex(answer["payeeSignature"][2:])) == PAYEE.address
    assert answer["transaction"]["purpose"] == "close"
    assert [t.intent.key for t in transactions(world, channel_id)] == [f"close:{channel_id}:10"]
    after = make_proposal(world.position(channel_id), Pay(cause_id(2), 1))
    problem(submit(http, after), 409, "close-signed")
    problem(withdraw(http, Withdrawal(channel_id, 1, 0, DEADLINE)), 409, "close-signed")


@pytest.mark.parametrize("phase", [None, Ended(990, 10)])
def test_the_same_close_gets_the_same_answer(world: NodeWorld, http: httpx.Client, phase: Ended | None) -> None:
    channel_id = paid_channel(world)
    first = close(http, channel_id, 10).json()
    if phase:
        world.set_phase(channel_id, phase)

    assert close(http, channel_id, 10).json() == first


def test_an_agreed_close_ends_a_dispute(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    world.set_phase(channel_id, Closing(DEADLINE, State(channel_id, 0, 0)))
    world.clock.now += 1000

    assert close(http, channel_id, 10).status_code == 200


@pytest.mark.parametrize(
    ("phase", "paid", "code"),
    [(None, 9, "close-paid-mismatch"), (Unopened(), 10, "channel-unopened"), (Ended(1, 2), 10, "channel-settled")],
)
def test_a_close_that_is_not_agreed_changes_nothing(
    world: NodeWorld, http: httpx.Client, phase: Unopened | Ended | None, paid: int, code: str
) -> None:
    channel_id = paid_channel(world)
    if phase:
        world.set_phase(channel_id, phase)
    before = world.records()

    problem(close(http, channel_id, paid), 409, code)

    assert world.records() == before
    assert world.signer.mark(channel_id).close_paid is None


def test_a_second_close_at_another_figure_is_refused(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    close(http, channel_id, 10)

    problem(close(http, channel_id, 0), 409, "close-signed")


def test_a_stranger_closes_nothing(world: NodeWorld, http: httpx.Client) -> None:
    problem(close(http, paid_channel(world), 10, signer=STRANGER), 403, "wrong-signer")


def test_a_close_that_failed_on_chain_is_sent_again_when_asked_again(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    close(http, channel_id, 10)
    (first,) = transactions(world, channel_id)
    world.database.run_sync(lambda uow: uow.transactions.fail(first.id, "the endpoint said so"))

    again = close(http, channel_id, 10).json()

    assert [t.status for t in transactions(world, channel_id)] == [TransactionStatus.FAILED, TransactionStatus.QUEUED]
    assert again["transaction"]["key"] == f"close:{channel_id}:10:2"


def test_a_close_that_somebody_else_carried_out_is_not_sent_again(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    close(http, channel_id, 10)
    (first,) = transactions(world, channel_id)
    world.database.run_sync(lambda uow: uow.transactions.fail(first.id, "ChannelNotActive"))
    world.set_phase(channel_id, Ended(990, 10))

    again = close(http, channel_id, 10).json()

    assert again["transaction"]["status"] == TransactionStatus.FAILED
    assert len(transactions(world, channel_id)) == 1


def test_a_payer_s_signature_is_checked_before_anything_is_told(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = paid_channel(world)
    body = close_body(channel_id, 10)
    body["payerSignature"] = hex_of(bytes(64) + b"\x1b")

    problem(http.post(f"/v1/channels/{channel_id}/close", json=body), 400, "malformed-signature")
