"""Requests as JSON: well-formed ones, for tests to twist."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx

from penstock.protocol.messages import Channel, Close, Withdrawal
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import Proposal
from penstock.protocol.wire import channel_to_json, hex_of, proposal_to_json, withdrawal_to_json
from tests.support.parties import DOMAIN, PAYER, Party

Json = dict[str, Any]


def proposal_body(proposal: Proposal) -> Json:
    """Return a proposal as the API takes it."""
    return dataclasses.asdict(proposal_to_json(proposal))


def registration_body(channel: Channel, **changes: Any) -> Json:
    """Return the registration of a channel's terms."""
    terms = dataclasses.asdict(channel_to_json(channel))
    return {"chainId": DOMAIN.chain_id, "contract": str(DOMAIN.contract), "channel": terms} | changes


def withdrawal_body(withdrawal: Withdrawal, *, signer: Party = PAYER, submit: bool = False) -> Json:
    """Return a withdrawal that the payer signed."""
    return {
        "withdrawal": dataclasses.asdict(withdrawal_to_json(withdrawal)),
        "payerSignature": hex_of(signer.sign(withdrawal)),
        "submit": submit,
    }


def close_body(channel_id: Bytes32, paid: int, *, signer: Party = PAYER) -> Json:
    """Return an agreed close that the payer signed."""
    return {"paid": str(paid), "payerSignature": hex_of(signer.sign(Close(channel_id, paid)))}


def states_path(channel_id: Bytes32) -> str:
    """Return where proposals go."""
    return f"/v1/channels/{channel_id}/states"


def submit(http: httpx.Client, proposal: Proposal) -> httpx.Response:
    """Submit a proposal."""
    return http.post(states_path(proposal.state.channel_id), json=proposal_body(proposal))


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """Check that the answer is a whole problem document with this status and code, and return it."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document: Json = response.json()
    assert (response.status_code, document["status"], document["code"]) == (status, status, code), document
    assert document["type"] == f"/errors/{code}"
    assert document["instance"] == response.request.url.path
    assert all(document[member] for member in ("title", "detail", "remedy"))
    assert "Traceback" not in response.text
    return document
