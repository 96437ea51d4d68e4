"""Every fault of the client itself, one class each.

::

    PenstockError
    ├── PeerFault …                 what the protocol names: raised here, or by the node and mapped back
    └── ClientFault
        ├── NodeUnreachable         no answer in time
        │   └── PaymentUnanswered   … to a payment, which may still arrive
        ├── NodeMisbehaved          an answer that an honest node would not give
        ├── NodeRefused             a refusal under a code that this version does not know
        ├── WatcherUnreachable, WatcherRefused, WatcherMisbehaved
        ├── ChannelNotKept          the local store does not have the channel
        ├── InvalidUrl              not the address of a service
        ├── UnknownCode             the contract that the node names is not ours
        ├── ForeignHome             the home directory belongs to another contract or chain
        ├── HomeUnusable            the home directory cannot be read or written
        ├── TokenNotChosen
        ├── GaslessUnavailable      the node pays no gas for it
        ├── ChainViewStale          the chain could not be read for too long
        ├── DepositUnconfirmed, WithdrawalUnseen, CloseUnseen   the chain does not show it yet
        ├── WithdrawalPending       another withdrawal was signed and did not expire yet
        └── CloseNotAgreed          the node did not sign or submit the agreed close
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import PenstockError


class ClientFault(PenstockError):
    """A fault of the client, or of a service it talks to."""


@dataclass(eq=False)
class NodeUnreachable(ClientFault):
    """No answer came in time; whether the request arrived is unknown."""

    url: str
    request: str
    reason: str
    message = "the node at {url} did not answer {request}: {reason}"
    remedy = "The request may still have arrived. Everything signed is kept: call again once the node answers."


@dataclass(eq=False)
class PaymentUnanswered(NodeUnreachable):
    """A payment was signed and sent, and no answer came."""

    channel_id: str
    sequence: int
    message = (
        "the node at {url} did not answer the payment with sequence {sequence} in channel {channel_id}: {reason}; "
        "the payment may still arrive and will be sent again unchanged"
    )
    remedy = "Call resend(), or pay again with the same cause_id; a payment with another id is one more payment."


@dataclass(eq=False)
class NodeMisbehaved(ClientFault):
    """The node answered what an honest node would not; nothing was changed."""

    url: str
    request: str
    expected: str
    got: str
    message = "the node at {url} answered {request} with {got}, expected {expected}"
    remedy = "Nothing was changed. If it goes on, take your money out with start_close(): that needs no node."


@dataclass(eq=False)
class NodeRefused(ClientFault):
    """The node refuses for a reason that this version has no class for."""

    url: str
    status: int
    reason_code: str
    detail: str
    node_remedy: str
    message = "the node at {url} refused ({status}, {reason_code}): {detail}"
    remedy = "Read the node's own advice in node_remedy; a newer version of this package may know the code."


@dataclass(eq=False)
class WatcherUnreachable(ClientFault):
    """A watcher did not answer in time."""

    url: str
    reason: str
    message = "the watcher at {url} did not answer: {reason}"
    remedy = "Evidence is kept and delivered again; a second watcher bridges the gap."


@dataclass(eq=False)
class WatcherRefused(ClientFault):
    """A watcher does not take the evidence, or does not give it."""

    url: str
    status: int
    reason_code: str
    detail: str
    message = "the watcher at {url} refused ({status}, {reason_code}): {detail}"
    remedy = "A channel must be on chain before a watcher takes it; evidence is kept and delivered again."


@dataclass(eq=False)
class WatcherMisbehaved(ClientFault):
    """A watcher's answer is not what it must be; nothing was recorded."""

    url: str
    expected: str
    got: str
    message = "the watcher at {url} answered {got}, expected {expected}"
    remedy = "Do not rely on this watcher: choose another one."


@dataclass(eq=False)
class ChannelNotKept(ClientFault):
    """The local store does not have this channel."""

    channel_id: str
    message = "channel {channel_id} is not in the local store"
    remedy = "If the store was lost, recover(channel_id) rebuilds the channel from the node and the watchers."


