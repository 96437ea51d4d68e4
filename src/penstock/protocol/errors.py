"""Every fault the protocol names, one class each, carrying the values that were compared.

::

    PenstockError
    ├── PeerFault                what came from outside is wrong: refuse it, keep serving
    │   ├── InputFault           it cannot be read at all
    │   ├── ChannelFault         the channel cannot take it, whoever sends it
    │   ├── SignatureFault       it is not signed as it must be
    │   ├── ProposalFault        the proposed state does not follow
    │   │   └── LockFault        nor does what it locks or unlocks
    │   ├── VoucherFault
    │   ├── WithdrawalFault
    │   └── CloseFault
    ├── SignerRefusal            our own signer will not sign: it would break a promise (INV-12)
    └── ChainFault               the chain told a story that cannot be true

Each class has a ``code`` (stable, kebab-case, in every API answer), a ``message`` template over its fields and a
``remedy`` that says what to do next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar


class PenstockError(Exception):
    """Root of all errors with a name; ``str()`` gives one sentence with the compared values."""

    code: ClassVar[str] = "error"
    message: ClassVar[str] = "something failed"
    remedy: ClassVar[str] = ""

    _by_code: ClassVar[dict[str, type[PenstockError]]] = {}

    def __init_subclass__(cls) -> None:
        """Derive ``code`` from the class name and enter the class in the index."""
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        PenstockError._by_code[cls.code] = cls

    def values(self) -> dict[str, str]:
        """Return the compared values by field name, as text: integers in decimal, bytes as 0x-hex."""
        if not is_dataclass(self):
            return {}
        return {f.name: _text(getattr(self, f.name)) for f in fields(self)}

    def __str__(self) -> str:
        """Fill ``message`` with the compared values."""
        return self.message.format(**self.values())

    @classmethod
    def by_code(cls, code: str) -> type[PenstockError]:
        """Return the class with this ``code``, or `PenstockError` for one that this version does not know."""
        return cls._by_code.get(code, PenstockError)


def _text(value: object) -> str:
    if type(value) is bytes:
        return "0x" + value.hex()
    return str(value)


class PeerFault(PenstockError):
    """Another party's fault."""


class SignerRefusal(PenstockError):
    """Our own signer refuses: the signature would break a promise it already made."""


class ChainFault(PenstockError):
    """The chain, or an endpoint that speaks for it, contradicts itself."""


# Input -------------------------------------------------------------------------------------------------------


class InputFault(PeerFault):
    """It cannot be read."""


@dataclass(eq=False)
class MalformedField(InputFault):
    """A field is not of its form."""

    field: str
    got: str
    expected: str
    message = "{field} is {got}, expected {expected}"
    remedy = "Correct the field and send the request again."


@dataclass(eq=False)
class AmountOutOfRange(InputFault):
    """An amount is below its minimum or above its maximum (smallest units)."""

    field: str
    got: int
    minimum: int
    maximum: int
    message = "{field} is {got}, expected {minimum} to {maximum}"
    remedy = "Amounts are whole numbers in the token's smallest unit, written as decimal strings."


# Channel -----------------------------------------------------------------------------------------------------


class ChannelFault(PeerFault):
    """The channel cannot take it."""


@dataclass(eq=False)
class UnknownChannel(ChannelFault):
    """No such channel is registered here."""

    channel_id: str
    message = "channel {channel_id} is not registered here"
    remedy = "Register its terms with POST /v1/channels first."


@dataclass(eq=False)
class InvalidTerms(ChannelFault):
    """The terms break a rule of the contract."""

    rule: str
    got: str
    message = "the terms are invalid: {rule} (got {got})"
    remedy = "The contract would refuse these terms too: choose others."


@dataclass(eq=False)
class WrongChain(ChannelFault):
    """The request speaks of another chain or contract."""

    expected: str
    got: str
    message = "this node works on {expected}, the request names {got}"
    remedy = "Use the chain and contract that GET /v1/node names."


@dataclass(eq=False)
class ForeignChannel(ChannelFault):
    """The channel does not name this node and its signer as payee."""

    expected: str
    got: str
    message = "the payee and its signer must be {expected}, the terms name {got}"
    remedy = "Use the payee and payeeSigner that GET /v1/node names."


@dataclass(eq=False)
class TokenNotAllowed(ChannelFault):
    """The node does not take this token."""

    token: str
    allowed: str
    message = "token {token} is not taken here, only {allowed}"
    remedy = "Open a channel with a token that GET /v1/node names."


