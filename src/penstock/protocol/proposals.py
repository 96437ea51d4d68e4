"""Proposals: how the payer numbers states and how the payee answers (docs/protocol.md, section 3).

Only the payer numbers states. The payee recomputes each state from its base and causes with the same pure
function and co-signs only the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from penstock.protocol.causes import (
    AddLock,
    CancelLock,
    Cause,
    Pay,
    Refund,
    ReleaseLock,
    Transfer,
    apply_causes,
    check_locks,
    only_transfers,
)
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import (
    BalanceExceeded,
    CauseAltered,
    CauseRepeated,
    Equivocation,
    NoCauses,
    SequenceTooFar,
    SequenceTooLow,
    StateMismatch,
    TooManyCauses,
    UnknownBase,
)
from penstock.protocol.locks import LockSet
from penstock.protocol.messages import SignedState, State
from penstock.protocol.outcomes import NOTHING_KNOWN, Outcomes, check_harmless
from penstock.protocol.position import Funds, Position, check_channel, check_kind, check_live
from penstock.protocol.primitives import UINT64_MAX, ZERO_WORD, Bytes32, check_range
from penstock.protocol.signatures import check_signer

SEQUENCE_GAP_MAX = 2**32
CAUSES_MAX = 256


@dataclass(frozen=True, slots=True)
class Proposal:
    """A half-signed state with what it builds on and why.

    Attributes
    ----------
    base
        Digest of the co-signed state it builds on; zero for the state every channel begins with.
    signature
        The payer's, 65 bytes.
    """

    base: Bytes32
    state: State
    signature: bytes
    causes: tuple[Cause, ...]

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Return the causes of a proposal without locks; raises `LocksNotTaken`."""
        return only_transfers(self.causes)


@dataclass(frozen=True, slots=True)
class CauseRecords:
    """What a party's records say of the causes that one proposal names.

    Attributes
    ----------
    applied
        Those of the named causes that a co-signed state has applied already.
    issued
        The causes that the payee issued because they cost it, by id.
    known
        What is known of outcomes.
    """

    applied: frozenset[Bytes32]
    issued: Mapping[Bytes32, Cause]
    known: Outcomes = NOTHING_KNOWN


def base_digest(position: Position, domain: Domain) -> Bytes32:
    """Return the digest that names the newest co-signed state; zero before the first."""
    return domain.digest(position.newest.state) if position.newest else ZERO_WORD


# The payee's side -----------------------------------------------------------------------------------------------


def check_authentic(position: Position, proposal: Proposal, known: State | None, domain: Domain) -> bool:
    """Check who speaks; return whether this very state was co-signed before and only wants its answer again.

    Parameters
    ----------
    known
        The state co-signed at the proposal's sequence, if there is one.

    Raises
    ------
    WrongKind
        The channel is one-way.
    MalformedSignature, HighS, WrongSigner
        The payer's signer did not sign this state.
    Equivocation
        It signed another state with this sequence, and we hold that one co-signed (INV-12).
    """
    check_kind(position, one_way=False, operation="a state")
    digest = domain.digest(proposal.state)
    check_signer(digest, proposal.signature, position.channel.payer_signer)
    if known is None:
        return False
    if known != proposal.state:
        raise Equivocation(known.sequence, domain.digest(known), digest)
    return True


def accept(position: Position, proposal: Proposal, records: CauseRecords, domain: Domain) -> Position:
    """Return the payee's position with the proposed state as the newest, its own signature still to be added.

    Call `check_authentic` first. The caller persists the position, signs, and only then answers.

    Raises
    ------
    ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
        Nothing new is signed in this channel.
    SequenceTooLow, SequenceTooFar, UnknownBase
        The number or the base does not follow.
    NoCauses, TooManyCauses, CauseRepeated, CauseNotIssued, CauseAltered
        A cause is not as it must be.
    UnknownLock, TooManyLocks, IndexNotLowestFree, LocksDisordered, ReleaseUnproven, CancelTooEarly, OutcomeUnknown
        A lock cannot be added, released or cancelled like that.
    LocksMismatch
        Our own records lost a lock.
    AmountOutOfRange, StateMismatch
        The causes do not lead to this state.
    BalanceExceeded
        A party would spend more than its free balance.
    """
    check_live(position)
    _check_sequence(position, proposal.state.sequence)
    newest = base_digest(position, domain)
    if proposal.base != newest:
        raise UnknownBase(proposal.base, newest, position.base.sequence)
    _check_causes(proposal, records, position.locks)
    expected, locks = apply_causes(position.base, proposal.state.sequence, proposal.causes, position.locks)
    _check_same(expected, proposal.state)
    check_covered(position.funds, position.base, proposal.state)
    return replace(
        position,
        newest=SignedState(proposal.state, proposal.signature, locks=locks),
        highest_seen=proposal.state.sequence,
    )


def refuse(position: Position, proposal: Proposal) -> Position:
    """Return the payee's position after an authentic proposal was refused: its number is never used again.

    A number beyond the allowed gap is not remembered, or one wild proposal would use up all numbers.
    """
    sequence = proposal.state.sequence
    if sequence > position.highest_seen + SEQUENCE_GAP_MAX:
        return position
    return replace(position, highest_seen=max(position.highest_seen, sequence))


