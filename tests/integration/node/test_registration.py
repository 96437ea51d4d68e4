"""Registering channels, and relaying their first deposit."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from penstock.node.handlers.channels import RELAY_GAS_MAX, RELAY_SECONDS_MAX
from penstock.node.outside import Opening
from penstock.node.records import TransactionStatus
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.wire import hex_of
from tests.support.bodies import Json, problem, registration_body
from tests.support.nodes import NOW, TOKEN_HEADER, NodeWorld, opening_digest
from tests.support.parties import DOMAIN, PAYER, STRANGER, Party, make_channel

CHANNEL = make_channel()
CHANNEL_ID = DOMAIN.channel_id(CHANNEL)
SALT = Bytes32(b"\x0a" * 32)


def opening_body(*, signer: Party = PAYER, signature: bytes | None = None, **changes: Any) -> Json:
    values: dict[str, Any] = {"amount": 500, "auth_salt": SALT, "valid_after": 0, "valid_before": NOW + 3600} | changes
    opening = Opening(**values, signature=b"")
    raw = signer.key.sign_recoverable(opening_digest(opening), hasher=None)
    return {
        "amount": str(opening.amount),
        "authSalt": str(opening.auth_salt),
        "validAfter": opening.valid_after,
        "validBefore": opening.valid_before,
        "signature": hex_of(signature if signature is not None else raw[:64] + bytes((27 + raw[64],))),
    }


def register(http: httpx.Client, body: Json) -> httpx.Response:
    return http.post("/v1/channels", json=body)


def test_a_channel_is_registered_once(world: NodeWorld, http: httpx.Client) -> None:
    first = register(http, registration_body(CHANNEL))
    again = register(http, registration_body(CHANNEL))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["channelId"] == str(CHANNEL_ID)
    assert (first.json()["phase"], first.json()["transaction"]) == ("none", None)
    assert world.position(CHANNEL_ID).channel == CHANNEL


def test_whoever_knows_the_terms_learns_no_more_than_the_chain_says(world: NodeWorld, http: httpx.Client) -> None:
    world.open(CHANNEL)

    assert set(register(http, registration_body(CHANNEL)).json()) == {
        *("channelId", "channel", "phase", "payerDeposit", "payeeDeposit", "pendingDeposit", "transaction"),
    }


def terms(**changes: Any) -> Json:
    body = registration_body(CHANNEL)
    body["channel"] |= changes
    return body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (registration_body(CHANNEL, chainId=1), "wrong-chain"),
        (registration_body(CHANNEL, contract=str(Address(b"\x01" * 20))), "wrong-chain"),
        (terms(payee=str(STRANGER.address)), "foreign-channel"),
        (terms(payeeSigner=str(STRANGER.address)), "foreign-channel"),
        (terms(token=str(STRANGER.address)), "token-not-allowed"),
        (terms(challengePeriodSeconds=59), "challenge-period-out-of-range"),
        (terms(challengePeriodSeconds=86_401), "challenge-period-out-of-range"),
        (terms(payer=str(CHANNEL.payee)), "invalid-terms"),
        (terms(payerSigner=str(CHANNEL.payee_signer)), "invalid-terms"),
        (terms(payer=str(Address(bytes(20)))), "invalid-terms"),
        (terms(salt=str(2**88)), "amount-out-of-range"),
        (registration_body(CHANNEL, chainId=-1), "amount-out-of-range"),
    ],
)
def test_terms_that_the_node_does_not_take_are_named(
    world: NodeWorld, http: httpx.Client, body: Json, code: str
) -> None:
    before = world.records()

    problem(register(http, body), 422, code)

    assert world.records() == before


def test_the_terms_are_checked_before_the_chain_is_asked(world: NodeWorld, http: httpx.Client) -> None:
    body = registration_body(CHANNEL, chainId=1, opening=opening_body())

    problem(register(http, body), 422, "wrong-chain")

    assert world.chain.simulated == []


# Relayed deposits -----------------------------------------------------------------------------------------------------


def test_a_deposit_is_relayed_once(world: NodeWorld, http: httpx.Client) -> None:
    body = registration_body(CHANNEL, opening=opening_body())

    first = register(http, body)
    world.chain.revert = "AuthorizationUsed()"
    again = register(http, body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["transaction"] == again.json()["transaction"]
    assert first.json()["transaction"]["key"] == f"open:{CHANNEL_ID}:{SALT}"
    (transaction,) = world.database.read_sync(lambda uow: uow.transactions.recent(9))
    assert transaction.intent.data == world.chain.simulated[0]
    assert transaction.intent.deadline == NOW + 3600


@pytest.mark.parametrize(
    ("opening", "status", "code"),
    [
        (opening_body(amount=99), 422, "relay-deposit-too-small"),
        (opening_body(amount=2**95), 422, "amount-out-of-range"),
        (opening_body() | {"amount": "0"}, 422, "amount-out-of-range"),
        (opening_body(valid_before=NOW + 60), 422, "authorization-window"),
        (opening_body(valid_after=NOW), 422, "authorization-window"),
        (opening_body(signer=STRANGER), 403, "wrong-signer"),
        (opening_body() | {"amount": "501"}, 403, "wrong-signer"),
        (opening_body(signature=bytes(64) + b"\x1d"), 400, "malformed-signature"),
        (opening_body() | {"signature": "0x"}, 400, "malformed-field"),
        (opening_body() | {"signature": "0x123"}, 400, "malformed-field"),
        (opening_body() | {"signature": ""}, 400, "malformed-field"),
        (opening_body(signature=bytes(4097)), 400, "malformed-field"),
        (opening_body() | {"validBefore": True}, 400, "malformed-field"),
        (opening_body() | {"validAfter": -1}, 422, "amount-out-of-range"),
        (opening_body(valid_before=2**40), 422, "amount-out-of-range"),
        (opening_body(valid_before=2**64 - 1), 422, "amount-out-of-range"),
        (opening_body() | {"authSalt": "0x01"}, 400, "malformed-field"),
    ],
)
def test_a_deposit_that_is_not_worth_its_gas_is_named(
    world: NodeWorld, http: httpx.Client, opening: Json, status: int, code: str
) -> None:
    before = world.records()

    problem(register(http, registration_body(CHANNEL, opening=opening)), status, code)

    assert world.records() == before


def test_a_relayed_deposit_has_bounds_in_gas_and_time(world: NodeWorld, http: httpx.Client) -> None:
    assert register(http, registration_body(CHANNEL, opening=opening_body(valid_before=2**40 - 1))).status_code == 201

    (transaction,) = world.database.read_sync(lambda uow: uow.transactions.recent(9))
    assert transaction.intent.deadline == NOW + RELAY_SECONDS_MAX
    assert transaction.intent.gas_max == RELAY_GAS_MAX


def test_a_deposit_that_would_revert_is_not_sent(world: NodeWorld, http: httpx.Client) -> None:
    world.chain.revert = "ERC20InsufficientBalance(balance=0)"
    before = world.records()

    document = problem(register(http, registration_body(CHANNEL, opening=opening_body())), 422, "opening-refused")

    assert "ERC20InsufficientBalance" in document["detail"]
    assert world.records() == before


def test_a_wallet_s_own_signature_is_left_to_the_simulation(world: NodeWorld, http: httpx.Client) -> None:
    world.chain.wallets.add(CHANNEL.payer)
    short = registration_body(CHANNEL, opening=opening_body(signature=b"\x01" * 65))
    long = registration_body(CHANNEL, opening=opening_body(auth_salt=Bytes32(b"\x0b" * 32), signature=b"\x01" * 300))

    assert register(http, short).status_code == 201
    assert register(http, long).status_code == 200


def test_one_salt_funds_one_deposit(world: NodeWorld, http: httpx.Client) -> None:
    register(http, registration_body(CHANNEL, opening=opening_body()))
    before = world.records()

    problem(register(http, registration_body(CHANNEL, opening=opening_body(amount=600))), 409, "authorization-reused")

    assert world.records() == before


def test_a_deposit_that_failed_is_checked_and_sent_again(world: NodeWorld, http: httpx.Client) -> None:
    body = registration_body(CHANNEL, opening=opening_body())
    register(http, body)
    (first,) = world.database.read_sync(lambda uow: uow.transactions.recent(9))
    world.database.run_sync(lambda uow: uow.transactions.fail(first.id, "no gas money"))

    again = register(http, body).json()

    assert len(world.chain.simulated) == 2
    assert again["transaction"]["key"].endswith(":2")
    assert again["transaction"]["status"] == TransactionStatus.QUEUED


def test_a_node_that_relays_nothing_says_so(world: NodeWorld, http: httpx.Client) -> None:
    context = world.node.context
    object.__setattr__(context.policy, "relay_minimum_deposit", None)

    document = problem(register(http, registration_body(CHANNEL, opening=opening_body())), 422, "relay-unavailable")

    assert document["values"] == {"channel_id": str(CHANNEL_ID)}
    assert http.get("/v1/node").json()["relays"] is False


# Listing ------------------------------------------------------------------------------------------------------------


def test_the_operator_pages_through_all_channels(world: NodeWorld, http: httpx.Client) -> None:
    ids = sorted(str(world.open(make_channel(salt=salt)).channel_id) for salt in range(5))
    seen: list[str] = []
    query = "?limit=2"

    while True:
        page = http.get(f"/v1/channels{query}", headers=TOKEN_HEADER).json()
        seen += [channel["channelId"] for channel in page["channels"]]
        if page["next"] is None:
            break
        query = f"?limit=2&after={page['next']}"

    assert seen == ids
