"""The JSON shapes, defined once: what the API serves, the client sends and files hold.

Amounts and other integers above 2^53 are decimal strings, bytes are 0x-hex, addresses carry their EIP-55
checksum. Each shape is a plain dataclass of JSON values; ``*_to_json`` and ``*_from_json`` translate, and the
latter raise `MalformedField` or `AmountOutOfRange` for whatever is not of its form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from penstock.protocol.causes import Pay, Refund, Transfer
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import MalformedField, WrongChain
from penstock.protocol.messages import (
    Channel,
    Close,
    Receipt,
    SignedState,
    SignedVoucher,
    State,
    Voucher,
    Withdrawal,
)
from penstock.protocol.primitives import (
    INT128_MAX,
    INT128_MIN,
    UINT32_MAX,
    UINT64_MAX,
    UINT88_MAX,
    UINT128_MAX,
    Address,
    Bytes32,
    parse_hex,
    parse_int,
)
from penstock.protocol.proposals import Proposal
from penstock.protocol.signatures import SIGNATURE_SIZE
from penstock.protocol.watch_policy import Evidence

_SAFE_INTEGER_MAX = 2**53 - 1


@dataclass
class ChannelJson:
    """Terms of a channel."""

    payer: str
    payee: str
    payerSigner: str
    payeeSigner: str
    token: str
    challengePeriodSeconds: int
    oneWay: bool
    salt: str


@dataclass
class StateJson:
    """A state; the channel id stands in the path or beside it."""

    sequence: str
    paid: str
    payerLocked: str = "0"
    payeeLocked: str = "0"
    locksRoot: str = "0x" + "00" * 32


@dataclass
class SignedStateJson:
    """A state with both signatures; the payee's is null while it is only half-signed."""

    state: StateJson
    payerSignature: str
    payeeSignature: str | None = None


@dataclass
class CauseJson:
    """Why a state changes."""

    type: Literal["Pay", "Refund"]
    id: str
    amount: str


@dataclass
class ProposalJson:
    """A half-signed state with its base (digest, zero before the first state) and its causes."""

    base: str
    state: StateJson
    signature: str
    causes: list[CauseJson] = field(default_factory=list)


@dataclass
class VoucherJson:
    """A cumulative voucher with the payer's signature."""

    paid: str
    payerSignature: str


@dataclass
class WithdrawalJson:
    """Absolute totals, and until when they may be withdrawn (seconds since the epoch)."""

    payerTotal: str
    payeeTotal: str
    deadline: int


@dataclass
class EvidenceJson:
    """What a watcher is given: a channel's terms with a co-signed state (two-way) or a voucher (one-way)."""

    chainId: int
    contract: str
    channel: ChannelJson
    state: SignedStateJson | None = None
    voucher: VoucherJson | None = None


@dataclass
class ReceiptJson:
    """A watcher's signed receipt."""

    channelId: str
    sequence: str
    digest: str
    receivedAt: int
    signature: str