@dataclass(eq=False)
class InvalidUrl(ClientFault):
    """Not the address of an HTTP service."""

    url: str
    reason: str
    message = "{url} is not the address of a service: {reason}"
    remedy = "Give an address such as http://127.0.0.1:8402."


@dataclass(eq=False)
class UnknownCode(ClientFault):
    """The node names a contract whose code is not the one that ships with this version."""

    url: str
    contract: str
    message = "the node at {url} works on {contract}, whose code is not the contract that ships with this version"
    remedy = "Do not deposit there. If you know and trust that contract, name it yourself with contract=."


@dataclass(eq=False)
class ForeignHome(ClientFault):
    """The home directory holds channels of another chain or contract."""

    home: str
    kept: str
    named: str
    message = "the home {home} belongs to {kept}, the node works on {named}"
    remedy = "Use another home for this node; a node that changes its contract deserves a question first."


@dataclass(eq=False)
class HomeUnusable(ClientFault):
    """The home directory cannot be read or written."""

    path: str
    reason: str
    message = "{path} cannot be used: {reason}"
    remedy = "Choose a directory that you can write to; never delete one whose channels are still open."


@dataclass(eq=False)
class TokenNotChosen(ClientFault):
    """The node takes several tokens (or none) and none was named."""

    offered: str
    message = "name a token, the node takes: {offered}"
    remedy = "Pass token= with one of these addresses."


@dataclass(eq=False)
class GaslessUnavailable(ClientFault):
    """The node does not relay this deposit."""

    reason: str
    message = "the node does not pay the gas for this: {reason}"
    remedy = "Pass gasless=False and pay the gas from your own account."


@dataclass(eq=False)
class ChainViewStale(ClientFault):
    """The chain could not be read for too long: a close might be under way."""

    channel_id: str
    age_seconds: int
    maximum_seconds: int
    reason: str
    message = (
        "channel {channel_id} was last read from the chain {age_seconds} seconds ago, expected at most "
        "{maximum_seconds}: {reason}"
    )
    remedy = "Check the RPC address: nothing is signed without a look at the chain."


@dataclass(eq=False)
class DepositUnconfirmed(ClientFault):
    """The deposit is not confirmed within the time waited."""

    channel_id: str
    expected: int
    confirmed: int
    seen: int
    message = "channel {channel_id} has {confirmed} confirmed and {seen} seen on chain, expected {expected}"
    remedy = "The deposit may still arrive: wait_until_open() waits on. The channel and its terms are kept."


@dataclass(eq=False)
class WithdrawalUnseen(ClientFault):
    """Both signed the withdrawal, the chain does not show it yet."""

    channel_id: str
    expected: int
    seen: int
    message = "channel {channel_id} shows {seen} withdrawn by the payer, expected {expected}"
    remedy = "Call withdraw() with the same amount again: it sends the same withdrawal until it expires."


@dataclass(eq=False)
class WithdrawalPending(ClientFault):
    """Another withdrawal was signed before, has not landed and has not expired."""

    channel_id: str
    pending: int
    deadline: int
    message = "a withdrawal of {pending} from channel {channel_id} is pending until {deadline} (epoch seconds)"
    remedy = "Withdraw the same amount to send it again, or wait for its deadline."


@dataclass(eq=False)
class CloseNotAgreed(ClientFault):
    """The agreed close was not completed; our own signature on it is given."""

    channel_id: str
    reason: str
    message = "channel {channel_id} could not be closed by agreement: {reason}"
    remedy = "Call close() again, or start_close(): it needs gas and the challenge period, but no node."


@dataclass(eq=False)
class CloseUnseen(ClientFault):
    """Both signed the close, the chain does not show it yet."""

    channel_id: str
    phase: str
    message = "channel {channel_id} is closed by agreement, the chain still says {phase}"
    remedy = "Call close() again to wait on, or close(gasless=False) to submit it yourself."
