"""What OpenAPI shows beside the types: problem documents by endpoint, and examples."""

from __future__ import annotations

from typing import Any

from penstock.api.errors import BodyTooLarge, ContentTypeUnsupported, MalformedJson
from penstock.api.problems import MEDIA_TYPE, Problem, status_of, title_of
from penstock.protocol.errors import (
    AmountOutOfRange,
    HighS,
    MalformedField,
    MalformedSignature,
    PenstockError,
    UnknownChannel,
    WrongKind,
    WrongSigner,
)
from penstock.storage.errors import StorageUnavailable

TITLE = "Penstock node"
DESCRIPTION = """
Payment channels: a payer signs states off chain, this node (the payee) co-signs them, the chain settles.

* **Amounts** are decimal strings in the token's smallest unit; **bytes** are 0x-hex; times are seconds since the epoch.
* **Signatures** are EIP-712, 65 bytes, low-s, v 27 or 28, under the domain `("Penstock", "1", chainId, contract)`.
* **Writes by a payer** need no header: the signed message is the proof. **Reads** of a channel need
  `Authorization: Penstock issuedAt=<seconds>, signature=0x…` (a signed `Request(string method,string path,uint64
  issuedAt)` of one of its signers) or the operator's `Authorization: Bearer <token>`.
* **Errors** are problem documents (RFC 9457): `code` is stable, `values` holds what was compared, `remedy` says what
  to do. An error changes nothing, but that the number of a refused proposal is used up.
* **Everything can be repeated**: the same request gets the same answer, and nothing happens twice.
"""

TAGS = [
    {"name": "channels", "description": "Register and show channels."},
    {"name": "states", "description": "Two-way channels: proposals, co-signatures, history, refunds."},
    {"name": "vouchers", "description": "One-way channels: cumulative vouchers, and collecting them."},
    {"name": "exits", "description": "Withdrawals and agreed closes, signed by both."},
    {"name": "service", "description": "What this node is, and how it is doing."},
]

CHANNEL_ID = "0x5c0dc2e3bd7a2ffb0e2a6a1b9a0ae6b3b9c1b8e86bb2ce0ca8c8d5e2c4a9f001"
_SIGNATURE = "0x" + "5b" * 32 + "2f" * 32 + "1b"
_CAUSE_ID = "0x" + "a7" * 32
_WORD = "0x" + "3e" * 32
_ZERO = "0x" + "00" * 32
_PAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_PAYEE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
_TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # noqa: S105 (a token's address)
_CONTRACT = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"

_CHANNEL = {
    "payer": _PAYER,
    "payee": _PAYEE,
    "payerSigner": _PAYER,
    "payeeSigner": _PAYEE,
    "token": _TOKEN,
    "challengePeriodSeconds": 86400,
    "oneWay": False,
    "salt": "1",
}
_STATE = {"sequence": "12", "paid": "300000", "payerLocked": "0", "payeeLocked": "0", "locksRoot": _ZERO}
_SIGNED = {"state": _STATE, "payerSignature": _SIGNATURE, "payeeSignature": _SIGNATURE}
_PAY = {"type": "Pay", "id": _CAUSE_ID, "amount": "25000"}
_REFUND = {"type": "Refund", "id": _CAUSE_ID, "amount": "5000"}
_VOUCHER = {"paid": "300000", "payerSignature": _SIGNATURE}
_WITHDRAWAL = {"payerTotal": "1000000", "payeeTotal": "0", "deadline": 1790000000}
_TRANSACTION = {
    "key": f"close:{CHANNEL_ID}:300000",
    "purpose": "close",
    "channelId": CHANNEL_ID,
    "status": "queued",
    "hash": None,
    "blockNumber": None,
    "gasUsed": None,
    "gasPrice": None,
    "failure": None,
    "createdAt": 1789990000,
}
_REPLY: dict[str, Any] = {
    "channelId": CHANNEL_ID,
    "channel": _CHANNEL,
    "phase": "open",
    "deadline": None,
    "payerDeposit": "10000000",
    "payeeDeposit": "0",
    "payerWithdrawn": "0",
    "payeeWithdrawn": "0",
    "pendingDeposit": "0",
    "newest": _SIGNED,
    "voucher": None,
    "highestSeen": "12",
    "payerFree": "9700000",
    "payeeFree": "300000",
    "closePaid": None,
    "refunds": [],
}

REGISTRATION = {
    "registered": {
        "summary": "A channel that was opened on chain, or will be",
        "value": {"chainId": 31337, "contract": _CONTRACT, "channel": _CHANNEL},
    },
    "gasless": {
        "summary": "The node pays the gas of the first deposit",
        "value": {
            "chainId": 31337,
            "contract": _CONTRACT,
            "channel": _CHANNEL,
            "opening": {
                "amount": "10000000",
                "authSalt": _WORD,
                "validAfter": 0,
                "validBefore": 1790000000,
                "signature": _SIGNATURE,
            },
        },
    },
}
PROPOSAL = {
    "payment": {
        "summary": "A payment of 0.025 USDC",
        "value": {"base": _WORD, "state": _STATE, "signature": _SIGNATURE, "causes": [_PAY]},
    },
    "first": {
        "summary": "The first state of a channel builds on the zero base",
        "value": {
            "base": _ZERO,
            "state": {"sequence": "1", "paid": "25000"},
            "signature": _SIGNATURE,
            "causes": [_PAY],
        },
    },
}
VOUCHER = {"voucher": {"summary": "The total paid so far, not the single payment", "value": _VOUCHER}}
REFUND = {"refund": {"summary": "A refund of 0.005 USDC", "value": {"id": _CAUSE_ID, "amount": "5000"}}}
COLLECTIONS = {"collections": {"summary": "Every channel that owes a dollar or more", "value": {"minimum": "1000000"}}}
WITHDRAWAL = {
    "withdrawal": {
        "summary": "The payer takes 1 USDC out, the node sends it",
        "value": {"withdrawal": _WITHDRAWAL, "payerSignature": _SIGNATURE, "submit": True},
    }
}
CLOSE = {
    "close": {
        "summary": "Close at the newest co-signed state's paid",
        "value": {"paid": "300000", "payerSignature": _SIGNATURE},
    }
}

