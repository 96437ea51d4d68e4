"""What a watcher does about a channel, decided without I/O (docs/protocol.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.encoding import Domain
from penstock.protocol.errors import WrongChannel, WrongKind
from penstock.protocol.messages import Channel, Receipt, SignedState, SignedVoucher
from penstock.protocol.onchain import Closing, OnChain
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import check_signer

Evidence = SignedState | SignedVoucher


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer a stale close with the newer state before ``deadline``."""

    evidence: SignedState
    deadline: int


@dataclass(frozen=True, slots=True)
class Collect:
    """Collect a voucher before ``deadline``."""

    evidence: SignedVoucher
    deadline: int


@dataclass(frozen=True, slots=True)
class Settle:
    """End a channel whose challenge period is over."""


Action = Challenge | Collect | Settle


def decide(onchain: OnChain, evidence: Evidence, block_time: int) -> Action | None:
    """Return what the chain needs to be told now, None if nothing.

    ``block_time`` is the newest block's time in seconds: a block's time never falls, so once it has reached the
    deadline no challenge can land any more, and a settlement can.
    """
    phase = onchain.phase
    if not isinstance(phase, Closing):
        return None
    if block_time >= phase.deadline:
        return Settle()
    if isinstance(evidence, SignedState):
        newer = evidence.state.sequence > phase.state.sequence
        return Challenge(evidence, phase.deadline) if newer else None
    uncollected = min(evidence.voucher.paid, onchain.payer_deposit) - onchain.payee_withdrawn
    return Collect(evidence, phase.deadline) if uncollected > 0 else None


def is_newer(evidence: Evidence, held: Evidence | None) -> bool:
    """Tell whether ``evidence`` beats what is held: the higher sequence, or the higher voucher."""
    match evidence, held:
        case SignedState(), SignedState():
            return evidence.state.sequence > held.state.sequence
        case SignedVoucher(), SignedVoucher():
            return evidence.voucher.paid > held.voucher.paid
        case _:
            return held is None


def check_evidence(channel: Channel, evidence: Evidence, domain: Domain) -> None:
    """Check that the contract would take ``evidence`` in a dispute about ``channel``.

    Raises
    ------
    WrongChannel
        It is of another channel.
    WrongKind
        A state of a one-way channel, or a voucher of a two-way one.
    MalformedSignature, HighS, WrongSigner
        A signature is missing, malformed, or not by the channel's signer.
    """
    match evidence:
        case SignedState(state=state):
            if channel.one_way:
                raise WrongKind("a state", channel.kind)
            _check_channel(channel, state.channel_id, domain)
            digest = domain.digest(state)
            check_signer(digest, evidence.payer_signature, channel.payer_signer)
            check_signer(digest, evidence.payee_signature, channel.payee_signer)
        case SignedVoucher(voucher=voucher):
            if not channel.one_way:
                raise WrongKind("a voucher", channel.kind)
            _check_channel(channel, voucher.channel_id, domain)
            check_signer(domain.digest(voucher), evidence.payer_signature, channel.payer_signer)


def _check_channel(channel: Channel, channel_id: Bytes32, domain: Domain) -> None:
    expected = domain.channel_id(channel)
    if channel_id != expected:
        raise WrongChannel(str(expected), str(channel_id))


def receipt_for(evidence: Evidence, received_at: int, domain: Domain) -> Receipt:
    """Return the receipt for ``evidence``, stored at ``received_at`` (seconds since the epoch).

    A voucher has no sequence: its receipt says 0 and the digest names it.
    """
    match evidence:
        case SignedState(state=state):
            return Receipt(state.channel_id, state.sequence, domain.digest(state), received_at)
        case SignedVoucher(voucher=voucher):
            return Receipt(voucher.channel_id, 0, domain.digest(voucher), received_at)
