"""The client's smaller parts: errors from problems, the home directory, the blocking twin, watchers' receipts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from penstock.api.problems import problem_of
from penstock.chain.errors import InvalidKey
from penstock.client import AsyncChannel, AsyncClient, Channel, Client, Patience
from penstock.client.connecting import Keys
from penstock.client.delivery import Delivery
from penstock.client.errors import ForeignHome, HomeUnusable, InvalidUrl, NodeRefused, WatcherMisbehaved, WatcherRefused
from penstock.client.exchange import Exchange
from penstock.client.home import Home
from penstock.client.problems import Problem, error_of
from penstock.protocol import errors as protocol
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import BelowMark, PeerFault, PenstockError
from penstock.protocol.messages import SignedState, State
from penstock.protocol.watch_policy import receipt_for
from penstock.protocol.wire import receipt_to_json
from tests.support.parties import DOMAIN, STRANGER, co_signed, make_channel
from tests.unit.client.rig import DEPOSIT, Rig

WATCHER = STRANGER


def peer_faults() -> Iterator[type[PeerFault]]:
    for kind in vars(protocol).values():
        if inspect.isclass(kind) and issubclass(kind, PeerFault) and is_dataclass(kind):
            yield kind


def sample(kind: type[PeerFault]) -> PenstockError:
    values: dict[str, Any] = {"int": -7, "str": "text", "bytes": b"\1\2"}
    assert is_dataclass(kind)
    return kind(**{field.name: values[str(field.type)] for field in fields(kind)})


@pytest.mark.parametrize("kind", peer_faults())
def test_every_error_of_the_protocol_comes_back_with_its_values(kind: type[PeerFault]) -> None:
    raised = sample(kind)
    problem = msgspec.json.decode(msgspec.json.encode(problem_of(raised, "/")), type=Problem)

    error = error_of(problem, "http://node.example", 409)

    assert type(error) is kind
    assert error.values() == raised.values()
    assert "refused by the node" in error.__notes__[0]


@pytest.mark.parametrize(
    "problem",
    [
        Problem(code="unknown", detail="why"),
        Problem(code="sequence-too-low", values={"got": "1"}),
        Problem(code="sequence-too-low", values={"got": "one", "highest": "2"}),
        Problem(code="sequence-too-low", values={"got": "1" * 5000, "highest": "2"}),
        Problem(code="unknown-base", values={"base": "0xzz", "newest": "0x", "sequence": "1"}),
        Problem(code=BelowMark.code, values={"sequence": "1", "mark": "2"}),
        Problem(code="error"),
    ],
)
def test_what_cannot_be_mapped_back_is_told_in_the_nodes_words(problem: Problem) -> None:
    error = error_of(problem, "http://node.example", 409)

    assert isinstance(error, NodeRefused)
    assert error.reason_code == problem.code


def test_a_home_belongs_to_one_contract(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.kept() is None

    home.keep(DOMAIN)
    home.keep(DOMAIN)

    assert Home(tmp_path / "home").kept() == DOMAIN
    with pytest.raises(ForeignHome):
        home.keep(Domain(1, DOMAIN.contract))
    assert home.kept() == DOMAIN


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"chainId": 1}', '{"chainId": 1, "contract": "0x"}', "\x00"])
def test_a_home_that_cannot_be_read_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_text(content)

    with pytest.raises(HomeUnusable):
        Home(tmp_path).kept()


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HomeUnusable):
        Home(tmp_path / "file" / "home")


def test_a_malformed_key_is_never_repeated() -> None:
    with pytest.raises(InvalidKey) as caught:
        Keys.read("0xsecret", None)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_keys_show_themselves_to_nobody() -> None:
    assert "07" * 8 not in repr(Keys.read(b"\7" * 32, None))
    assert "\\x07" not in repr(Keys.read(b"\7" * 32, None))


@pytest.mark.parametrize("url", ["", "node.example", "ftp://node.example", "http://", "http://a\0b", "http://a?b=c"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(InvalidUrl):
        Exchange(url, httpx.AsyncClient(), Patience())


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in vars(kind).items() if not name.startswith("_")}


@pytest.mark.parametrize(("blocking", "asynchronous"), [(Client, AsyncClient), (Channel, AsyncChannel)])
def test_the_blocking_twin_has_every_call_with_the_same_arguments(blocking: type, asynchronous: type) -> None:
    ours, theirs = public(blocking), public(asynchronous)

    assert set(ours) == set(theirs)
    for name, member in theirs.items():
        if inspect.isfunction(member):
            assert inspect.signature(ours[name]).parameters.keys() == inspect.signature(member).parameters.keys()
            assert str(inspect.signature(ours[name]).parameters) == str(inspect.signature(member).parameters)


# Watchers ---------------------------------------------------------------------------------------------------------


def receipt(evidence: SignedState, *, signer: Any = WATCHER, **changes: str) -> httpx.Response:
    written = receipt_for(evidence, 1_000, DOMAIN)
    shape = msgspec.to_builtins(receipt_to_json(written, signer.sign(written))) | changes
    return httpx.Response(200, content=msgspec.json.encode(shape))


def evidence() -> SignedState:
    return co_signed(State(DOMAIN.channel_id(make_channel()), 3, 10))


@pytest.mark.anyio
async def test_a_receipt_is_checked_and_returned(rig: Rig) -> None:
    watcher = rig.watcher(lambda _: receipt(evidence()), WATCHER.address)

    got, signature = await watcher.deliver(make_channel(), evidence())

    assert (got.sequence, got.received_at) == (3, 1_000)
    assert signature == WATCHER.sign(got)


@pytest.mark.anyio
async def test_a_receipt_for_a_newer_state_is_taken(rig: Rig) -> None:
    newer = co_signed(State(DOMAIN.channel_id(make_channel()), 4, 10))
    watcher = rig.watcher(lambda _: receipt(newer), WATCHER.address)

    got, _ = await watcher.deliver(make_channel(), evidence())

    assert got.sequence == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        receipt(co_signed(State(DOMAIN.channel_id(make_channel()), 2, 10))),
        receipt(co_signed(State(DOMAIN.channel_id(make_channel()), 3, 11))),
        receipt(co_signed(State(DOMAIN.channel_id(make_channel(salt=9)), 4, 10))),
        receipt(evidence(), receivedAt="soon"),
        receipt(evidence(), sequence="4"),
        receipt(evidence(), signature="0x" + "07" * 64 + "1b"),
        receipt(evidence(), signature="0x"),
        httpx.Response(200, content=b"{}"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(404, content=b"not found"),
    ],
)
async def test_a_false_receipt_is_not_believed(rig: Rig, answer: httpx.Response) -> None:
    watcher = rig.watcher(lambda _: answer, WATCHER.address)

    with pytest.raises(WatcherMisbehaved):
        await watcher.deliver(make_channel(), evidence())


@pytest.mark.anyio
async def test_the_key_of_the_first_receipt_is_remembered(rig: Rig) -> None:
    answers = [receipt(evidence()), receipt(evidence(), signer=_other())]
    watcher = rig.watcher(lambda _: answers.pop(0))
    await watcher.deliver(make_channel(), evidence())

    with pytest.raises(WatcherMisbehaved):
        await watcher.deliver(make_channel(), evidence())


def _other() -> Any:
    return type(WATCHER).number(2001)


@pytest.mark.anyio
async def test_a_watchers_refusal_is_told(rig: Rig) -> None:
    problem = {"code": "channel-unopened", "detail": "no deposit yet"}
    watcher = rig.watcher(lambda _: httpx.Response(409, content=json.dumps(problem).encode()))

    with pytest.raises(WatcherRefused, match="no deposit yet"):
        await watcher.deliver(make_channel(), evidence())


@pytest.mark.anyio
async def test_the_newest_evidence_reaches_a_watcher_that_was_down(rig: Rig) -> None:
    delivered: list[int] = []
    down = True

    def handle(request: httpx.Request) -> httpx.Response:
        if down:
            return httpx.Response(503)
        shape = json.loads(request.content)["state"]["state"]
        delivered.append(int(shape["sequence"]))
        held = rig.node.signed[(channel.id, delivered[-1])]
        return receipt(held)

    with rig.client() as client:
        channel = await client.open_channel(DEPOSIT)
        await channel.pay_many([1] * 3)
        delivery = Delivery(rig.database, rig.watcher(handle), 0, 0.01)
        rig.on_evidence = delivery.wake
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(delivery.run)
            await anyio.sleep(0.1)
            await channel.pay(1)
            down = False
            with anyio.fail_after(5):
                while 2 not in delivered:  # noqa: ASYNC110 (the delivery says nothing)
                    await anyio.sleep(0.01)
            await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()

    assert delivered.count(2) == 1
