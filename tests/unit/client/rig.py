"""A client on real records, with a payee and a chain that live in the test's memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from penstock.api.problems import problem_of
from penstock.chain.errors import RpcUnavailable
from penstock.chain.signer import Signer
from penstock.client.asynchronous import AsyncClient
from penstock.client.book import Book
from penstock.client.exchange import Exchange
from penstock.client.lane import Session
from penstock.client.node_api import NodeApi
from penstock.client.patience import Patience
from penstock.client.ports import ChainView, SignedTransfer
from penstock.client.watchers import WatcherAddress, WatcherClient
from penstock.node.records import Intent, Outcome, Transaction, TransactionStatus, Wishes
from penstock.protocol.causes import Refund
from penstock.protocol.errors import PeerFault, PenstockError, UnknownChannel
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.messages import Channel, SignedState, State, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open
from penstock.protocol.position import Funds, Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.proposals import CauseRecords, accept, check_authentic, refuse
from penstock.protocol.vouchers import accept_voucher
from penstock.protocol.wire import (
    CauseJson,
    ChannelJson,
    ProposalJson,
    StateJson,
    VoucherJson,
    WithdrawalJson,
    cause_to_json,
    channel_from_json,
    channel_to_json,
    close_from_json,
    hex_of,
    proposal_from_json,
    signature_from_json,
    signed_state_to_json,
    voucher_from_json,
    voucher_to_json,
    withdrawal_from_json,
    withdrawal_to_json,
)
from penstock.storage import Database
from tests.support.parties import DOMAIN, PAYEE, PAYER, TOKEN, Party

URL = "http://node.example"
DEPOSIT = 1000
QUICK = Patience(
    request_seconds=1, answer_seconds=0.05, chain_seconds=0.2, poll_seconds=0.01, refresh_seconds=60, stale_seconds=60
)

Lie = Callable[[str, dict[str, Any]], Any]
"""Takes ``METHOD /path`` and the honest answer; returns what is answered instead."""


class Chain:
    """A chain whose blocks are whatever the test says; implements `penstock.client.ports.Chain`."""

    def __init__(self) -> None:
        self.channels: dict[Bytes32, OnChain] = {}
        self.terms: dict[Bytes32, Channel] = {}
        self.sent: list[str] = []
        self.time = int(time.time())
        self.down = False
        self.unconfirmed = False

    async def view(self, channel_id: Bytes32) -> ChainView:
        if self.down:
            raise RpcUnavailable("http://rpc.example", "eth_call", "connection refused")
        head = self.channels.get(channel_id, OnChain())
        return ChainView(OnChain() if self.unconfirmed else head, head, self.time, self.time)

    async def opened_by(self, payer: Address, first_block: int) -> list[Channel]:
        return [terms for terms in self.terms.values() if terms.payer == payer]

    async def sign_transfer(
        self, channel_id: Bytes32, channel: Channel, amount: int, auth_salt: Bytes32, valid_before: int
    ) -> SignedTransfer:
        return SignedTransfer(amount, auth_salt, 0, valid_before, b"\1" * 65)

    async def deposit(self, channel_id: Bytes32, channel: Channel, amount: int, total_before: int) -> Transaction:
        self.fund(channel, amount)
        return self._transaction("deposit", channel_id)

    async def withdraw(
        self, channel: Channel, withdrawal: Withdrawal, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        self.pay_out(withdrawal)
        return self._transaction("withdraw", withdrawal.channel_id)

    async def close(
        self, channel_id: Bytes32, channel: Channel, paid: int, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        self.end(channel_id, paid)
        return self._transaction("close", channel_id)

    async def start_close(self, channel_id: Bytes32, channel: Channel, signed: SignedState | None) -> Transaction:
        state = signed.state if signed else State(channel_id, 0, 0)
        self.channels[channel_id] = replace(self.channels[channel_id], phase=Closing(self.time + 3600, state))
        return self._transaction("start-close", channel_id)

    async def settle(self, channel_id: Bytes32, channel: Channel) -> Transaction:
        self.end(channel_id, 0)
        return self._transaction("settle", channel_id)

    def fund(self, channel: Channel, amount: int) -> None:
        channel_id = DOMAIN.channel_id(channel)
        before = self.channels.get(channel_id, OnChain())
        self.terms[channel_id] = channel
        self.channels[channel_id] = replace(before, phase=Open(), payer_deposit=before.payer_deposit + amount)

    def pay_out(self, withdrawal: Withdrawal) -> None:
        before = self.channels[withdrawal.channel_id]
        self.channels[withdrawal.channel_id] = replace(before, payer_withdrawn=withdrawal.payer_total)

    def end(self, channel_id: Bytes32, paid: int) -> None:
        before = self.channels[channel_id]
        self.channels[channel_id] = replace(before, phase=Ended(before.payer_deposit - paid, paid))

    def _transaction(self, purpose: str, channel_id: Bytes32) -> Transaction:
        self.sent.append(purpose)
        word = Bytes32(bytes(32))
        intent = Intent(f"{purpose}:{channel_id}", purpose, DOMAIN.contract, b"", channel_id)
        status, outcome = TransactionStatus.MINED, Outcome(word, 1, 1, 1)
        return Transaction(
            id=1,
            intent=intent,
            sender=PAYER.address,
            status=status,
            hashes=(word,),
            empty_hashes=(),
            wishes=Wishes(),
            started_at=0,
            signed=None,
            outcome=outcome,
            failure=None,
            created_at=0,
        )


def streamed(response: httpx.Response) -> httpx.Response:
    """Return the response as it comes from a network: not read yet."""
    return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(response.content))


@dataclass
class FakeNode:
    """A payee that follows the protocol, unless told to lie, to drop requests or to lose answers."""

    chain: Chain
    party: Party = PAYEE
    positions: dict[Bytes32, Position] = field(default_factory=dict)
    signed: dict[tuple[Bytes32, int], SignedState] = field(default_factory=dict)
    applied: set[Bytes32] = field(default_factory=set)
    refunds: dict[Bytes32, Refund] = field(default_factory=dict)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    drop: int = 0
    lose: int = 0
    lie: Lie | None = None
    refuse_with: PenstockError | None = None
    before_answer: Callable[[str], None] | None = None

    def sent(self, ending: str) -> list[bytes]:
        """The bodies of all requests whose path ends like this."""
        return [body for request, body in self.received if request.endswith(ending)]

    async def handle(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        body = request.content
        if self.drop:
            self.drop -= 1
            raise httpx.ConnectError("connection refused")
        self.received.append((name, body))
        if self.before_answer:
            self.before_answer(name)
        answer = streamed(self._answer(name, json.loads(body) if body else {}))
        if self.lose:
            self.lose -= 1
            raise httpx.ReadError("connection reset")
        return answer

    def _answer(self, name: str, body: dict[str, Any]) -> httpx.Response:
        try:
            if self.refuse_with and name.startswith("POST"):
                raise self.refuse_with
            shape = self._serve(name, body)
        except PenstockError as error:
            shape, status = msgspec.to_builtins(problem_of(error, name)), problem_of(error, name).status
            position = self.positions.get(self._id(name)) if name.count("/") > 2 else None
            if position and position.newest and name.endswith("/states"):
                shape["newest"] = msgspec.to_builtins(signed_state_to_json(position.newest))
        else:
            status = 200
        if self.lie:
            lied = self.lie(name, shape)
            if isinstance(lied, httpx.Response):
                return lied
            shape = lied
        return httpx.Response(status, content=msgspec.json.encode(shape))

    def _serve(self, name: str, body: dict[str, Any]) -> Any:
        match name.split("/")[2:]:
            case ["node"]:
                return self._info()
            case ["channels"]:
                return self._register(body)
            case ["channels", _]:
                return self.show(self._load(name))
            case ["channels", _, what]:
                posts = {
                    "states": self._co_sign,
                    "vouchers": self._take_voucher,
                    "withdrawals": self._withdraw,
                    "close": self._close,
                }
                return posts[what](self._load(name), body)
        raise AssertionError(name)

    def _info(self) -> Any:
        return {
            "version": "1",
            "chainId": DOMAIN.chain_id,
            "contract": str(DOMAIN.contract),
            "payee": str(self.party.address),
            "payeeSigner": str(self.party.address),
            "tokens": [str(TOKEN)],
            "challengePeriodSeconds": {"minimum": 60, "maximum": 7200},
            "withdrawalWindowSeconds": {"minimum": 60, "maximum": 1800},
            "confirmations": 1,
            "relays": True,
            "relayMinimumDeposit": "10",
        }

    def _register(self, body: dict[str, Any]) -> Any:
        channel = channel_from_json(ChannelJson(**body["channel"]))
        channel_id = DOMAIN.channel_id(channel)
        if body["opening"]:
            self.chain.fund(channel, int(body["opening"]["amount"]))
        self.positions.setdefault(channel_id, Position(channel_id, channel, Open(), Funds()))
        return self.show(self._refreshed(channel_id))

    def show(self, position: Position) -> Any:
        return {
            "channelId": str(position.channel_id),
            "channel": channel_to_json(position.channel),
            "phase": position.phase.name,
            "payerDeposit": str(position.funds.payer_deposit),
            "newest": signed_state_to_json(position.newest) if position.newest else None,
            "voucher": voucher_to_json(position.voucher) if position.voucher else None,
            "highestSeen": str(position.highest_seen),
            "refunds": self._waiting(),
        }

    def _co_sign(self, position: Position, body: dict[str, Any]) -> Any:
        causes = [CauseJson(**cause) for cause in body["causes"]]
        shape = ProposalJson(body["base"], StateJson(**body["state"]), body["signature"], causes)
        proposal = proposal_from_json(position.channel_id, shape)
        key = (position.channel_id, proposal.state.sequence)
        known = self.signed.get(key)
        if not check_authentic(position, proposal, known.state if known else None, DOMAIN):
            records = CauseRecords(frozenset(self.applied), self.refunds)
            try:
                after = accept(position, proposal, records, DOMAIN)
            except PeerFault:
                self.positions[position.channel_id] = refuse(position, proposal)
                raise
            self.signed[key] = SignedState(proposal.state, proposal.signature, self.party.sign(proposal.state))
            self.positions[position.channel_id] = replace(after, newest=self.signed[key])
            self.applied |= {cause.cause_id for cause in proposal.causes}
        return {"state": signed_state_to_json(self.signed[key]), "refunds": self._waiting()}

    def _waiting(self) -> list[CauseJson]:
        return [cause_to_json(refund) for refund in self.refunds.values() if refund.cause_id not in self.applied]

    def _take_voucher(self, position: Position, body: dict[str, Any]) -> Any:
        signed = voucher_from_json(position.channel_id, VoucherJson(**body))
        self.positions[position.channel_id] = accept_voucher(position, signed, DOMAIN)
        return {"paid": body["paid"], "remaining": str(position.funds.payer_deposit - signed.voucher.paid)}

    def _withdraw(self, position: Position, body: dict[str, Any]) -> Any:
        withdrawal = withdrawal_from_json(position.channel_id, WithdrawalJson(**body["withdrawal"]))
        signature_from_json(body["payerSignature"], "payerSignature")
        if withdrawal.payer_total > position.funds.payer_withdrawn:
            check_withdrawal(position, withdrawal, self.chain.time + 60, self.chain.time + 1800)
        if body["submit"]:
            self.chain.pay_out(withdrawal)
        return {
            "withdrawal": withdrawal_to_json(withdrawal),
            "payeeSignature": hex_of(self.party.sign(withdrawal)),
        }

    def _close(self, position: Position, body: dict[str, Any]) -> Any:
        close = close_from_json(position.channel_id, body["paid"])
        self.positions[position.channel_id] = check_close(position, close)
        self.chain.end(position.channel_id, close.paid)
        return {"paid": str(close.paid), "payeeSignature": hex_of(self.party.sign(close))}

    def _load(self, name: str) -> Position:
        channel_id = self._id(name)
        if channel_id not in self.positions:
            raise UnknownChannel(str(channel_id))
        return self._refreshed(channel_id)

    def _refreshed(self, channel_id: Bytes32) -> Position:
        seen = self.chain.channels.get(channel_id, OnChain())
        funds = Funds(seen.payer_deposit, seen.payee_deposit, seen.payer_withdrawn, seen.payee_withdrawn)
        self.positions[channel_id] = replace(self.positions[channel_id], funds=funds, phase=seen.phase)
        return self.positions[channel_id]

    @staticmethod
    def _id(name: str) -> Bytes32:
        return Bytes32.parse(name.split("/")[3], "channelId")


@dataclass
class Rig:
    """Everything around one client: the payee, the chain, the client's directory; `client` starts a process."""

    home: Path
    chain: Chain = field(default_factory=Chain)
    patience: Patience = QUICK
    watchers: list[Any] = field(default_factory=list)
    on_evidence: Callable[[], None] | None = None
    woken: int = 0

    def __post_init__(self) -> None:
        self.node = FakeNode(self.chain)

    @contextmanager
    def client(self, party: Party = PAYER) -> Iterator[AsyncClient]:
        """Run the client as after a start, on what is in its directory."""
        self.home.mkdir(exist_ok=True)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.node.handle))
        signer = Signer(party.key.secret, self.home / "marks.db", DOMAIN)
        self.database = database = Database(f"sqlite:///{self.home / 'client.db'}", barrier=signer.flush)
        database.migrate()
        try:
            session = Session(
                node=NodeApi(Exchange(URL, http, self.patience), lambda method, path: f"signed {method} {path}"),
                chain=self.chain,
                database=database,
                book=Book(signer, DOMAIN, time.time),
                patience=self.patience,
                evidence_changed=self._wake,
            )
            yield AsyncClient(session, party.address, self.watchers)
        finally:
            database.close()
            signer.close()

    def watcher(
        self, handle: Callable[[httpx.Request], httpx.Response], signer: Address | None = None
    ) -> WatcherClient:
        """Return a client of a watcher that answers with ``handle``."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: streamed(handle(request))))
        address = WatcherAddress("http://watcher.example", signer)
        return WatcherClient(address, http, DOMAIN, self.patience, partial("{} {}".format))

    def _wake(self) -> None:
        self.woken += 1
        if self.on_evidence:
            self.on_evidence()
