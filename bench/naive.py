"""The obvious way to write it: eth_account, pydantic models, one ORM row and one commit for each request."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.servers import serve_app
from bench.workload import DEPOSIT, Lane
from tests.support.parties import DOMAIN, PAYEE

_TYPES = {
    "State": [
        {"name": "channelId", "type": "bytes32"},
        {"name": "sequence", "type": "uint64"},
        {"name": "paid", "type": "int128"},
        {"name": "payerLocked", "type": "uint128"},
        {"name": "payeeLocked", "type": "uint128"},
        {"name": "locksRoot", "type": "bytes32"},
    ]
}


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "states"
    channel: Mapped[str] = mapped_column(String(66), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    paid: Mapped[str]
    payer_signature: Mapped[str]
    payee_signature: Mapped[str]


class _State(BaseModel):
    sequence: str
    paid: str
    payerLocked: str
    payeeLocked: str
    locksRoot: str


class _Cause(BaseModel):
    type: str
    id: str
    amount: str


class _Proposal(BaseModel):
    base: str
    state: _State
    signature: str
    causes: list[_Cause]


class _Signed(BaseModel):
    state: _State
    payerSignature: str
    payeeSignature: str


class _Answer(BaseModel):
    state: _Signed


def serve_naive(home: Path, lanes: Sequence[Lane], listening: socket.socket) -> None:
    """Serve the same request and answer, as durable, with as much history."""
    engine = create_engine(f"sqlite:///{home / 'naive.db'}")
    event.listen(engine, "connect", _durable)
    _Base.metadata.create_all(engine)
    payers = {str(lane.channel_id): str(lane.channel.payer_signer) for lane in lanes}
    app = FastAPI()

    @app.post("/v1/channels/{channel_id}/states")
    def propose(channel_id: str, body: _Proposal) -> _Answer:
        with Session(engine) as session:
            newest = session.query(_Row).filter_by(channel=channel_id).order_by(_Row.sequence.desc()).first()
            before = int(newest.paid) if newest else 0
            message = _message(channel_id, body.state)
            if Account.recover_message(message, signature=body.signature) != payers[channel_id]:
                raise HTTPException(403)
            paid = before + sum(int(cause.amount) for cause in body.causes)
            follows = int(body.state.sequence) > (newest.sequence if newest else 0)
            if not follows or paid != int(body.state.paid) or paid > DEPOSIT:
                raise HTTPException(409)
            signature = "0x" + Account.sign_message(message, PAYEE.key.secret).signature.hex()
            session.add(
                _Row(
                    channel=channel_id,
                    sequence=int(body.state.sequence),
                    paid=str(paid),
                    payer_signature=body.signature,
                    payee_signature=signature,
                )
            )
            session.commit()
        return _Answer(state=_Signed(state=body.state, payerSignature=body.signature, payeeSignature=signature))

    serve_app(app, listening)


def _durable(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 30000")


def _message(channel_id: str, state: _State) -> SignableMessage:
    domain = {"name": "Penstock", "version": "1", "chainId": DOMAIN.chain_id, "verifyingContract": str(DOMAIN.contract)}
    values = {
        "channelId": bytes.fromhex(channel_id[2:]),
        "sequence": int(state.sequence),
        "paid": int(state.paid),
        "payerLocked": int(state.payerLocked),
        "payeeLocked": int(state.payeeLocked),
        "locksRoot": bytes.fromhex(state.locksRoot[2:]),
    }
    return encode_typed_data(domain, _TYPES, values)