def _require_int(value: object, name: str, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedField(name, repr(value)[:80], "a whole number")
    return parse_int(str(value), name, 0, maximum)


def signature_from_json(text: object, name: str) -> bytes:
    """Read 65 bytes of 0x-hex; whether it is a signature is for `signatures.recover` to say."""
    return parse_hex(text, name, SIGNATURE_SIZE)


def hex_of(raw: bytes) -> str:
    """Write bytes as 0x-hex."""
    return "0x" + raw.hex()


def channel_to_json(channel: Channel) -> ChannelJson:
    """Write a channel's terms."""
    return ChannelJson(
        payer=str(channel.payer),
        payee=str(channel.payee),
        payerSigner=str(channel.payer_signer),
        payeeSigner=str(channel.payee_signer),
        token=str(channel.token),
        challengePeriodSeconds=channel.challenge_period_seconds,
        oneWay=channel.one_way,
        salt=str(channel.salt),
    )


def channel_from_json(shape: ChannelJson) -> Channel:
    """Read a channel's terms; raises `InvalidTerms` too."""
    if not isinstance(shape.oneWay, bool):
        raise MalformedField("oneWay", repr(shape.oneWay)[:80], "true or false")
    return Channel(
        payer=Address.parse(shape.payer, "payer"),
        payee=Address.parse(shape.payee, "payee"),
        payer_signer=Address.parse(shape.payerSigner, "payerSigner"),
        payee_signer=Address.parse(shape.payeeSigner, "payeeSigner"),
        token=Address.parse(shape.token, "token"),
        challenge_period_seconds=_require_int(shape.challengePeriodSeconds, "challengePeriodSeconds", UINT32_MAX),
        one_way=shape.oneWay,
        salt=parse_int(shape.salt, "salt", 0, UINT88_MAX),
    )


def state_to_json(state: State) -> StateJson:
    """Write a state without its channel id."""
    return StateJson(
        sequence=str(state.sequence),
        paid=str(state.paid),
        payerLocked=str(state.payer_locked),
        payeeLocked=str(state.payee_locked),
        locksRoot=str(state.locks_root),
    )


def state_from_json(channel_id: Bytes32, shape: StateJson) -> State:
    """Read a state of ``channel_id``."""
    return State(
        channel_id=channel_id,
        sequence=parse_int(shape.sequence, "sequence", 1, UINT64_MAX),
        paid=parse_int(shape.paid, "paid", INT128_MIN, INT128_MAX),
        payer_locked=parse_int(shape.payerLocked, "payerLocked", 0, UINT128_MAX),
        payee_locked=parse_int(shape.payeeLocked, "payeeLocked", 0, UINT128_MAX),
        locks_root=Bytes32.parse(shape.locksRoot, "locksRoot"),
    )


def signed_state_to_json(signed: SignedState) -> SignedStateJson:
    """Write a state with its signatures."""
    payee = hex_of(signed.payee_signature) if signed.payee_signature else None
    return SignedStateJson(state_to_json(signed.state), hex_of(signed.payer_signature), payee)


def signed_state_from_json(channel_id: Bytes32, shape: SignedStateJson) -> SignedState:
    """Read a state with its signatures, unchecked."""
    payee = signature_from_json(shape.payeeSignature, "payeeSignature") if shape.payeeSignature is not None else b""
    payer = signature_from_json(shape.payerSignature, "payerSignature")
    return SignedState(state_from_json(channel_id, shape.state), payer, payee)


def cause_to_json(cause: Transfer) -> CauseJson:
    """Write a cause."""
    return CauseJson("Pay" if isinstance(cause, Pay) else "Refund", str(cause.cause_id), str(cause.amount))


def cause_from_json(shape: CauseJson) -> Transfer:
    """Read a cause."""
    kinds: dict[str, type[Pay | Refund]] = {"Pay": Pay, "Refund": Refund}
    if shape.type not in kinds:
        raise MalformedField("type", repr(shape.type)[:80], "Pay or Refund")
    amount = parse_int(shape.amount, "amount", 1, UINT128_MAX)
    return kinds[shape.type](Bytes32.parse(shape.id, "id"), amount)


def proposal_to_json(proposal: Proposal) -> ProposalJson:
    """Write a proposal."""
    return ProposalJson(
        base=str(proposal.base),
        state=state_to_json(proposal.state),
        signature=hex_of(proposal.signature),
        causes=[cause_to_json(cause) for cause in proposal.transfers],
    )


def proposal_from_json(channel_id: Bytes32, shape: ProposalJson) -> Proposal:
    """Read a proposal for ``channel_id``, unchecked."""
    return Proposal(
        base=Bytes32.parse(shape.base, "base"),
        state=state_from_json(channel_id, shape.state),
        signature=signature_from_json(shape.signature, "signature"),
        causes=tuple(cause_from_json(cause) for cause in shape.causes),
    )


def voucher_to_json(signed: SignedVoucher) -> VoucherJson:
    """Write a voucher."""
    return VoucherJson(str(signed.voucher.paid), hex_of(signed.payer_signature))


def voucher_from_json(channel_id: Bytes32, shape: VoucherJson) -> SignedVoucher:
    """Read a voucher for ``channel_id``, unchecked."""
    paid = parse_int(shape.paid, "paid", 1, UINT128_MAX)
    return SignedVoucher(Voucher(channel_id, paid), signature_from_json(shape.payerSignature, "payerSignature"))


def withdrawal_to_json(withdrawal: Withdrawal) -> WithdrawalJson:
    """Write a withdrawal."""
    return WithdrawalJson(str(withdrawal.payer_total), str(withdrawal.payee_total), withdrawal.deadline)


def withdrawal_from_json(channel_id: Bytes32, shape: WithdrawalJson) -> Withdrawal:
    """Read a withdrawal of ``channel_id``."""
    return Withdrawal(
        channel_id=channel_id,
        payer_total=parse_int(shape.payerTotal, "payerTotal", 0, UINT128_MAX),
        payee_total=parse_int(shape.payeeTotal, "payeeTotal", 0, UINT128_MAX),
        deadline=_require_int(shape.deadline, "deadline", _SAFE_INTEGER_MAX),
    )


def close_from_json(channel_id: Bytes32, paid: object) -> Close:
    """Read an agreed close of ``channel_id``."""
    return Close(channel_id, parse_int(paid, "paid", INT128_MIN, INT128_MAX))


def evidence_to_json(channel: Channel, evidence: Evidence, domain: Domain) -> EvidenceJson:
    """Write evidence as a watcher takes it."""
    shape = EvidenceJson(domain.chain_id, str(domain.contract), channel_to_json(channel))
    if isinstance(evidence, SignedState):
        shape.state = signed_state_to_json(evidence)
    else:
        shape.voucher = voucher_to_json(evidence)
    return shape


def evidence_from_json(shape: EvidenceJson, domain: Domain) -> tuple[Channel, Evidence]:
    """Read evidence, its signatures unchecked; raises `InvalidTerms` too, and `WrongChain` for another domain."""
    named = Domain(_require_int(shape.chainId, "chainId", _SAFE_INTEGER_MAX), Address.parse(shape.contract, "contract"))
    if named != domain:
        raise WrongChain(str(domain), str(named))
    channel = channel_from_json(shape.channel)
    channel_id = domain.channel_id(channel)
    if shape.state is not None and shape.voucher is None:
        return channel, signed_state_from_json(channel_id, shape.state)
    if shape.voucher is not None and shape.state is None:
        return channel, voucher_from_json(channel_id, shape.voucher)
    raise MalformedField("evidence", "both or neither", "either a state or a voucher")


def receipt_to_json(receipt: Receipt, signature: bytes) -> ReceiptJson:
    """Write a watcher's receipt with its signature."""
    return ReceiptJson(
        channelId=str(receipt.channel_id),
        sequence=str(receipt.sequence),
        digest=str(receipt.digest),
        receivedAt=receipt.received_at,
        signature=hex_of(signature),
    )


def receipt_from_json(shape: ReceiptJson) -> tuple[Receipt, bytes]:
    """Read a watcher's receipt and its signature, unchecked."""
    receipt = Receipt(
        channel_id=Bytes32.parse(shape.channelId, "channelId"),
        sequence=parse_int(shape.sequence, "sequence", 0, UINT64_MAX),
        digest=Bytes32.parse(shape.digest, "digest"),
        received_at=_require_int(shape.receivedAt, "receivedAt", _SAFE_INTEGER_MAX),
    )
    return receipt, signature_from_json(shape.signature, "signature")
