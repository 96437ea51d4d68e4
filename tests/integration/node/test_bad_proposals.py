"""Every bad proposal gets its own named error over real HTTP and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from penstock.protocol.causes import Pay, Refund
from penstock.protocol.crypto import GROUP_ORDER
from penstock.protocol.encoding import Domain
from penstock.protocol.messages import State
from penstock.protocol.onchain import Closing, Ended, Unopened
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.proposals import Proposal
from tests.support.bodies import Json, problem, proposal_body, states_path, submit
from tests.support.nodes import NodeWorld
from tests.support.parties import PAYER, STRANGER, cause_id, make_channel, make_proposal

PAY = Pay(cause_id(2), 10)
OTHER_CHAIN = Domain(1, Address(b"\xcc" * 20))
OTHER_CONTRACT = Domain(31337, Address(b"\xce" * 20))


@dataclass(frozen=True)
class Bad:
    """A proposal made wrong: as a value, or in its JSON."""

    name: str
    status: int
    code: str
    make: Callable[[Position], Proposal] = lambda position: make_proposal(position, PAY)
    twist: Callable[[Json], None] = lambda _: None
    remembers_number: bool = False


def high_s(position: Position) -> Proposal:
    proposal = make_proposal(position, PAY)
    r, s, v = proposal.signature[:32], int.from_bytes(proposal.signature[32:64], "big"), proposal.signature[64]
    return replace(proposal, signature=r + (GROUP_ORDER - s).to_bytes(32, "big") + bytes((55 - v,)))


def signed_for(domain: Domain) -> Callable[[Position], Proposal]:
    def make(position: Position) -> Proposal:
        proposal = make_proposal(position, PAY)
        return replace(proposal, signature=PAYER.sign(proposal.state, domain))

    return make


def with_state(**changes: object) -> Callable[[Position], Proposal]:
    def make(position: Position) -> Proposal:
        proposal = make_proposal(position, PAY)
        state = replace(proposal.state, **changes)  # type: ignore[arg-type]
        return replace(proposal, state=state, signature=PAYER.sign(state))

    return make


def setter(*path: str | int, value: object) -> Callable[[Json], None]:
    def twist(body: Json) -> None:
        *parents, last = path
        at: object = body
        for key in parents:
            at = at[key]  # type: ignore[index]
        at[last] = value  # type: ignore[index]

    return twist


# One payment is co-signed first (sequence 1, paid 10, cause 1), so each of these is about a second one.
BAD = [
    Bad("a wrong signer", 403, "wrong-signer", lambda p: make_proposal(p, PAY, signer=STRANGER)),
    Bad("another chain", 403, "wrong-signer", signed_for(OTHER_CHAIN)),
    Bad("another contract", 403, "wrong-signer", signed_for(OTHER_CONTRACT)),
    Bad("high-s", 400, "high-s", high_s),
    Bad("v 29", 400, "malformed-signature", lambda p: replace(make_proposal(p, PAY), signature=bytes(64) + b"\x1d")),
    Bad(
        "a zero signature",
        400,
        "malformed-signature",
        lambda p: replace(make_proposal(p, PAY), signature=bytes(64) + b"\x1b"),
    ),
    Bad("64 bytes of signature", 400, "malformed-field", twist=setter("signature", value="0x" + "11" * 64)),
    Bad("a gap above 2^32", 409, "sequence-too-far", lambda p: make_proposal(p, PAY, sequence=2 + 2**32)),
    Bad("a second state at one sequence", 409, "equivocation", lambda p: make_proposal(p, PAY, sequence=1)),
    Bad("sequence zero", 422, "amount-out-of-range", twist=setter("state", "sequence", value="0")),
    Bad("sequence 2^64", 422, "amount-out-of-range", twist=setter("state", "sequence", value=str(2**64))),
    Bad(
        "more than the balance",
        422,
        "balance-exceeded",
        lambda p: make_proposal(p, Pay(cause_id(2), 991)),
        remembers_number=True,
    ),
    Bad("zero", 422, "amount-out-of-range", twist=setter("causes", 0, "amount", value="0")),
    Bad("a negative amount", 422, "amount-out-of-range", twist=setter("causes", 0, "amount", value="-1")),
    Bad("2^128", 422, "amount-out-of-range", twist=setter("causes", 0, "amount", value=str(2**128))),
    Bad("paid above int128", 422, "amount-out-of-range", twist=setter("state", "paid", value=str(2**127))),
    Bad(
        "the base before the newest",
        409,
        "unknown-base",
        lambda p: replace(make_proposal(p, PAY), base=Bytes32(bytes(32))),
        remembers_number=True,
    ),
    Bad("another figure than the causes give", 422, "state-mismatch", with_state(paid=11), remembers_number=True),
    Bad("locks nobody asked for", 422, "state-mismatch", with_state(payer_locked=1), remembers_number=True),
    Bad("no causes", 422, "no-causes", lambda p: replace(make_proposal(p, PAY), causes=()), remembers_number=True),
    Bad(
        "a cause applied before",
        409,
        "cause-repeated",
        lambda p: make_proposal(p, Pay(cause_id(1), 10)),
        remembers_number=True,
    ),
    Bad(
        "a refund nobody issued",
        422,
        "cause-not-issued",
        lambda p: make_proposal(p, Refund(cause_id(9), 1)),
        remembers_number=True,
    ),
    Bad(
        "too many causes",
        422,
        "too-many-causes",
        lambda p: make_proposal(p, *(Pay(cause_id(n), 1) for n in range(2, 260))),
        remembers_number=True,
    ),
    Bad("an amount as a number", 400, "malformed-field", twist=setter("causes", 0, "amount", value=10)),
    Bad("an amount with a point", 400, "malformed-field", twist=setter("causes", 0, "amount", value="1.5")),
    Bad("an amount in hex", 400, "malformed-field", twist=setter("causes", 0, "amount", value="0x10")),
    Bad("an amount with a leading zero", 400, "malformed-field", twist=setter("causes", 0, "amount", value="010")),
    Bad("a thousand digits", 400, "malformed-field", twist=setter("causes", 0, "amount", value="1" * 1000)),
    Bad("digits that are not ASCII", 400, "malformed-field", twist=setter("causes", 0, "amount", value="\u0661\u0660")),
    Bad("true for a sequence", 400, "malformed-field", twist=setter("state", "sequence", value=True)),
    Bad("null for a state", 400, "malformed-field", twist=setter("state", value=None)),
    Bad("an unknown cause", 400, "malformed-field", twist=setter("causes", 0, "type", value="AddLock")),
    Bad("a short cause id", 400, "malformed-field", twist=setter("causes", 0, "id", value="0x01")),
    Bad("a base that is no hex", 400, "malformed-field", twist=setter("base", value="0x" + "zz" * 32)),
    Bad("half a surrogate pair", 400, "malformed-json", twist=setter("causes", 0, "type", value="\ud800")),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_proposal_has_a_name_and_changes_nothing(world: NodeWorld, http: httpx.Client, bad: Bad) -> None:
    channel_id = world.open().channel_id
    assert submit(http, make_proposal(world.position(channel_id))).status_code == 200
    position, before, mark = world.position(channel_id), world.records(), world.signer.mark(channel_id)
    body = proposal_body(bad.make(position))
    bad.twist(body)

    response = http.post(
        states_path(channel_id), content=json.dumps(body), headers={"content-type": "application/json"}
    )

    document = problem(response, bad.status, bad.code)
    assert world.signer.mark(channel_id) == mark
    if bad.remembers_number:
        assert world.position(channel_id) == replace(position, highest_seen=2)
        assert document["newest"]["state"]["sequence"] == "1"
    else:
        assert world.records() == before
    assert submit(http, make_proposal(world.position(channel_id), Pay(cause_id(3), 1))).status_code == 200


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        (Unopened(), "channel-unopened"),
        (Closing(1_800_003_600, State(Bytes32(bytes(32)), 0, 0)), "channel-closing"),
        (Ended(990, 10), "channel-settled"),
    ],
)
def test_a_channel_that_is_not_open_takes_nothing_new(
    world: NodeWorld, http: httpx.Client, phase: Unopened | Closing | Ended, code: str
) -> None:
    position = world.open()
    assert submit(http, make_proposal(position)).status_code == 200
    world.set_phase(position.channel_id, phase)
    before = world.position(position.channel_id)

    response = submit(http, make_proposal(before, PAY))

    problem(response, 409, code)
    assert world.position(position.channel_id) == replace(before, highest_seen=2)


def test_a_replayed_proposal_moves_nothing_a_second_time(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()
    first = make_proposal(position)
    answer = submit(http, first)
    submit(http, make_proposal(world.position(position.channel_id), PAY))
    before = world.records()

    again = submit(http, first)

    assert (again.status_code, again.json()) == (200, answer.json())
    assert world.records() == before


def test_a_refused_number_is_used_up(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()
    too_much = make_proposal(position, Pay(cause_id(1), 1001))
    problem(submit(http, too_much), 422, "balance-exceeded")

    document = problem(submit(http, too_much), 409, "sequence-too-low")
    smaller = problem(submit(http, make_proposal(position, Pay(cause_id(1), 1), sequence=1)), 409, "sequence-too-low")

    assert document["values"] == smaller["values"] == {"got": "1", "highest": "1"}
    assert "newest" not in document


def test_an_unknown_channel_is_said_to_be_unknown(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open()
    before = world.records()
    elsewhere = Bytes32(b"\x07" * 32)

    response = http.post(states_path(elsewhere), json=proposal_body(make_proposal(position)))

    assert problem(response, 404, "unknown-channel")["values"] == {"channel_id": str(elsewhere)}
    assert world.records() == before


def test_a_state_signed_for_another_channel_is_by_the_wrong_signer(world: NodeWorld, http: httpx.Client) -> None:
    one, other = world.open(), world.open(make_channel(salt=2))

    response = http.post(states_path(other.channel_id), json=proposal_body(make_proposal(one)))

    problem(response, 403, "wrong-signer")
    assert world.position(other.channel_id) == other


def test_a_one_way_channel_takes_no_states(world: NodeWorld, http: httpx.Client) -> None:
    position = world.open(make_channel(one_way=True))

    problem(submit(http, make_proposal(position)), 409, "wrong-kind")

    assert world.position(position.channel_id) == position