REPLIES: dict[str, Any] = {
    "registration": {
        "channelId": CHANNEL_ID,
        "channel": _CHANNEL,
        "phase": "none",
        "payerDeposit": "0",
        "payeeDeposit": "0",
        "pendingDeposit": "0",
        "transaction": _TRANSACTION | {"key": f"open:{CHANNEL_ID}:{_WORD}", "purpose": "open"},
    },
    "channel": _REPLY,
    "channels": {"channels": [_REPLY], "next": CHANNEL_ID},
    "state": {"state": _SIGNED, "refunds": [_REFUND]},
    "latest": {"newest": _SIGNED, "highestSeen": "12", "refunds": []},
    "history": {"states": [{"signed": _SIGNED, "causes": [_PAY], "recordedAt": 1789990000}], "next": "12"},
    "voucher": {"paid": "300000", "remaining": "9700000"},
    "latest_voucher": {"voucher": _VOUCHER},
    "refund": _REFUND,
    "withdrawal": {
        "withdrawal": _WITHDRAWAL,
        "payerSignature": _SIGNATURE,
        "payeeSignature": _SIGNATURE,
        "transaction": _TRANSACTION | {"key": f"withdraw:{CHANNEL_ID}:1790000000:1000000:0", "purpose": "withdraw"},
    },
    "close": {
        "paid": "300000",
        "payerSignature": _SIGNATURE,
        "payeeSignature": _SIGNATURE,
        "transaction": _TRANSACTION,
    },
    "collect": {"transaction": _TRANSACTION | {"key": f"collect:{CHANNEL_ID}:300000", "purpose": "collect"}},
    "collections": {
        "transactions": [_TRANSACTION | {"key": "collect-many:5d2c0a91", "purpose": "collect", "channelId": None}],
        "left": 0,
    },
    "transactions": {"transactions": [_TRANSACTION]},
    "node": {
        "version": "0.1.0",
        "chainId": 31337,
        "contract": _CONTRACT,
        "payee": _PAYEE,
        "payeeSigner": _PAYEE,
        "tokens": [_TOKEN],
        "challengePeriodSeconds": {"minimum": 3600, "maximum": 2592000},
        "withdrawalWindowSeconds": {"minimum": 60, "maximum": 86400},
        "confirmations": 1,
        "relays": True,
        "relayMinimumDeposit": "1000000",
        "watchers": ["http://127.0.0.1:8403"],
    },
    "links": {
        "service": "penstock node",
        "version": "0.1.0",
        "node": "/v1/node",
        "health": "/v1/health",
        "metrics": "/metrics",
        "documentation": "/docs",
        "openapi": "/openapi.json",
    },
    "metrics": 'penstock_states_accepted_total{repeated="false"} 1000.0',
    "error": {
        "code": "unknown-base",
        "title": "The proposal builds on a state that is not the newest co-signed one",
        "status": 409,
        "remedy": "Fetch the latest state and propose on it again with a higher number.",
    },
    "health": {
        "status": "ok",
        "head": {"number": 4711, "time": 1789990000, "lagSeconds": 1},
        "database": "ok",
        "signer": "ok",
        "watcherBacklog": 0,
    },
}


BODY_FAULTS: tuple[type[PenstockError], ...] = (
    MalformedJson,
    MalformedField,
    AmountOutOfRange,
    BodyTooLarge,
    ContentTypeUnsupported,
)
"""What any endpoint with a body and figures in it may answer."""

SIGNED_BODY_FAULTS = (*BODY_FAULTS, UnknownChannel, WrongKind, MalformedSignature, HighS, WrongSigner)
"""What any endpoint that takes a payer's signature for a channel may answer."""


def answers(example: str, *faults: type[PenstockError], status: int = 200, says: str) -> dict[int | str, Any]:
    """Return an endpoint's ``responses``: its good answer by example, and each fault by name.

    Parameters
    ----------
    example
        Key in `REPLIES`.
    faults
        Every error the endpoint answers with, beside those of the records.
    """
    media_type = "text/plain" if isinstance(REPLIES[example], str) else "application/json"
    described: dict[int | str, Any] = {
        status: {"description": says, "content": {media_type: {"example": REPLIES[example]}}}
    }
    named: list[type[PenstockError]] = [*faults, StorageUnavailable]
    for fault in named:
        answer = described.setdefault(status_of(fault), {"model": Problem, "description": "", "content": {}})
        line = f"`{fault.code}`: {title_of(fault)}."
        answer["description"] = f"{answer['description']}\n\n{line}".strip()
        shown = answer["content"].setdefault(MEDIA_TYPE, {"examples": {}})
        shown["schema"] = {"$ref": "#/components/schemas/Problem"}
        shown["examples"][fault.code] = {"summary": title_of(fault), "value": _sample(fault)}
    return described


def _sample(fault: type[PenstockError]) -> dict[str, Any]:
    return {
        "type": f"/errors/{fault.code}",
        "title": title_of(fault),
        "status": status_of(fault),
        "detail": fault.message,
        "code": fault.code,
        "remedy": fault.remedy,
        "instance": f"/v1/channels/{CHANNEL_ID}",
        "values": {},
    }
