"""A channel as the chain tells it: phases, events, and the one table of what may follow what.

Events carry totals, so a channel is rebuilt from its events alone, and a reorg is undone by folding again
without the events that vanished.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from penstock.protocol.errors import ImpossibleEvent
from penstock.protocol.messages import Channel, State
from penstock.protocol.primitives import Bytes32

# Events of the contract `Channels`, field for field -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The first deposit: all terms, and the totals with this deposit in them."""

    channel_id: Bytes32
    channel: Channel
    payer_deposit: int
    payee_deposit: int


@dataclass(frozen=True, slots=True)
class Deposited:
    """A later deposit: the new totals."""

    channel_id: Bytes32
    payer_deposit: int
    payee_deposit: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The new totals withdrawn."""

    channel_id: Bytes32
    payer_withdrawn: int
    payee_withdrawn: int


@dataclass(frozen=True, slots=True)
class Collected:
    """The new total collected on a one-way channel."""

    channel_id: Bytes32
    collected: int


@dataclass(frozen=True, slots=True)
class ClosingStarted:
    """A one-sided close; the deadline never moves (INV-4). A state it begins with follows as `Challenged`."""

    channel_id: Bytes32
    deadline: int


@dataclass(frozen=True, slots=True)
class Challenged:
    """A state has become the disputed one: right with the close, or in place of an older one."""

    channel_id: Bytes32
    state: State


@dataclass(frozen=True, slots=True)
class Closed:
    """An agreed close, paid out at once."""

    channel_id: Bytes32
    payer_paid: int
    payee_paid: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement after the deadline; what is locked stays in two pools."""

    channel_id: Bytes32
    payer_paid: int
    payee_paid: int
    payer_pool: int
    payee_pool: int


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A lock resolved: what each side was paid, and what the pools still hold."""

    channel_id: Bytes32
    lock_id: Bytes32
    index: int
    payer_amount: int
    payee_amount: int
    payer_pool: int
    payee_pool: int


Event = ChannelOpened | Deposited | Withdrawn | Collected | ClosingStarted | Challenged | Closed | Settled | Unlocked


@dataclass(frozen=True, slots=True)
class EventRef:
    """Where an event stands: the block by number and hash, the transaction, the position in the block."""

    block_number: int
    block_hash: Bytes32
    transaction_hash: Bytes32
    log_index: int


# Phases ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unopened:
    """No deposit has arrived."""

    name = "none"


@dataclass(frozen=True, slots=True)
class Open:
    """Money can move."""

    name = "open"


@dataclass(frozen=True, slots=True)
class Closing:
    """The challenge period runs until ``deadline``; ``state`` would decide if nobody answers.

    As long as nobody has shown a state it is numbered 0 and pays nothing; a one-way channel's never changes.
    """

    deadline: int
    state: State
    name = "closing"


@dataclass(frozen=True, slots=True)
class Ended:
    """Settled, by agreement or after the deadline; the pools are what is still locked."""

    payer_paid: int
    payee_paid: int
    payer_pool: int = 0
    payee_pool: int = 0
    name = "settled"


Phase = Unopened | Open | Closing | Ended


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the chain knows of a channel: its phase and its totals, which only grow (INV-2)."""

    phase: Phase = Unopened()
    payer_deposit: int = 0
    payee_deposit: int = 0
    payer_withdrawn: int = 0
    payee_withdrawn: int = 0

    @property
    def held(self) -> int:
        """Return the units the contract holds for the channel: deposits less withdrawals."""
        return self.payer_deposit + self.payee_deposit - self.payer_withdrawn - self.payee_withdrawn


# event -> phases it may come in. docs/protocol.md and docs/contracts.md draw their diagrams from this table.
MAY_FOLLOW: dict[type[Event], tuple[type[Phase], ...]] = {
    ChannelOpened: (Unopened,),
    Deposited: (Open,),
    Withdrawn: (Open,),
    Collected: (Open, Closing),
    ClosingStarted: (Open,),
    Challenged: (Closing,),
    Closed: (Open, Closing),
    Settled: (Closing,),
    Unlocked: (Ended,),
}


def apply(onchain: OnChain, event: Event) -> OnChain:  # noqa: C901, PLR0911 (one case and return an event)
    """Return the channel after ``event``.

    Raises
    ------
    ImpossibleEvent
        The event cannot come in this phase: a log is missing, or the endpoint lies.
    """
    phase = onchain.phase
    if not isinstance(phase, MAY_FOLLOW[type(event)]):
        raise ImpossibleEvent(type(event).__name__, phase.name)
    match event:
        case ChannelOpened():
            return OnChain(Open(), event.payer_deposit, event.payee_deposit)
        case Deposited():
            return replace(onchain, payer_deposit=event.payer_deposit, payee_deposit=event.payee_deposit)
        case Withdrawn():
            return replace(onchain, payer_withdrawn=event.payer_withdrawn, payee_withdrawn=event.payee_withdrawn)
        case Collected():
            return replace(onchain, payee_withdrawn=event.collected)
        case ClosingStarted():
            return replace(onchain, phase=Closing(event.deadline, State(event.channel_id, 0, 0)))
        case Challenged():
            assert isinstance(phase, Closing)
            return replace(onchain, phase=Closing(phase.deadline, event.state))
        case Closed():
            return replace(onchain, phase=Ended(event.payer_paid, event.payee_paid))
        case Settled():
            ended = Ended(event.payer_paid, event.payee_paid, event.payer_pool, event.payee_pool)
            return replace(onchain, phase=ended)
        case Unlocked():
            assert isinstance(phase, Ended)
            return replace(onchain, phase=replace(phase, payer_pool=event.payer_pool, payee_pool=event.payee_pool))


def fold(events: Iterable[Event]) -> OnChain:
    """Rebuild a channel from its events in the chain's order; raises `ImpossibleEvent`."""
    onchain = OnChain()
    for event in events:
        onchain = apply(onchain, event)
    return onchain
