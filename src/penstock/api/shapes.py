"""The JSON shapes of requests and replies that `penstock.protocol.wire` does not define.

Amounts are decimal strings in the token's smallest unit, times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.wire import (
    CauseJson,
    ChannelJson,
    SignedStateJson,
    VoucherJson,
    WithdrawalJson,
)


@dataclass
class OpeningJson:
    """A deposit signed by the payer for the node to relay (EIP-3009 `receiveWithAuthorization`).

    The token's nonce is `keccak256(abi.encode(channelId, authSalt))`, so it funds this channel and nothing else.
    """

    amount: str
    authSalt: str
    validAfter: int
    validBefore: int
    signature: str


@dataclass
class RegistrationJson:
    """Terms to register, with a deposit to relay if `opening` is given."""

    chainId: int
    contract: str
    channel: ChannelJson
    opening: OpeningJson | None = None


@dataclass
class RefundJson:
    """A refund to issue; without an id the node draws one, and a repeated request is then another refund."""

    amount: str
    id: str | None = None


@dataclass
class WithdrawalRequestJson:
    """A withdrawal that the payer signed; `submit` has the node send it and pay the gas."""

    withdrawal: WithdrawalJson
    payerSignature: str
    submit: bool = False


@dataclass
class CloseRequestJson:
    """An agreed close that the payer signed, at the newest co-signed state's `paid`."""

    paid: str
    payerSignature: str


@dataclass
class PeriodJson:
    """Bounds in seconds, both included."""

    minimum: int
    maximum: int


@dataclass
class NodeReply:
    """Who this node is and which channels it takes."""

    version: str
    chainId: int
    contract: str
    payee: str
    payeeSigner: str
    tokens: list[str]
    challengePeriodSeconds: PeriodJson
    withdrawalWindowSeconds: PeriodJson
    confirmations: int
    relays: bool
    relayMinimumDeposit: str
    watchers: list[str]


@dataclass
class TransactionReply:
    """A transaction of the node: what it is for and what became of it."""

    key: str
    purpose: str
    channelId: str | None
    status: str
    hash: str | None
    blockNumber: int | None
    gasUsed: int | None
    gasPrice: str | None
    failure: str | None
    createdAt: int


@dataclass
class RegistrationReply:
    """A registered channel: its id and what the chain says, which anyone may know."""

    channelId: str
    channel: ChannelJson
    phase: str
    payerDeposit: str
    payeeDeposit: str
    pendingDeposit: str
    transaction: TransactionReply | None


@dataclass
class ChannelReply:
    """What the node holds of a channel.

    Deposits and withdrawals are those that count for signing: deposits once confirmed, withdrawals as soon as they
    are promised. `pendingDeposit` was seen and is not confirmed. `refunds` were issued and wait to be proposed.
    """

    channelId: str
    channel: ChannelJson
    phase: str
    deadline: int | None
    payerDeposit: str
    payeeDeposit: str
    payerWithdrawn: str
    payeeWithdrawn: str
    pendingDeposit: str
    newest: SignedStateJson | None
    voucher: VoucherJson | None
    highestSeen: str
    payerFree: str
    payeeFree: str
    closePaid: str | None
    refunds: list[CauseJson]


@dataclass
class ChannelsReply:
    """A page of channels; `next` is the `after` of the next page, null on the last."""

    channels: list[ChannelReply]
    next: str | None


@dataclass
class StateReply:
    """The co-signed state, and the refunds that wait to be proposed."""

    state: SignedStateJson
    refunds: list[CauseJson]


@dataclass
class LatestReply:
    """What a payer needs to go on: the newest co-signed state, and the highest number that is used up."""

    newest: SignedStateJson | None
    highestSeen: str
    refunds: list[CauseJson]


@dataclass
class HistoryItem:
    """A co-signed state, why it came about, and when it was recorded."""

    signed: SignedStateJson
    causes: list[CauseJson]
    recordedAt: int


@dataclass
class HistoryReply:
    """A page of states, newest first; `next` is the `before` of the next page, null on the last."""

    states: list[HistoryItem]
    next: str | None


@dataclass
class VoucherReply:
    """What is promised in all, and what the confirmed deposit still covers."""

    paid: str
    remaining: str


@dataclass
class LatestVoucherReply:
    """The highest voucher, null before the first."""

    voucher: VoucherJson | None


@dataclass
class WithdrawalReply:
    """The withdrawal with both signatures, and the transaction if the node sends it."""

    withdrawal: WithdrawalJson
    payerSignature: str
    payeeSignature: str
    transaction: TransactionReply | None


@dataclass
class CloseReply:
    """The agreed close with both signatures, and the transaction that carries it out."""

    paid: str
    payerSignature: str
    payeeSignature: str
    transaction: TransactionReply


@dataclass
class CollectReply:
    """The transaction that collects the newest voucher."""

    transaction: TransactionReply


@dataclass
class CollectionsJson:
    """Collect from every channel that owes at least `minimum` smallest units."""

    minimum: str = "1"


@dataclass
class CollectionsReply:
    """The transactions that collect, up to 50 channels in each, and how many channels wait for the next call."""

    transactions: list[TransactionReply]
    left: int


@dataclass
class TransactionsReply:
    """Transactions: a channel's oldest first, or the newest of all, newest first."""

    transactions: list[TransactionReply]


@dataclass
class HeadReply:
    """The newest block that was followed."""

    number: int
    time: int
    lagSeconds: int


@dataclass
class HealthReply:
    """Whether the node can serve.

    `status` is "ok", or "unavailable" while it signs nothing new. `watcherBacklog` counts, over all watchers, the
    channels whose newest evidence is not receipted.
    """

    status: str
    head: HeadReply | None
    database: str
    signer: str
    watcherBacklog: int | None


@dataclass
class ErrorReply:
    """What an error code means."""

    code: str
    title: str
    status: int
    remedy: str
