"""A node that lies is named, and changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from penstock.client.errors import CloseNotAgreed, NodeMisbehaved, NodeRefused
from penstock.client.exchange import ANSWER_BYTES_MAX
from penstock.protocol.crypto import GROUP_ORDER
from penstock.protocol.errors import UnknownBase, VoucherNotHigher
from penstock.protocol.messages import SignedState, State
from penstock.protocol.primitives import Bytes32
from penstock.protocol.wire import hex_of, signed_state_to_json
from tests.support.parties import PAYEE, STRANGER
from tests.unit.client.rig import DEPOSIT, Rig

pytestmark = pytest.mark.anyio

Shape = dict[str, Any]


def with_state(**changes: str) -> Callable[[Shape], Any]:
    def lie(shape: Shape) -> Shape:
        shape["state"].state = replace(shape["state"].state, **changes)
        return shape

    return lie


def with_payee_signature(change: Callable[[bytes], bytes | None]) -> Callable[[Shape], Any]:
    def lie(shape: Shape) -> Shape:
        changed = change(bytes.fromhex(shape["state"].payeeSignature[2:]))
        shape["state"].payeeSignature = None if changed is None else hex_of(changed)
        return shape

    return lie


def with_payer_signature(shape: Shape) -> Shape:
    shape["state"].payerSignature = hex_of(b"\7" * 64 + b"\x1b")
    return shape


def high_s(signature: bytes) -> bytes:
    s = GROUP_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


def response(status: int, content: bytes) -> Callable[[Shape], Any]:
    return lambda _: httpx.Response(status, content=content)


def without(*path: str) -> Callable[[Shape], Any]:
    def lie(shape: Shape) -> Shape:
        plain: Shape = msgspec.to_builtins(shape)
        *outer, last = path
        inner = plain
        for name in outer:
            inner = inner[name]
        del inner[last]
        return plain

    return lie


LIES: dict[str, Callable[[Shape], Any]] = {
    "another amount": with_state(paid="24"),
    "another sequence": with_state(sequence="3"),
    "another root": with_state(locksRoot="0x" + "11" * 32),
    "locked money": with_state(payerLocked="1"),
    "a sequence out of range": with_state(sequence=str(2**64)),
    "no co-signature": with_payee_signature(lambda _: None),
    "a co-signature cut short": with_payee_signature(lambda signature: signature[:-1]),
    "a high s": with_payee_signature(high_s),
    "a wrong v": with_payee_signature(lambda signature: signature[:64] + b"\0"),
    "a random co-signature": with_payee_signature(lambda _: b"\7" * 64 + b"\x1b"),
    "an empty object": lambda _: {},
    "a list": lambda _: [],
    "truncated JSON": response(200, b'{"state": {"state": {"sequence"'),
    "no UTF-8": response(200, b'{"state": "\xff\xfe"}'),
    "a web page": response(200, b"<html>Welcome</html>"),
    "nothing": response(200, b""),
    "an endless answer": response(200, b" " * (ANSWER_BYTES_MAX + 1)),
    "a tower of lists": response(200, b'{"more":' + b"[" * 200_000),
    "a refusal under a tower of lists": response(409, b'{"values":' + b"[" * 200_000),
    "a redirect": response(302, b""),
    "a bare 404": response(404, b"not found"),
    "a problem without a code": response(409, b"{}"),
    "no payer signature": without("state", "payerSignature"),
    "another payer signature": with_payer_signature,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_false_answer_to_a_payment_changes_nothing(rig: Rig, lie: Callable[[Shape], Any]) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        before = await channel.position()
        rig.node.lie = lambda name, shape: lie(copy.deepcopy(shape)) if name.endswith("/states") else shape

        with pytest.raises(NodeMisbehaved):
            await channel.pay(25)

        after = await channel.position()
        assert after.newest == before.newest
        assert [state.paid for state in after.unanswered] == [35]
        rig.node.lie = None
        assert (await channel.pay(1)).paid == 36


async def test_a_co_signature_by_a_stranger_is_not_believed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.party = STRANGER

        with pytest.raises(NodeMisbehaved, match="by 0x"):
            await channel.pay(25)

        assert await channel.latest() is None


async def test_a_forged_newest_state_in_a_refusal_is_not_believed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        forged = State(channel.id, 9, 999)
        newest = SignedState(forged, STRANGER.sign(forged), PAYEE.sign(forged))
        rig.node.refuse_with = UnknownBase(b"\1" * 32, b"\2" * 32, 9)

        def lie(name: str, shape: Shape) -> Shape:
            return shape | {"newest": msgspec.to_builtins(signed_state_to_json(newest))}

        rig.node.lie = lie

        with pytest.raises(NodeMisbehaved):
            await channel.pay(25)

        assert (await channel.position()).base.paid == 10


async def test_a_forged_newest_state_is_not_believed_after_a_restart(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
    forged = State(channel.id, 9, 999)
    newest = msgspec.to_builtins(signed_state_to_json(SignedState(forged, STRANGER.sign(forged), PAYEE.sign(forged))))
    rig.node.lie = lambda name, shape: shape | {"newest": newest} if name.startswith("GET") else shape

    with rig.client() as client:
        with pytest.raises(NodeMisbehaved):
            await (await client.channel(channel.id)).pay(1)

        assert rig.node.sent("/states") == []


async def test_an_older_state_offered_as_the_newest_is_ignored(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        old = rig.node.signed[(channel.id, 1)]
        await channel.pay(10)
    position = rig.node.positions[channel.id]
    rig.node.positions[channel.id] = replace(position, newest=old)

    with rig.client() as client:
        channel = await client.channel(channel.id)
        assert (await channel.get_in_step()).base.paid == 20


async def test_an_unknown_refusal_is_told_in_the_nodes_words(rig: Rig) -> None:
    problem = {"code": "moon-phase", "detail": "the moon is new", "remedy": "Wait.", "values": {}}
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lie = lambda _name, _shape: httpx.Response(409, content=msgspec.json.encode(problem))

        with pytest.raises(NodeRefused, match="the moon is new") as caught:
            await channel.pay(25)

        assert (caught.value.reason_code, caught.value.node_remedy) == ("moon-phase", "Wait.")


@pytest.mark.parametrize("paid", ["24", "26", "-25", "many"])
async def test_a_voucher_accepted_at_another_figure_is_not_believed(rig: Rig, paid: str) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        rig.node.lie = lambda name, shape: shape | {"paid": paid} if name.endswith("/vouchers") else shape

        with pytest.raises(NodeMisbehaved):
            await channel.pay(25)


async def test_a_higher_voucher_that_we_did_not_sign_is_not_believed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT, one_way=True)
        await channel.pay(25)
        rig.node.refuse_with = VoucherNotHigher(50, 90)
        with pytest.raises(VoucherNotHigher):
            await channel.pay(25)
        rig.node.refuse_with = None
        voucher = {"paid": "90", "payerSignature": hex_of(b"\7" * 64 + b"\x1b")}
        rig.node.lie = lambda name, shape: shape | {"voucher": voucher} if name.startswith("GET") else shape

        with pytest.raises(NodeMisbehaved):
            await channel.pay(25)


@pytest.mark.parametrize("figure", ["9", "11", "-10"])
async def test_a_close_at_another_figure_is_not_believed(rig: Rig, figure: str) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
        rig.node.lie = lambda name, shape: shape | {"paid": figure} if name.endswith("/close") else shape

        with pytest.raises(CloseNotAgreed) as caught:
            await channel.close()

        assert isinstance(caught.value.__cause__, NodeMisbehaved)


async def test_a_withdrawal_with_other_totals_is_not_believed(rig: Rig) -> None:
    def lie(name: str, shape: Shape) -> Shape:
        if name.endswith("/withdrawals"):
            shape["withdrawal"].payeeTotal = "500"
        return shape

    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        rig.node.lie = lie

        with pytest.raises(NodeMisbehaved):
            await channel.withdraw(100)


async def test_a_node_that_names_another_contract_gets_no_deposit(rig: Rig) -> None:
    rig.node.lie = lambda _, shape: shape | {"contract": "0x" + "ee" * 20}
    with rig.client() as client:
        with pytest.raises(NodeMisbehaved):
            await client.open_channel(DEPOSIT)

        assert await client.channels() == []


async def test_terms_of_another_channel_are_not_recovered(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        other = await client.open_channel(DEPOSIT)
    rig.home = rig.home.with_name("new")
    terms = msgspec.to_builtins(rig.node.show(rig.node.positions[other.id]))["channel"]
    rig.node.lie = lambda _, shape: shape | {"channel": terms}

    with rig.client() as client, pytest.raises(NodeMisbehaved):
        await client.recover(channel.id)


async def test_a_wild_claim_about_used_numbers_does_not_use_them_up(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
    rig.home = rig.home.with_name("new")
    rig.node.lie = lambda name, shape: shape | {"highestSeen": str(2**64 - 1)} if name.startswith("GET") else shape

    with rig.client() as client:
        recovered = await client.recover(channel.id)

        assert (await recovered.pay(1)).paid == 11


async def test_a_lying_recovery_is_not_believed(rig: Rig) -> None:
    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay(10)
    rig.home = rig.home.with_name("new")
    forged = State(channel.id, 9, 0)
    newest = msgspec.to_builtins(signed_state_to_json(SignedState(forged, STRANGER.sign(forged), PAYEE.sign(forged))))
    rig.node.lie = lambda _, shape: shape | {"newest": newest}

    with rig.client() as client:
        recovered = await client.recover(channel.id)

        assert await recovered.latest() is None
        with pytest.raises(NodeMisbehaved):
            await recovered.pay(1)
    assert Bytes32(channel.id) == recovered.id
