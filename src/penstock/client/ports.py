"""What the client asks of the chain: its own look at it, and its own transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from penstock.protocol.messages import Channel, SignedState, Withdrawal
from penstock.protocol.onchain import OnChain
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage import Transaction


@dataclass(frozen=True, slots=True)
class ChainView:
    """A channel as the chain tells it at two depths; ``confirmed_time`` and ``head_time`` are the blocks' times."""

    confirmed: OnChain
    head: OnChain
    confirmed_time: int
    head_time: int


@dataclass(frozen=True, slots=True)
class SignedTransfer:
    """A deposit signed by the payer for anyone to relay (EIP-3009 ``receiveWithAuthorization``)."""

    amount: int
    auth_salt: Bytes32
    valid_after: int
    valid_before: int
    signature: bytes


class Chain(Protocol):
    """The client's own access to the chain; nothing that the node says goes through here.

    Transactions are sent from the payer's own account and return once they are mined. Each has a key of its own,
    so a repeated call waits for the transaction that was sent before, also after a restart.
    """

    async def view(self, channel_id: Bytes32) -> ChainView:
        """Read a channel; raises `RpcFault`."""

    async def opened_by(self, payer: Address, first_block: int) -> list[Channel]:
        """Find the terms of the channels that name ``payer``, opened in ``first_block`` or later."""

    async def sign_transfer(
        self, channel_id: Bytes32, channel: Channel, amount: int, auth_salt: Bytes32, valid_before: int
    ) -> SignedTransfer:
        """Sign a deposit from the payer's account that can fund this channel and nothing else."""

    async def deposit(self, channel_id: Bytes32, channel: Channel, amount: int, total_before: int) -> Transaction:
        """Approve the token and deposit for the payer; ``total_before`` tells one deposit from the next."""

    async def withdraw(
        self, channel: Channel, withdrawal: Withdrawal, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        """Submit a withdrawal that both parties signed."""

    async def close(
        self, channel_id: Bytes32, channel: Channel, paid: int, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        """Submit an agreed close."""

    async def start_close(self, channel_id: Bytes32, channel: Channel, signed: SignedState | None) -> Transaction:
        """Begin the challenge period, with a co-signed state or with what the chain knows."""

    async def settle(self, channel_id: Bytes32, channel: Channel) -> Transaction:
        """End a channel whose challenge period is over."""
