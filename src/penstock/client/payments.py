"""Paying: persist, send, check the answer, and send again what nobody answered (docs/protocol.md, section 3)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import structlog

from penstock.client.errors import NodeMisbehaved, NodeUnreachable, PaymentUnanswered
from penstock.client.lane import Lane
from penstock.client.node_api import NodeView, Refusal, StateAnswer
from penstock.client.results import Payment
from penstock.protocol.causes import Pay, Refund, Transfer
from penstock.protocol.errors import (
    Equivocation,
    PenstockError,
    SequenceTooLow,
    SignatureFault,
    UnknownBase,
    UnknownChannel,
    WrongKind,
)
from penstock.protocol.messages import SignedState, SignedVoucher
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.protocol.proposals import CAUSES_MAX, Proposal

log = structlog.get_logger(__name__)

_RENUMBERED = (SequenceTooLow, UnknownBase, Equivocation)
_ATTEMPTS = 3


class Payments:
    """All that moves money off chain in one channel; callers hold the lane's lock."""

    def __init__(self, lane: Lane, *, in_step: bool) -> None:
        self._lane = lane
        self._session = lane.session
        # Whether our records were compared with the node's in this process. Before the first signature they are:
        # a store restored from a backup would otherwise sign numbers again that it has forgotten.
        self._in_step = in_step

    async def pay(self, amounts: Sequence[int], cause_id: Bytes32 | None) -> list[Payment]:
        """Pay each amount."""
        if self._lane.terms.one_way:
            if cause_id is not None:
                raise WrongKind("a cause id", self._lane.terms.kind)
            return [await self._pay_by_voucher(amount) for amount in amounts]
        causes = [Pay(cause_id or _new_id(), amount) for amount in amounts]
        chunks = [causes[at : at + CAUSES_MAX] for at in range(0, len(causes), CAUSES_MAX)]
        return [await self.move(chunk) for chunk in chunks]

    async def move(self, causes: Sequence[Transfer]) -> Payment:
        """Propose ``causes`` until they are co-signed or refused; what waits unanswered goes first."""
        await self.get_ready()
        wanted = set(causes)
        attempts = 0
        while True:
            proposals = await self._lane.run(lambda uow: self._session.book.propose(uow, self._lane.channel_id, causes))
            for proposal in proposals:
                outcome = await self._deliver(proposal)
                ours = wanted <= set(proposal.causes)
                attempts += ours
                if isinstance(outcome, Payment):
                    if ours:
                        return outcome
                elif ours and not (isinstance(outcome, _RENUMBERED) and attempts < _ATTEMPTS):
                    raise outcome
                # An older proposal that is refused stands in nobody's way: its number is burnt, the next is ours.

    async def resend(self) -> list[Payment]:
        """Send again, unchanged, what nobody answered; return what is accepted now."""
        await self.get_ready()
        if self._lane.terms.one_way:
            position = await self.position()
            if position.voucher is not None:
                await self._submit(position.voucher)
            return []
        waiting = await self._session.database.read(lambda uow: uow.states.unanswered(self._lane.channel_id))
        outcomes = [await self._deliver(proposal) for proposal in waiting]
        return [outcome for outcome in outcomes if isinstance(outcome, Payment)]

    async def take_refunds(self) -> Payment | None:
        """Take every refund that the payee has issued; None if there is none."""
        await self.get_ready()
        offered = {refund.cause_id: refund for refund in (await self._session.node.show(self._lane.channel_id)).refunds}
        records = await self._session.database.read(
            lambda uow: uow.causes.records(self._lane.channel_id, list(offered))
        )
        fresh = [refund for refund in offered.values() if refund.cause_id not in records.applied]
        return await self.move(fresh[:CAUSES_MAX]) if fresh else None

    async def position(self) -> Position:
        """Return our own position."""
        return await self._session.database.read(lambda uow: self._session.book.load(uow, self._lane.channel_id))

    async def get_in_step(self) -> Position:
        """Compare our records with the node's: take over what it holds with our genuine signature."""
        view = await self._show()
        channel_id = self._lane.channel_id
        request = f"GET /v1/channels/{channel_id}"
        if self._lane.terms.one_way:
            position = await self._take_voucher(view, request)
        else:
            position = await self._adopt(view.newest, request)
        self._in_step = True
        return position

    async def get_ready(self) -> None:
        """Be in step with the node and know the chain, as must be before anything is signed."""
        if not self._in_step:
            await self.get_in_step()
        await self._lane.look_if_old()

    async def _show(self) -> NodeView:
        try:
            return await self._session.node.show(self._lane.channel_id)
        except UnknownChannel:
            return await self._session.node.register(self._session.book.domain, self._lane.terms)

    async def _adopt(self, newest: SignedState | None, request: str) -> Position:
        if newest is None:
            return await self.position()
        try:
            return await self._lane.run(lambda uow: self._session.book.record_answer(uow, newest))
        except SignatureFault as error:
            raise NodeMisbehaved(self._session.node.url, request, "a state that both signed", str(error)) from error

    # Two-way ----------------------------------------------------------------------------------------------------

    async def _deliver(self, proposal: Proposal) -> Payment | PenstockError:
        """Return the payment once it is co-signed, or the node's refusal; any other error leaves it unanswered."""
        state = proposal.state
        try:
            answer = await self._session.node.propose(proposal)
            if isinstance(answer, Refusal) and isinstance(answer.error, UnknownChannel):
                await self._session.node.register(self._session.book.domain, self._lane.terms)
                answer = await self._session.node.propose(proposal)
        except NodeUnreachable as error:
            raise _unanswered(error, state.channel_id, state.sequence) from error
        if isinstance(answer, Refusal) and answer.newest is not None and answer.newest.state == state:
            answer = StateAnswer(answer.newest, ())
        if isinstance(answer, Refusal):
            await self._record_refusal(proposal, answer)
            return answer.error
        return await self._record_answer(proposal, answer)

    async def _record_answer(self, proposal: Proposal, answer: StateAnswer) -> Payment:
        request = f"POST /v1/channels/{self._lane.channel_id}/states"
        signed = answer.signed
        if signed.state != proposal.state:
            raise NodeMisbehaved(self._session.node.url, request, str(proposal.state), str(signed.state))
        position = await self._adopt(signed, request)
        self._session.evidence_changed()
        amount = sum(-cause.amount if isinstance(cause, Refund) else cause.amount for cause in proposal.transfers)
        return Payment(self._lane.channel_id, amount, proposal.transfers, signed, position.payer_spendable)

    async def _record_refusal(self, proposal: Proposal, refusal: Refusal) -> None:
        highest = refusal.error.highest if isinstance(refusal.error, SequenceTooLow) else 0
        try:
            await self._lane.run(lambda uow: self._session.book.record_refusal(uow, proposal, refusal.newest, highest))
        except SignatureFault as error:
            request = f"POST /v1/channels/{self._lane.channel_id}/states"
            raise NodeMisbehaved(self._session.node.url, request, "a state that both signed", str(error)) from error
        log.warning(
            "proposal_refused",
            channel_id=str(self._lane.channel_id),
            sequence=proposal.state.sequence,
            code=refusal.error.code,
            reason=str(refusal.error),
        )

    # One-way ----------------------------------------------------------------------------------------------------

    async def _pay_by_voucher(self, amount: int) -> Payment:
        await self.get_ready()
        before, signed = await self._lane.run(
            lambda uow: self._session.book.sign_voucher(uow, self._lane.channel_id, amount)
        )
        try:
            await self._submit(signed)
        except (NodeUnreachable, NodeMisbehaved):
            raise
        except PenstockError:
            # Refused: the next voucher starts from what the payee has, else this amount would be paid with it.
            await self._lane.run(
                lambda uow: self._session.book.take_voucher(uow, self._lane.channel_id, before.voucher)
            )
            self._in_step = False
            raise
        position = await self.position()
        return Payment(self._lane.channel_id, amount, (), signed, position.payer_spendable)

    async def _submit(self, signed: SignedVoucher) -> None:
        channel_id = self._lane.channel_id
        try:
            accepted = await self._session.node.submit_voucher(signed)
        except UnknownChannel:
            await self._session.node.register(self._session.book.domain, self._lane.terms)
            accepted = await self._session.node.submit_voucher(signed)
        except NodeUnreachable as error:
            raise _unanswered(error, channel_id, 0) from error
        if accepted != signed.voucher.paid:
            request = f"POST /v1/channels/{channel_id}/vouchers"
            raise NodeMisbehaved(self._session.node.url, request, f"paid {signed.voucher.paid}", f"paid {accepted}")
        self._session.evidence_changed()

    async def _take_voucher(self, view: NodeView, request: str) -> Position:
        position = await self.position()
        theirs = view.voucher
        if theirs is None or (position.voucher and theirs.voucher.paid <= position.voucher.voucher.paid):
            return position
        try:
            return await self._lane.run(lambda uow: self._session.book.take_voucher(uow, self._lane.channel_id, theirs))
        except SignatureFault as error:
            raise NodeMisbehaved(self._session.node.url, request, "a voucher we signed", str(error)) from error


def _unanswered(error: NodeUnreachable, channel_id: Bytes32, sequence: int) -> PaymentUnanswered:
    return PaymentUnanswered(error.url, error.request, error.reason, str(channel_id), sequence)


def _new_id() -> Bytes32:
    return Bytes32(secrets.token_bytes(32))
