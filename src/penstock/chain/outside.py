"""What the node's use cases ask of the chain, answered: `penstock.node.outside`'s `Calls` and `Chain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.chain import calls
from penstock.chain.errors import CallReverted
from penstock.chain.reverts import explain
from penstock.chain.rpc import Rpc
from penstock.chain.tokens import Token, authorization_digest, authorization_nonce
from penstock.node.outside import Opening
from penstock.protocol.messages import Channel, Close, SignedVoucher, Withdrawal
from penstock.protocol.primitives import Address, Bytes32


@dataclass(frozen=True, slots=True)
class ContractCalls:
    """Writes calldata for the contract at ``contract``."""

    contract: Address

    def open_with(self, channel: Channel, opening: Opening) -> bytes:
        """Deposit for the payer with its authorization."""
        authorization = calls.Authorization(
            opening.auth_salt, opening.valid_after, opening.valid_before, opening.signature
        )
        return calls.deposit_with_authorization(channel, opening.amount, authorization)

    def withdraw(self, channel: Channel, withdrawal: Withdrawal, payer: bytes, payee: bytes) -> bytes:
        """Withdraw with both signatures."""
        return calls.withdraw(channel, withdrawal, payer, payee)

    def close(self, channel: Channel, close: Close, payer: bytes, payee: bytes) -> bytes:
        """Close by agreement with both signatures."""
        return calls.close(channel, close.paid, payer, payee)

    def collect(self, channel: Channel, signed: SignedVoucher) -> bytes:
        """Collect a voucher."""
        return calls.collect(channel, signed)

    def collect_many(self, items: Sequence[tuple[Channel, SignedVoucher]]) -> bytes:
        """Collect several vouchers."""
        return calls.collect_many(items)


class ChainReader:
    """Reads the chain at its head through one endpoint; any method may raise an `RpcFault`."""

    def __init__(self, rpc: Rpc, contract: Address, sender: Address | None = None) -> None:
        """Simulate as ``sender``, the account that will send."""
        self._rpc = rpc
        self._contract = contract
        self._sender = sender

    async def has_code(self, address: Address) -> bool:
        """Tell whether code stands at an address: then it is no ordinary account."""
        return await self._rpc.has_code(address)

    async def authorization_digest(self, channel_id: Bytes32, channel: Channel, opening: Opening) -> bytes:
        """Return what the payer signs to open: the token's `ReceiveWithAuthorization` digest (EIP-3009)."""
        return authorization_digest(
            await Token(self._rpc, channel.token).domain_separator(),
            owner=channel.payer,
            contract=self._contract,
            amount=opening.amount,
            valid_after=opening.valid_after,
            valid_before=opening.valid_before,
            nonce=authorization_nonce(channel_id, opening.auth_salt),
        )

    async def simulate(self, data: bytes) -> str | None:
        """Call the contract without a transaction; return why it would revert, None if it would not."""
        try:
            await self._rpc.call(self._contract, data, sender=self._sender)
        except CallReverted as reverted:
            return explain(reverted.data, reverted.reason)
        return None
