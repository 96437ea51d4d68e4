"""Faults of the use cases that the protocol does not name.

::

    PenstockError
    ├── PeerFault                 the protocol's branch
    │   ├── RelayFault            the node does not pay this gas
    │   │   ├── RelayUnavailable  RelayDepositTooSmall  RelayWithdrawalTooSmall
    │   │   └── AuthorizationWindow  AuthorizationReused  OpeningRefused
    │   └── NothingToCollect
    ├── SignerRefusal             the protocol's branch
    │   └── RecordsBehindMark
    └── NodeFault                 the node cannot serve this now; try again
        └── ChainStale
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import PeerFault, PenstockError, SignerRefusal


class RelayFault(PeerFault):
    """The node does not pay this gas."""


@dataclass(eq=False)
class RelayUnavailable(RelayFault):
    """The node relays no deposits and submits no withdrawals."""

    channel_id: str
    message = "this node pays no payer's gas, asked for in channel {channel_id}"
    remedy = "Send it from your own account: register the channel without `opening`, withdraw without `submit`."


@dataclass(eq=False)
class RelayDepositTooSmall(RelayFault):
    """The deposit is not worth its gas (smallest units)."""

    got: int
    minimum: int
    message = "the deposit is {got}, this node relays deposits from {minimum}"
    remedy = "Deposit at least relayMinimumDeposit of GET /v1/node, or pay the gas yourself."


@dataclass(eq=False)
class RelayWithdrawalTooSmall(RelayFault):
    """What the withdrawal still takes out is not worth its gas (smallest units)."""

    got: int
    minimum: int
    message = "the withdrawal takes out {got}, this node submits withdrawals from {minimum}"
    remedy = "Withdraw at least relayMinimumDeposit of GET /v1/node, or submit it yourself with both signatures."


@dataclass(eq=False)
class AuthorizationWindow(RelayFault):
    """The token's authorization is not valid now, or not for long enough to be mined (seconds since the epoch)."""

    valid_after: int
    valid_before: int
    now: int
    margin: int
    message = "the authorization is valid from {valid_after} to {valid_before}, needed from {now} for {margin} seconds"
    remedy = "Sign an authorization that is valid now and for some minutes."


@dataclass(eq=False)
class AuthorizationReused(RelayFault):
    """Another deposit was relayed under this salt."""

    auth_salt: str
    message = "another deposit into this channel was relayed with the authSalt {auth_salt}"
    remedy = "Draw a new random authSalt for every authorization."


@dataclass(eq=False)
class OpeningRefused(RelayFault):
    """The deposit would revert on chain."""

    reason: str
    message = "the deposit would fail on chain: {reason}"
    remedy = "Check the payer's balance, the amount, and that the authorization was not used before."


@dataclass(eq=False)
class NothingToCollect(PeerFault):
    """No voucher pays more than was collected."""

    channel_id: str
    paid: int
    collected: int
    message = "channel {channel_id} has vouchers over {paid}, {collected} was collected"
    remedy = "Collect once a higher voucher has come in."


@dataclass(eq=False)
class RecordsBehindMark(SignerRefusal):
    """The database is older than what the signer remembers: a backup was restored."""

    recorded: int
    signed: int
    message = "the records end at sequence {recorded}, the signer's mark says that {signed} was co-signed"
    remedy = "The node lost data: close the channel with the newest co-signed state that either party holds."


class NodeFault(PenstockError):
    """The node cannot serve this now; nothing has changed, and the same request may succeed later."""


@dataclass(eq=False)
class ChainStale(NodeFault):
    """The newest block that was followed is too old: a close might have been missed."""

    lag_seconds: int
    maximum_seconds: int
    message = "the newest block followed is {lag_seconds} seconds old, expected at most {maximum_seconds}"
    remedy = "Send the same request again later; the node signs nothing new while it may be blind to a close."
