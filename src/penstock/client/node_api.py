"""The node's HTTP interface as typed calls. Shapes are checked here, signatures by the callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from penstock.client.errors import NodeMisbehaved, NodeUnreachable
from penstock.client.exchange import ANSWER_BYTES_MAX, Answer, Exchange, NoAnswer, TooLong
from penstock.client.problems import Problem, error_of
from penstock.client.shapes import (
    ChannelReply,
    CloseReply,
    CloseRequest,
    NodeInfo,
    OpeningJson,
    RegistrationJson,
    StateReply,
    VoucherReply,
    WithdrawalReply,
    WithdrawalRequest,
)
from penstock.protocol.causes import Refund
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.messages import Channel, Close, SignedState, SignedVoucher, Withdrawal
from penstock.protocol.primitives import UINT64_MAX, Bytes32, parse_int
from penstock.protocol.proposals import Proposal
from penstock.protocol.wire import (
    CauseJson,
    cause_from_json,
    channel_from_json,
    channel_to_json,
    close_from_json,
    hex_of,
    proposal_to_json,
    signature_from_json,
    signed_state_from_json,
    voucher_from_json,
    voucher_to_json,
    withdrawal_from_json,
    withdrawal_to_json,
)

T = TypeVar("T")
Authorize = Callable[[str, str], str]
"""Returns the ``Authorization`` header for a method and a path."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused proposal: why, and the newest co-signed state as the node tells it (unchecked)."""

    error: PenstockError
    newest: SignedState | None


@dataclass(frozen=True, slots=True)
class StateAnswer:
    """A state with, allegedly, both signatures, and the refunds that wait."""

    signed: SignedState
    refunds: tuple[Refund, ...]


@dataclass(frozen=True, slots=True)
class NodeView:
    """A channel as the node tells it: a hint in all but what our own signature proves."""

    channel: Channel
    phase: str
    payer_deposit: int
    newest: SignedState | None
    voucher: SignedVoucher | None
    highest_seen: int
    refunds: tuple[Refund, ...]


