"""Payments signed beforehand, so that measuring a server is not measuring the one who signs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from penstock.protocol.causes import Pay
from penstock.protocol.messages import Channel, SignedState
from penstock.protocol.onchain import Open
from penstock.protocol.position import Funds, Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.proposals import Proposal, propose
from penstock.protocol.wire import proposal_to_json
from tests.support.parties import DOMAIN, PAYEE, TOKEN, Party

DEPOSIT = 10**12
_FIRST_PAYER = 5000


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel and the proposals that follow one another in it."""

    channel_id: Bytes32
    channel: Channel
    proposals: tuple[Proposal, ...]

    @property
    def position(self) -> Position:
        """The payee's position before the first proposal."""
        return Position(self.channel_id, self.channel, Open(), Funds(DEPOSIT))


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as bytes, and the digest that its answer must be signed over."""

    raw: bytes
    digest: Bytes32


def make_lanes(channels: int, payments: int) -> list[Lane]:
    """Sign ``payments`` payments in each of ``channels`` channels."""
    return [_lane(number, payments) for number in range(channels)]


def _lane(number: int, payments: int) -> Lane:
    payer = Party.number(_FIRST_PAYER + number)
    channel = Channel(payer.address, PAYEE.address, payer.address, PAYEE.address, TOKEN, 3600, one_way=False, salt=1)
    channel_id = DOMAIN.channel_id(channel)
    position = Position(channel_id, channel, Open(), Funds(DEPOSIT))
    proposals = []
    for count in range(payments):
        cause = Pay(Bytes32(number.to_bytes(16, "big") + count.to_bytes(16, "big")), 1)
        position, unsigned = propose(position, [cause], DOMAIN)
        proposals.append(replace(unsigned, signature=payer.sign(unsigned.state)))
        # The payee's half is not needed to number on: the base is the state's digest.
        position = replace(position, newest=SignedState(unsigned.state, b""), unanswered=())
    return Lane(channel_id, channel, tuple(proposals))


def to_requests(lane: Lane) -> list[Request]:
    """Write a lane's proposals as HTTP requests."""
    path = f"/v1/channels/{lane.channel_id}/states"
    requests = []
    for proposal in lane.proposals:
        body = msgspec.json.encode(proposal_to_json(proposal))
        head = (
            f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        requests.append(Request(head.encode() + body, DOMAIN.digest(proposal.state)))
    return requests


PAYEE_ADDRESS: Address = PAYEE.address
