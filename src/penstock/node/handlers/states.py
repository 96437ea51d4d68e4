"""Answer a payer's proposal with a co-signature (docs/protocol.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.node.context import Context, load, remembered
from penstock.node.ports import UnitOfWork
from penstock.protocol.causes import Refund
from penstock.protocol.errors import Equivocation, PeerFault
from penstock.protocol.messages import SignedState
from penstock.protocol.position import Position
from penstock.protocol.proposals import CAUSES_MAX, CauseRecords, Proposal, accept, check_authentic, refuse


@dataclass(frozen=True, slots=True)
class CoSigned:
    """The state with both signatures, and the refunds that wait to be proposed."""

    signed: SignedState
    refunds: tuple[Refund, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An authentic proposal was refused; ``newest`` is what the payer builds on next, None before the first state.

    A value rather than an exception: the refused number is remembered, so its transaction has to commit.
    """

    error: PeerFault
    newest: SignedState | None


def submit_state(uow: UnitOfWork, context: Context, proposal: Proposal) -> CoSigned | Refused:
    """Co-sign a proposal, once; the same proposal again gets the same answer, whatever the channel's phase.

    Raises
    ------
    UnknownChannel, WrongKind, MalformedSignature, HighS, WrongSigner
        Nobody who matters proposed it: nothing is remembered.
    ChainStale, ClosePending
        A close may be on its way. Nothing is remembered: the same proposal may be accepted later.
    SignerRefusal
        The signature would break a promise.
    """
    state = proposal.state
    position = load(uow, state.channel_id)
    # Nothing is stored above the highest sequence seen, which spares the ordinary payment a query.
    known = uow.states.get(state.channel_id, state.sequence) if state.sequence <= position.highest_seen else None
    try:
        again = check_authentic(position, proposal, known.signed.state if known else None, context.domain)
    except Equivocation as fault:
        return Refused(fault, position.newest)
    if known and again:
        return CoSigned(known.signed, _refunds(uow, position), repeated=True)
    context.check_view(state.channel_id)
    position = remembered(uow, context, position, context.domain.digest(state))
    try:
        after = accept(position, proposal, _records(uow, proposal), context.domain)
    except PeerFault as fault:
        uow.channels.save(refuse(position, proposal))
        return Refused(fault, position.newest)
    return _co_sign(uow, context, after, proposal)


def _co_sign(uow: UnitOfWork, context: Context, after: Position, proposal: Proposal) -> CoSigned:
    signature = context.signer.sign_state(proposal.state, cosigned=True)
    signed = SignedState(proposal.state, proposal.signature, signature)
    uow.states.add(proposal, signature, context.now())
    uow.causes.apply(after.channel_id, proposal.state.sequence, proposal.transfers)
    uow.channels.save(replace(after, newest=signed))
    return CoSigned(signed, _refunds(uow, after))


def _records(uow: UnitOfWork, proposal: Proposal) -> CauseRecords:
    # A proposal with more causes than allowed is refused anyway; its length must not become a query's. One about
    # locks is refused here.
    named = [cause.cause_id for cause in proposal.transfers[:CAUSES_MAX]]
    return uow.causes.records(proposal.state.channel_id, named)


def _refunds(uow: UnitOfWork, position: Position) -> tuple[Refund, ...]:
    return tuple(uow.causes.open_refunds(position.channel_id))