@dataclass(eq=False)
class ChallengePeriodOutOfRange(ChannelFault):
    """The challenge period is outside this node's limits (seconds)."""

    got: int
    minimum: int
    maximum: int
    message = "the challenge period is {got} seconds, expected {minimum} to {maximum}"
    remedy = "Choose a challenge period that GET /v1/node allows."


@dataclass(eq=False)
class WrongChannel(ChannelFault):
    """A message of another channel."""

    expected: str
    got: str
    message = "the message is of channel {got}, expected {expected}"
    remedy = "Send what was signed for this channel."


@dataclass(eq=False)
class WrongKind(ChannelFault):
    """The operation belongs to the other kind of channel."""

    operation: str
    kind: str
    message = "{operation} does not exist on a {kind} channel"
    remedy = "Two-way channels take states, one-way channels take vouchers."


@dataclass(eq=False)
class ChannelUnopened(ChannelFault):
    """No confirmed deposit yet."""

    channel_id: str
    message = "channel {channel_id} has no confirmed deposit yet"
    remedy = "Deposit on chain and wait for the node's number of confirmations."


@dataclass(eq=False)
class ChannelClosing(ChannelFault):
    """A close was seen on chain: nothing new is signed."""

    channel_id: str
    deadline: int
    message = "channel {channel_id} is closing, its deadline is {deadline} (seconds since the epoch)"
    remedy = "Sign an agreed close, or wait for the settlement and open a new channel."


@dataclass(eq=False)
class ClosePending(ChannelFault):
    """A close waits for a block, and would succeed: nothing new is signed until it is in one, or gone."""

    channel_id: str
    transaction: str
    message = "a close of channel {channel_id} waits for a block: transaction {transaction}"
    remedy = "Wait until it is in a block, or gone; to end the channel sooner, agree on a close."


@dataclass(eq=False)
class ChannelSettled(ChannelFault):
    """The channel has ended (INV-7)."""

    channel_id: str
    message = "channel {channel_id} is settled"
    remedy = "Open a new channel with another salt."


@dataclass(eq=False)
class CloseSigned(ChannelFault):
    """We signed an agreed close; nothing else is signed in this channel."""

    channel_id: str
    paid: int
    message = "an agreed close at paid {paid} was signed in channel {channel_id}"
    remedy = "Submit the close to the chain, then open a new channel."


# Signature ---------------------------------------------------------------------------------------------------


class SignatureFault(PeerFault):
    """It is not signed as it must be (INV-6)."""


@dataclass(eq=False)
class MalformedSignature(SignatureFault):
    """Not 65 bytes with 0 < r < n, 0 < s and v 27 or 28."""

    reason: str
    message = "the signature is malformed: {reason}"
    remedy = "Send r, s and v as 65 bytes in 0x-hex, v 27 or 28."


@dataclass(eq=False)
class HighS(SignatureFault):
    """S lies in the upper half of the group order (EIP-2), which the contract refuses."""

    s: str
    message = "the signature's s is in the upper half of the group order: {s}"
    remedy = "Sign with low-s signatures, as EIP-2 asks; every current wallet does."


@dataclass(eq=False)
class WrongSigner(SignatureFault):
    """Signed by another key, or for another message, channel, contract or chain."""

    expected: str
    recovered: str
    message = "the signature is by {recovered}, expected {expected}"
    remedy = "Check the key, and that chain id, contract and channel id are the ones signed."


# Proposal ----------------------------------------------------------------------------------------------------


class ProposalFault(PeerFault):
    """The proposed state does not follow."""


@dataclass(eq=False)
class SequenceTooLow(ProposalFault):
    """The number was used: co-signed or refused before."""

    got: int
    highest: int
    message = "sequence {got} is used up, the highest seen is {highest}"
    remedy = "Propose again on the newest co-signed state, with a number above the highest seen."


@dataclass(eq=False)
class SequenceTooFar(ProposalFault):
    """The gap to the highest number seen is above 2^32."""

    got: int
    maximum: int
    message = "sequence {got} leaves too large a gap, expected at most {maximum}"
    remedy = "Number states upwards by small steps."


@dataclass(eq=False)
class Equivocation(ProposalFault):
    """Two different states at one sequence (INV-12)."""

    sequence: int
    signed: bytes
    got: bytes
    message = "another state with sequence {sequence} was signed: {signed}, not {got}"
    remedy = "Never sign two states with one number: take the newest co-signed state and number on."


@dataclass(eq=False)
class UnknownBase(ProposalFault):
    """The proposal builds on a state that is not the newest co-signed one."""

    base: bytes
    newest: bytes
    sequence: int
    message = "the base {base} is not the newest co-signed state {newest} (sequence {sequence})"
    remedy = "Fetch the latest state and propose on it again with a higher number."


