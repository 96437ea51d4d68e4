"""What the use cases ask of the outside besides their records: a signer, calldata, the chain, an outbox, watchers.

The records are in `penstock.node.ports`; `penstock.chain` and `penstock.client` implement what is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock.node.ports import UnitOfWork
from penstock.node.records import Intent, Item, Transaction
from penstock.protocol.messages import Channel, Close, Receipt, SignedVoucher, State, Withdrawal
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.watch_policy import Evidence


@dataclass(frozen=True, slots=True)
class Opening:
    """A payer's EIP-3009 authorization to fund one channel on its terms (docs/protocol.md, section 2).

    Attributes
    ----------
    amount
        Smallest units.
    valid_after, valid_before
        Seconds since the epoch; the token accepts strictly between them.
    signature
        Over the token's own EIP-712 message: 65 bytes for an ordinary account, any length for a smart wallet.
    """

    amount: int
    auth_salt: Bytes32
    valid_after: int
    valid_before: int
    signature: bytes


class Mark(Protocol):
    """What our key has signed in one channel."""

    @property
    def digest(self) -> Bytes32:
        """Return the digest of the state with the highest sequence."""

    @property
    def cosigned(self) -> int:
        """Return the newest sequence that both have signed, 0 before the first."""

    @property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """Return the withdrawals signed, expired ones included."""


class Signer(Protocol):
    """Signs above its mark, or the very same message again; refuses with a `SignerRefusal`."""

    @property
    def address(self) -> Address:
        """Return the address that signatures recover to."""

    def mark(self, channel_id: Bytes32) -> Mark:
        """Return what the key has signed in a channel."""

    def sign_state(self, state: State, *, cosigned: bool) -> bytes:
        """Sign a state (65 bytes)."""

    def sign_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Sign a withdrawal (65 bytes) and remember it."""

    def sign_close(self, close: Close) -> bytes:
        """Sign an agreed close (65 bytes); from then on nothing else in this channel."""


class Calls(Protocol):
    """Writes calldata for the contract."""

    @property
    def contract(self) -> Address:
        """Return where the contract stands."""

    def open_with(self, channel: Channel, opening: Opening) -> bytes:
        """Deposit for the payer with its authorization."""

    def withdraw(self, channel: Channel, withdrawal: Withdrawal, payer: bytes, payee: bytes) -> bytes:
        """Withdraw with both signatures."""

    def close(self, channel: Channel, close: Close, payer: bytes, payee: bytes) -> bytes:
        """Close by agreement with both signatures."""

    def collect(self, channel: Channel, signed: SignedVoucher) -> bytes:
        """Collect a voucher."""

    def collect_many(self, items: Sequence[tuple[Channel, SignedVoucher]]) -> bytes:
        """Collect several vouchers; a bad one is skipped."""


class Chain(Protocol):
    """Reads the chain at its head; raises the chain side's own errors when no endpoint answers."""

    async def has_code(self, address: Address) -> bool:
        """Tell whether code stands at an address: then it is no ordinary account."""

    async def authorization_digest(self, channel_id: Bytes32, channel: Channel, opening: Opening) -> bytes:
        """Return what the payer signs to open: the token's `ReceiveWithAuthorization` digest (EIP-3009)."""

    async def simulate(self, data: bytes) -> str | None:
        """Call the contract without a transaction; return why it would revert, None if it would not."""


class Outbox(Protocol):
    """Takes transactions to be sent."""

    def enqueue(self, uow: UnitOfWork, intent: Intent, items: Sequence[Item] = ()) -> Transaction:
        """Store an intent in the caller's transaction, with its items if it has any; sent once that has committed."""


class Courier(Protocol):
    """Brings evidence to one watcher."""

    @property
    def url(self) -> str:
        """Return the watcher's address, under which its receipts are kept."""

    async def deliver(self, channel: Channel, evidence: Evidence) -> tuple[Receipt, bytes]:
        """Return the watcher's receipt and its signature, both checked."""