def _check_sequence(position: Position, sequence: int) -> None:
    highest = position.highest_seen
    if sequence <= highest:
        raise SequenceTooLow(sequence, highest)
    if sequence > highest + SEQUENCE_GAP_MAX:
        raise SequenceTooFar(sequence, highest + SEQUENCE_GAP_MAX)


def _check_causes(proposal: Proposal, records: CauseRecords, locks: LockSet) -> None:
    _check_form(proposal.causes, proposal.state.sequence, locks)
    for cause in proposal.causes:
        if cause.cause_id in records.applied:
            raise CauseRepeated(cause.cause_id)
        issued = records.issued.get(cause.cause_id)
        if issued is not None:
            if type(issued) is not type(cause):
                raise CauseRepeated(cause.cause_id)
            if not _is_as_issued(cause, issued):
                raise CauseAltered(cause.cause_id, _figure(issued), _figure(cause))
        else:
            check_harmless(cause, locks, records.known, payer=False)


def _check_form(causes: Sequence[Cause], sequence: int, locks: LockSet) -> None:
    """Check what both sides can tell: how many, each once, about locks that both have signed."""
    if not causes:
        raise NoCauses(sequence)
    if len(causes) > CAUSES_MAX:
        raise TooManyCauses(len(causes), CAUSES_MAX)
    ids: set[Bytes32] = set()
    for cause in causes:
        if cause.cause_id in ids:
            raise CauseRepeated(cause.cause_id)
        ids.add(cause.cause_id)
        if isinstance(cause, (ReleaseLock, CancelLock)):
            locks.get(cause.lock_id)


def _is_as_issued(cause: Cause, issued: Cause) -> bool:
    """Return whether a cause is what the payee issued; a lock's index is for the payer to give."""
    if isinstance(cause, AddLock) and isinstance(issued, AddLock):
        return replace(issued.lock, index=cause.lock.index) == cause.lock
    return cause == issued


def _figure(cause: Cause) -> int:
    """Return the figure by which causes of one kind differ, as a rule."""
    match cause:
        case Pay() | Refund():
            return cause.amount
        case AddLock():
            return cause.lock.amount
        case ReleaseLock():
            return cause.share_bps
        case CancelLock():
            return 0


def _check_same(expected: State, got: State) -> None:
    for field in fields(State):
        ours, theirs = getattr(expected, field.name), getattr(got, field.name)
        if ours != theirs:
            raise StateMismatch(field.name, str(ours), str(theirs))


def check_covered(funds: Funds, base: State, state: State) -> None:
    """Check that neither party spends what it does not have; raises `BalanceExceeded`.

    A reorg can have taken a deposit that was spent: what makes such a balance less negative is welcome.
    """
    for party, free in (("payer", funds.payer_free), ("payee", funds.payee_free)):
        before, after = free(base), free(state)
        if after < min(0, before):
            raise BalanceExceeded(party, before, before - after)


# The payer's side -----------------------------------------------------------------------------------------------


def propose(position: Position, causes: Sequence[Cause], domain: Domain) -> tuple[Position, Proposal]:
    """Return the payer's position and the unsigned proposal of the next state (``signature`` is empty).

    The caller persists both with the signature before it sends anything. One proposal is under way at a time:
    the one before is answered, or refused, first.

    Raises
    ------
    WrongKind, ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
        Nothing new is signed in this channel.
    NoCauses, TooManyCauses, CauseRepeated
        The causes are none, more than `CAUSES_MAX`, or one comes twice.
    UnknownLock, TooManyLocks, IndexNotLowestFree, LocksDisordered
        A lock is not pending, or cannot be added like that.
    AmountOutOfRange, BalanceExceeded
        The causes cannot be paid for.
    LocksMismatch
        Our own records lost a lock.
    """
    check_kind(position, one_way=False, operation="a state")
    check_live(position)
    sequence = check_range(position.highest_seen + 1, "sequence", 1, UINT64_MAX)
    _check_form(causes, sequence, position.locks)
    state, _ = apply_causes(position.base, sequence, causes, position.locks)
    check_covered(position.funds, position.base, state)
    unsigned = Proposal(base_digest(position, domain), state, b"", tuple(causes))
    after = replace(position, unanswered=(*position.unanswered, state), highest_seen=sequence)
    return after, unsigned


def complete(position: Position, signed: SignedState, domain: Domain) -> Position:
    """Return the payer's position once it holds ``signed`` with both signatures; older news changes nothing.

    Raises
    ------
    WrongChannel
        It is of another channel.
    MalformedSignature, HighS, WrongSigner
        One of the two signatures is not the party's: the answer is not believed.
    LocksMismatch, StateMismatch
        ``signed.locks`` are not those that its state commits to.
    """
    check_channel(position, signed.state.channel_id)
    digest = domain.digest(signed.state)
    check_signer(digest, signed.payer_signature, position.channel.payer_signer)
    check_signer(digest, signed.payee_signature, position.channel.payee_signer)
    check_locks(signed.state, signed.locks)
    if signed.state.sequence <= position.base.sequence:
        return position
    still_open = tuple(state for state in position.unanswered if state.sequence > signed.state.sequence)
    highest = max(position.highest_seen, signed.state.sequence)
    return replace(position, newest=signed, unanswered=still_open, highest_seen=highest)
