"""What every use case may use besides its records: who we are, our limits, our signer, the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from penstock.node.errors import RecordsBehindMark
from penstock.node.head import Head
from penstock.node.outside import Calls, Mark, Outbox, Signer
from penstock.node.ports import UnitOfWork
from penstock.node.records import Block
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import ClosePending, UnknownChannel
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32


@dataclass(frozen=True, slots=True)
class Policy:
    """Which channels and promises this node takes.

    Attributes
    ----------
    payee
        The address that the node is paid at.
    tokens
        Allow-listed.
    challenge_period_seconds, withdrawal_window_seconds
        Least and most; the second counts from the chain's head to a withdrawal's deadline.
    confirmations
        How deep a deposit must be before it counts.
    relay_minimum_deposit
        The least deposit or withdrawal (smallest units) whose gas the node pays, None if it relays none.
    """

    payee: Address
    tokens: tuple[Address, ...]
    challenge_period_seconds: tuple[int, int]
    withdrawal_window_seconds: tuple[int, int]
    confirmations: int
    relay_minimum_deposit: int | None


@dataclass(frozen=True, slots=True)
class Context:
    """The node as a use case sees it."""

    domain: Domain
    policy: Policy
    signer: Signer
    calls: Calls
    outbox: Outbox
    head: Head
    clock: Callable[[], float]
    closes: Mapping[Bytes32, Bytes32] = field(default_factory=dict)
    """By channel, the transaction that waits for a block and would start its close."""

    def now(self) -> int:
        """Return the time, in whole seconds since the epoch."""
        return int(self.clock())

    def check_view(self, channel_id: Bytes32) -> Block:
        """Return the newest block, if something new may be signed in a channel.

        Raises
        ------
        ChainStale
            The node may be blind to a close.
        ClosePending
            A close is on its way.
        """
        block = self.head.check_fresh()
        transaction = self.closes.get(channel_id)
        if transaction is not None:
            raise ClosePending(str(channel_id), str(transaction))
        return block


def load(uow: UnitOfWork, channel_id: Bytes32) -> Position:
    """Return a channel's position; raises `UnknownChannel`."""
    position = uow.channels.get(channel_id)
    if position is None:
        raise UnknownChannel(str(channel_id))
    return position


def remembered(uow: UnitOfWork, context: Context, position: Position, digest: Bytes32 | None = None) -> Position:
    """Return the position with what the signer remembers and a restored backup may have forgotten.

    Parameters
    ----------
    digest
        Of the state that is to be signed. The signer may be one state ahead, when the process died between its
        mark and our commit; then only that very state is signed again.

    Raises
    ------
    RecordsBehindMark
        A newer state was co-signed than the records hold.
    """
    mark = context.signer.mark(position.channel_id)
    if mark.cosigned > position.base.sequence and mark.digest != digest:
        raise RecordsBehindMark(position.base.sequence, mark.cosigned)
    return _with_promises(uow, context, position, mark)


def _with_promises(uow: UnitOfWork, context: Context, position: Position, mark: Mark) -> Position:
    if not mark.withdrawals:
        return position
    confirmed = uow.chain.confirmed(context.policy.confirmations)
    confirmed_time = confirmed.time if confirmed else 0
    live = [promise for promise in mark.withdrawals if confirmed_time <= promise.deadline]
    funds = position.funds
    return replace(
        position,
        funds=replace(
            funds,
            payer_withdrawn=max([funds.payer_withdrawn, *(promise.payer_total for promise in live)]),
            payee_withdrawn=max([funds.payee_withdrawn, *(promise.payee_total for promise in live)]),
        ),
    )