@dataclass(eq=False)
class StateMismatch(ProposalFault):
    """The state is not the base plus its causes."""

    field: str
    expected: str
    got: str
    message = "{field} is {got}, the base and the causes give {expected}"
    remedy = "Recompute the state from the base and the causes."


@dataclass(eq=False)
class NoCauses(ProposalFault):
    """A proposal without a cause moves nothing."""

    sequence: int
    message = "the proposal with sequence {sequence} names no cause"
    remedy = "Name at least one cause: Pay or Refund."


@dataclass(eq=False)
class TooManyCauses(ProposalFault):
    """More causes in one proposal than a node takes."""

    got: int
    maximum: int
    message = "the proposal names {got} causes, expected at most {maximum}"
    remedy = "Split it into several proposals."


@dataclass(eq=False)
class CauseRepeated(ProposalFault):
    """The cause was applied before."""

    cause_id: bytes
    message = "the cause {cause_id} was applied before"
    remedy = "Give every payment an id of its own."


@dataclass(eq=False)
class CauseNotIssued(ProposalFault):
    """A cause that costs a party, a refund say, which that party did not issue."""

    cause_id: bytes
    party: str
    message = "the cause {cause_id} costs the {party}, which did not issue it"
    remedy = "What costs a party, its payments, refunds and locks, is for that party to issue."


@dataclass(eq=False)
class CauseAltered(ProposalFault):
    """A cause that is not as the payee issued it, with another amount say."""

    cause_id: bytes
    issued: int
    got: int
    message = "the cause {cause_id} was issued over {issued} and otherwise, not {got}"
    remedy = "Propose the cause unchanged."


@dataclass(eq=False)
class BalanceExceeded(ProposalFault):
    """More than the free balance of the one who pays."""

    party: str
    available: int
    requested: int
    message = "the {party} would spend {requested}, its free balance is {available}"
    remedy = "Pay less, or deposit more and wait for its confirmations."


# Lock --------------------------------------------------------------------------------------------------------


class LockFault(ProposalFault):
    """A lock cannot be added, released or cancelled like that."""


@dataclass(eq=False)
class UnknownLock(LockFault):
    """No such lock is pending."""

    lock_id: bytes
    message = "no lock {lock_id} is pending"
    remedy = "Name a lock that the newest co-signed state holds."


@dataclass(eq=False)
class TooManyLocks(LockFault):
    """As many locks as one channel can hold are pending."""

    maximum: int
    message = "{maximum} locks are pending, which is the most"
    remedy = "Resolve a lock first."


@dataclass(eq=False)
class IndexNotLowestFree(LockFault):
    """A lock takes the lowest index that no pending lock has."""

    got: int
    expected: int
    message = "the lock has index {got}, the lowest free one is {expected}"
    remedy = "Give the lock the lowest free index."


@dataclass(eq=False)
class LockExpiresTooEarly(LockFault):
    """The lock could expire before its condition has had its time (seconds since the epoch)."""

    expiry: int
    needed: int
    message = "it ends at {expiry}, the work and its condition need until {needed}"
    remedy = "Give the lock, and a list its last moment, more time."


@dataclass(eq=False)
class InvalidConditionTerms(LockFault):
    """What the key commits to would be refused by the condition's contract."""

    rule: str
    got: str
    message = "the condition's terms are invalid: {rule} (got {got})"
    remedy = "The condition would refuse these terms too: choose others."


@dataclass(eq=False)
class ReleaseUnproven(LockFault):
    """The release costs the payee, and nothing shows that it must bear it."""

    lock_id: bytes
    share_bps: int
    message = "nothing proves that lock {lock_id} is to be released at {share_bps} of 10000"
    remedy = "Show a preimage in time, or wait until the outcome is recorded and confirmed on chain."


@dataclass(eq=False)
class OutcomeUnknown(LockFault):
    """Nobody has asked the condition in a confirmed block yet: named is the lock, or the key."""

    asked: str
    message = "what a condition says of {asked} is not known here"
    remedy = "Wait until a confirmed block has been asked, and send it again."


@dataclass(eq=False)
class AlreadyDecided(LockFault):
    """A condition that has its outcome already: a lock would only move money that is decided about."""

    condition: str
    key: str
    message = "condition {condition} has decided key {key} already"
    remedy = "Lock on a key that nobody has used."


