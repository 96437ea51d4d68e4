"""Register channels, with a deposit that the node relays if the payer asks for it, and show them."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.node.context import Context
from penstock.node.errors import AuthorizationReused, AuthorizationWindow, RelayDepositTooSmall, RelayUnavailable
from penstock.node.handlers.transactions import enqueue_once, under_way
from penstock.node.outside import Opening
from penstock.node.ports import UnitOfWork
from penstock.node.records import ChannelRecord, Intent, Transaction
from penstock.protocol.causes import Refund
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import (
    ChallengePeriodOutOfRange,
    ForeignChannel,
    TokenNotAllowed,
    UnknownChannel,
    WrongChain,
)
from penstock.protocol.messages import Channel
from penstock.protocol.primitives import DEPOSIT_MAX, Bytes32, check_range

AUTHORIZATION_MARGIN_SECONDS = 60
"""How long an authorization must stay valid, so that its transaction has time to be mined."""

RELAY_GAS_MAX = 500_000
"""Four times an ordinary account's deposit: a wallet contract's check of its signature may burn any amount."""

RELAY_SECONDS_MAX = 3600
"""How long a deposit is tried, however long its authorization is valid."""


@dataclass(frozen=True, slots=True)
class RegisterChannel:
    """Terms under a chain and a contract, and a deposit to relay if ``opening`` is given."""

    domain: Domain
    channel: Channel
    opening: Opening | None = None


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel as its parties may see it."""

    record: ChannelRecord
    refunds: tuple[Refund, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A channel, whether it is new here, and the relayed deposit's transaction."""

    view: ChannelView
    created: bool
    transaction: Transaction | None


def register(uow: UnitOfWork, context: Context, command: RegisterChannel) -> Registered:
    """Register a channel once; the same terms again are the same channel.

    Raises
    ------
    WrongChain, ForeignChannel, TokenNotAllowed, ChallengePeriodOutOfRange
        This node does not work in such a channel.
    AuthorizationReused
        A deposit with this salt was relayed before, over another amount or with another signature.
    """
    check_terms(context, command)
    channel_id = context.domain.channel_id(command.channel)
    created = uow.channels.record(channel_id) is None
    if created:
        uow.channels.add(channel_id, command.channel, context.now())
        # The deposit may be older than the registration.
        uow.chain.refresh([channel_id], context.policy.confirmations)
    transaction = _relay(uow, context, command, command.opening) if command.opening else None
    return Registered(show(uow, channel_id), created, transaction)


def check_terms(context: Context, command: RegisterChannel) -> None:
    """Check that this node works in a channel on these terms; raises as `register`."""
    channel, policy = command.channel, context.policy
    if command.domain != context.domain:
        raise WrongChain(str(context.domain), str(command.domain))
    ours = (policy.payee, context.signer.address)
    if (channel.payee, channel.payee_signer) != ours:
        raise ForeignChannel(f"{ours[0]} and {ours[1]}", f"{channel.payee} and {channel.payee_signer}")
    if channel.token not in policy.tokens:
        raise TokenNotAllowed(str(channel.token), ", ".join(map(str, policy.tokens)))
    minimum, maximum = policy.challenge_period_seconds
    if not minimum <= channel.challenge_period_seconds <= maximum:
        raise ChallengePeriodOutOfRange(channel.challenge_period_seconds, minimum, maximum)


def check_opening(context: Context, command: RegisterChannel, opening: Opening) -> None:
    """Check that the node would pay for this opening; what only the chain knows is not checked here.

    Raises
    ------
    RelayUnavailable, RelayDepositTooSmall, AuthorizationWindow
        It would not.
    AmountOutOfRange
        The contract refuses such a deposit.
    """
    minimum = context.policy.relay_minimum_deposit
    if minimum is None:
        raise RelayUnavailable(str(context.domain.channel_id(command.channel)))
    check_range(opening.amount, "amount", 1, DEPOSIT_MAX)
    if opening.amount < minimum:
        raise RelayDepositTooSmall(opening.amount, minimum)
    now = context.now()
    if not (opening.valid_after < now and now + AUTHORIZATION_MARGIN_SECONDS < opening.valid_before):
        raise AuthorizationWindow(opening.valid_after, opening.valid_before, now, AUTHORIZATION_MARGIN_SECONDS)


def is_relayed(uow: UnitOfWork, context: Context, command: RegisterChannel) -> bool:
    """Tell whether this opening is under way or done, so that it needs no checks against the chain."""
    opening = command.opening
    if opening is None:
        return False
    channel_id = context.domain.channel_id(command.channel)
    return under_way(uow, channel_id, _opening_key(channel_id, opening)) is not None


def _relay(uow: UnitOfWork, context: Context, command: RegisterChannel, opening: Opening) -> Transaction:
    channel_id = context.domain.channel_id(command.channel)
    key = _opening_key(channel_id, opening)
    data = context.calls.open_with(command.channel, opening)
    deadline = min(opening.valid_before, context.now() + RELAY_SECONDS_MAX)
    intent = Intent(key, "open", context.calls.contract, data, channel_id, deadline, RELAY_GAS_MAX)
    transaction = enqueue_once(uow, context, intent)
    if transaction.intent.data != data:
        raise AuthorizationReused(str(opening.auth_salt))
    return transaction


def _opening_key(channel_id: Bytes32, opening: Opening) -> str:
    return f"open:{channel_id}:{opening.auth_salt}"


def show(uow: UnitOfWork, channel_id: Bytes32) -> ChannelView:
    """Return one channel; raises `UnknownChannel`."""
    record = uow.channels.record(channel_id)
    if record is None:
        raise UnknownChannel(str(channel_id))
    return _view(uow, record)


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """Which channels to list: at most ``limit``, from the one after ``after``, in the order of their ids."""

    after: Bytes32 | None
    limit: int


def page(uow: UnitOfWork, query: ChannelPage) -> list[ChannelView]:
    """Return one page of channels."""
    return [_view(uow, record) for record in uow.channels.page(query.after, query.limit)]


def _view(uow: UnitOfWork, record: ChannelRecord) -> ChannelView:
    return ChannelView(record, tuple(uow.causes.open_refunds(record.position.channel_id)))
