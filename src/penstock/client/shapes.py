"""What the node answers, as the client reads it: only the members it uses, all of them unchecked.

The shapes that both sides write stand in `penstock.protocol.wire`.
"""

# The members carry their JSON names.

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.protocol.wire import CauseJson, ChannelJson, SignedStateJson, VoucherJson, WithdrawalJson


@dataclass
class PeriodBounds:
    """Bounds in seconds, both included."""

    minimum: int
    maximum: int


@dataclass
class NodeInfo:
    """What the node says of itself (``GET /v1/node``)."""

    version: str
    chainId: int
    contract: str
    payee: str
    payeeSigner: str
    tokens: list[str]
    challengePeriodSeconds: PeriodBounds
    confirmations: int
    relays: bool = False
    relayMinimumDeposit: str = "0"
    watchers: list[str] = field(default_factory=list)
    withdrawalWindowSeconds: PeriodBounds | None = None


@dataclass
class OpeningJson:
    """A deposit signed by the payer for the node to relay (EIP-3009)."""

    amount: str
    authSalt: str
    validAfter: int
    validBefore: int
    signature: str


@dataclass
class RegistrationJson:
    """``POST /v1/channels``."""

    chainId: int
    contract: str
    channel: ChannelJson
    opening: OpeningJson | None = None


@dataclass
class ChannelReply:
    """What the node holds of a channel."""

    channelId: str
    channel: ChannelJson
    phase: str
    payerDeposit: str
    newest: SignedStateJson | None = None
    voucher: VoucherJson | None = None
    highestSeen: str = "0"
    refunds: list[CauseJson] = field(default_factory=list)


@dataclass
class StateReply:
    """The answer to a proposal."""

    state: SignedStateJson
    refunds: list[CauseJson] = field(default_factory=list)


@dataclass
class VoucherReply:
    """The answer to a voucher: the total accepted."""

    paid: str
    remaining: str


@dataclass
class WithdrawalRequest:
    """``POST /v1/channels/{id}/withdrawals``."""

    withdrawal: WithdrawalJson
    payerSignature: str
    submit: bool


@dataclass
class WithdrawalReply:
    """The withdrawal with both signatures."""

    withdrawal: WithdrawalJson
    payeeSignature: str


@dataclass
class CloseRequest:
    """``POST /v1/channels/{id}/close``."""

    paid: str
    payerSignature: str


@dataclass
class CloseReply:
    """The agreed close with both signatures."""

    paid: str
    payeeSignature: str