@dataclass(eq=False)
class CancelTooEarly(LockFault):
    """The lock's sender takes it back although it may still be decided, or was decided in time."""

    lock_id: bytes
    expiry: int
    confirmed_time: int
    message = "lock {lock_id} expires at {expiry}, the confirmed time is {confirmed_time}, or it was decided in time"
    remedy = "Wait until a confirmed block is past the expiry without an outcome; the receiver may cancel at any time."


@dataclass(eq=False)
class LocksNotTaken(LockFault):
    """The software of this party does not take locks."""

    lock_id: bytes
    message = "lock {lock_id} is not taken here: only Pay and Refund are"
    remedy = "Pay without a lock."


@dataclass(eq=False)
class LocksDisordered(LockFault):
    """A list of pending locks in which an index or an id comes twice, or out of order."""

    index: int
    lock_id: str
    message = "pending locks are listed by rising index, each id once: not so at index {index}, {lock_id}"
    remedy = "List each pending lock once, in the order of the indices."


@dataclass(eq=False)
class LocksMismatch(LockFault):
    """The locks that came with a state are not those that it commits to."""

    expected: bytes
    got: bytes
    message = "the locks have the root {got}, the state commits to {expected}"
    remedy = "Send the pending locks of the very state."


# Voucher -----------------------------------------------------------------------------------------------------


class VoucherFault(PeerFault):
    """The voucher is worth nothing new."""


@dataclass(eq=False)
class VoucherNotHigher(VoucherFault):
    """Vouchers are cumulative: only a higher one pays."""

    got: int
    highest: int
    message = "the voucher is over {got}, the highest so far over {highest}"
    remedy = "Sign the total paid so far, not the single payment."


@dataclass(eq=False)
class VoucherExceedsDeposit(VoucherFault):
    """The deposit does not cover the voucher."""

    got: int
    deposit: int
    message = "the voucher is over {got}, the confirmed deposit is {deposit}"
    remedy = "Top up the channel and wait for the confirmations."


# Withdrawal --------------------------------------------------------------------------------------------------


class WithdrawalFault(PeerFault):
    """The withdrawal cannot be promised."""


@dataclass(eq=False)
class WithdrawalUncovered(WithdrawalFault):
    """A free balance would fall below zero in a state that may still become final."""

    party: str
    sequence: int
    missing: int
    message = "the withdrawal leaves the {party} short by {missing} in the state with sequence {sequence}"
    remedy = "Withdraw less."


@dataclass(eq=False)
class WithdrawalNotHigher(WithdrawalFault):
    """Neither total rises."""

    payer_total: int
    payee_total: int
    message = "neither total rises above what is withdrawn: payer {payer_total}, payee {payee_total}"
    remedy = "Withdrawals are absolute totals: name more than was withdrawn before."


@dataclass(eq=False)
class WithdrawalDeadline(WithdrawalFault):
    """The deadline is too near or too far (seconds since the epoch)."""

    got: int
    earliest: int
    latest: int
    message = "the withdrawal's deadline is {got}, expected {earliest} to {latest}"
    remedy = "Choose a deadline within the node's limits."


# Close -------------------------------------------------------------------------------------------------------


class CloseFault(PeerFault):
    """The agreed close cannot be signed."""


@dataclass(eq=False)
class ClosePaidMismatch(CloseFault):
    """It closes at another figure than the newest state."""

    got: int
    expected: int
    message = "the close names paid {got}, the newest co-signed state says {expected}"
    remedy = "Close at the newest co-signed state's paid."


@dataclass(eq=False)
class CloseUnsettledWork(CloseFault):
    """Locks or unanswered proposals are pending."""

    locked: int
    unanswered: int
    message = "cannot close with {locked} locked and {unanswered} proposals unanswered"
    remedy = "Resolve the locks, or retry the proposals until they are answered."


# Signer ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class BelowMark(SignerRefusal):
    """The signer signed at or above this number before (INV-12)."""

    sequence: int
    mark: int
    message = "sequence {sequence} is not above {mark}, the highest this key has signed"
    remedy = "The records are older than the signer's mark: recover the channel from the counterparty or a watcher."


@dataclass(eq=False)
class SignerClosed(SignerRefusal):
    """After a signed close the key signs nothing more in that channel but the same close."""

    channel_id: str
    message = "the signer signed a close of channel {channel_id} and signs nothing else there"
    remedy = "Submit the close to the chain."


# Chain -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class ImpossibleEvent(ChainFault):
    """An event that cannot follow the ones before it."""

    event: str
    phase: str
    message = "event {event} cannot follow in phase {phase}"
    remedy = "A log is missing or the endpoint lies: follow the chain again from an earlier block."