class NodeApi:
    """Call the node.

    Every method raises `NodeUnreachable` when no answer comes in time, `NodeMisbehaved` for an answer of another
    form than agreed, and otherwise the error that the node names.
    """

    def __init__(self, exchange: Exchange, authorize: Authorize) -> None:
        self._exchange = exchange
        self._authorize = authorize

    @property
    def url(self) -> str:
        """Return the node's address."""
        return self._exchange.url

    async def info(self) -> NodeInfo:
        """Ask what the node is and takes."""
        return await self._call("GET", "/v1/node", None, NodeInfo)

    async def register(self, domain: Domain, channel: Channel, opening: OpeningJson | None = None) -> NodeView:
        """Tell the node of a channel, with a signed deposit for it to relay."""
        body = RegistrationJson(domain.chain_id, str(domain.contract), channel_to_json(channel), opening)
        channel_id = domain.channel_id(channel)
        reply = await self._call("POST", "/v1/channels", body, ChannelReply)
        return self._read("POST /v1/channels", lambda: _view(channel_id, reply))

    async def show(self, channel_id: Bytes32) -> NodeView:
        """Ask what the node holds of a channel, as one of its parties."""
        path = f"/v1/channels/{channel_id}"
        reply = await self._call("GET", path, None, ChannelReply, signed=True)
        return self._read(f"GET {path}", lambda: _view(channel_id, reply))

    async def propose(self, proposal: Proposal) -> StateAnswer | Refusal:
        """Submit a proposal."""
        channel_id = proposal.state.channel_id
        path = f"/v1/channels/{channel_id}/states"
        answer = await self._ask("POST", path, msgspec.json.encode(proposal_to_json(proposal)))
        if not answer.ok:
            problem = self._problem(answer, f"POST {path}")
            newest = problem.newest
            error = error_of(problem, self.url, answer.status)
            if newest is None:
                return Refusal(error, None)
            return Refusal(error, self._read(f"POST {path}", lambda: signed_state_from_json(channel_id, newest)))
        reply = self._decode(answer, f"POST {path}", StateReply)
        return self._read(
            f"POST {path}",
            lambda: StateAnswer(signed_state_from_json(channel_id, reply.state), _refunds(reply.refunds)),
        )

    async def submit_voucher(self, signed: SignedVoucher) -> int:
        """Submit a voucher; return the total that the node accepted."""
        path = f"/v1/channels/{signed.voucher.channel_id}/vouchers"
        reply = await self._call("POST", path, voucher_to_json(signed), VoucherReply)
        return self._read(f"POST {path}", lambda: close_from_json(signed.voucher.channel_id, reply.paid).paid)

    async def withdraw(
        self, withdrawal: Withdrawal, payer_signature: bytes, *, submit: bool
    ) -> tuple[Withdrawal, bytes]:
        """Ask the node to sign a withdrawal and, if ``submit``, to send it; return it with the payee's signature."""
        path = f"/v1/channels/{withdrawal.channel_id}/withdrawals"
        body = WithdrawalRequest(withdrawal_to_json(withdrawal), hex_of(payer_signature), submit)
        reply = await self._call("POST", path, body, WithdrawalReply)
        return self._read(
            f"POST {path}",
            lambda: (
                withdrawal_from_json(withdrawal.channel_id, reply.withdrawal),
                signature_from_json(reply.payeeSignature, "payeeSignature"),
            ),
        )

    async def close(self, close: Close, payer_signature: bytes) -> tuple[Close, bytes]:
        """Ask the node to sign an agreed close and to send it; return it with the payee's signature."""
        path = f"/v1/channels/{close.channel_id}/close"
        reply = await self._call("POST", path, CloseRequest(str(close.paid), hex_of(payer_signature)), CloseReply)
        return self._read(
            f"POST {path}",
            lambda: (
                close_from_json(close.channel_id, reply.paid),
                signature_from_json(reply.payeeSignature, "payeeSignature"),
            ),
        )

    async def _call(self, method: str, path: str, body: object, shape: type[T], *, signed: bool = False) -> T:
        request = f"{method} {path}"
        encoded = None if body is None else msgspec.json.encode(body)
        answer = await self._ask(method, path, encoded, signed=signed)
        if not answer.ok:
            raise error_of(self._problem(answer, request), self.url, answer.status)
        return self._decode(answer, request, shape)

    async def _ask(self, method: str, path: str, body: bytes | None, *, signed: bool = False) -> Answer:
        request = f"{method} {path}"
        headers = {"authorization": self._authorize(method, path)} if signed else {}
        try:
            return await self._exchange.ask(method, path, body, headers)
        except NoAnswer as error:
            raise NodeUnreachable(self.url, request, str(error)) from error
        except TooLong as error:
            raise NodeMisbehaved(
                self.url, request, f"at most {ANSWER_BYTES_MAX} bytes, not nested without end", "a larger answer"
            ) from error

    def _problem(self, answer: Answer, request: str) -> Problem:
        problem = self._decode(answer, request, Problem)
        if not problem.code:
            raise NodeMisbehaved(self.url, request, "a problem document with a code", _excerpt(answer))
        return problem

    def _decode(self, answer: Answer, request: str, shape: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NodeMisbehaved(self.url, request, f"{shape.__name__} as JSON ({error})", _excerpt(answer)) from error

    def _read(self, request: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except PenstockError as error:
            raise NodeMisbehaved(self.url, request, "fields of their form", str(error)) from error


def _view(channel_id: Bytes32, reply: ChannelReply) -> NodeView:
    return NodeView(
        channel=channel_from_json(reply.channel),
        phase=reply.phase,
        payer_deposit=parse_int(reply.payerDeposit, "payerDeposit", 0, 2**128),
        newest=signed_state_from_json(channel_id, reply.newest) if reply.newest else None,
        voucher=voucher_from_json(channel_id, reply.voucher) if reply.voucher else None,
        highest_seen=parse_int(reply.highestSeen, "highestSeen", 0, UINT64_MAX),
        refunds=_refunds(reply.refunds),
    )


def _refunds(shapes: list[CauseJson]) -> tuple[Refund, ...]:
    causes = [cause_from_json(shape) for shape in shapes]
    return tuple(cause for cause in causes if isinstance(cause, Refund))


def _excerpt(answer: Answer) -> str:
    return f"status {answer.status}: {answer.body[:120].decode(errors='replace')!r}"
