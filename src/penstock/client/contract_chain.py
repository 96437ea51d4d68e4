"""The client's chain: reads over its own endpoint, transactions from its own account."""

from __future__ import annotations

import anyio

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import RpcUnavailable
from penstock.chain.rpc import Header, Rpc
from penstock.chain.tokens import Token, authorization_digest, authorization_nonce
from penstock.client.patience import Patience
from penstock.client.ports import ChainView, SignedTransfer
from penstock.client.sending import Sending
from penstock.protocol.invariants import InvariantBroken, phases_never_go_back, totals_only_grow
from penstock.protocol.messages import Channel, SignedState, Withdrawal
from penstock.protocol.onchain import OnChain
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage import Database, Intent, Transaction

LOG_WINDOW_BLOCKS = 10_000
"""How many blocks one query for logs spans."""


class ContractChain:
    """Implements `penstock.client.ports.Chain` on the deployed contract."""

    def __init__(
        self,
        rpc: Rpc,
        contract: ChannelsContract,
        account: Account,
        database: Database,
        sending: Sending,
        patience: Patience,
    ) -> None:
        self._rpc = rpc
        self._contract = contract
        self._account = account
        self._database = database
        self._sending = sending
        self.patience = patience
        self._seen: dict[Bytes32, tuple[Header, OnChain]] = {}
        # An approval and the deposit that uses it belong together: another deposit's approval would replace it.
        self._approving = anyio.Lock()

    async def view(self, channel_id: Bytes32) -> ChainView:
        """Read a channel at the head and at the confirmed depth.

        Raises
        ------
        RpcUnavailable
            Also where the answers cannot be of one chain: the head moved under them, the channel is further at the
            confirmed depth than at the head, or it went back although the block it was last seen in still stands. An
            endpoint behind others, or in the middle of a block, says such things for a moment.
        """
        head = await self._rpc.head()
        confirmed = await self._rpc.block(max(0, head.number - self.patience.confirmations + 1)) or head
        at_head = await self._contract.get_channel(channel_id, head.number)
        # Asked twice about one block, an endpoint that is just mining the next may give two answers.
        same = confirmed.number == head.number
        at_depth = at_head if same else await self._contract.get_channel(channel_id, confirmed.number)
        if await self._is_gone(head):
            raise RpcUnavailable(self._rpc.url, "eth_call", f"block {head.number} was replaced while it was read")
        await self._check_follows(channel_id, confirmed, at_depth, at_head)
        if channel_id in self._seen:
            await self._check_follows(channel_id, *self._seen[channel_id], at_head)
        self._seen[channel_id] = head, at_head
        return ChainView(at_depth, at_head, confirmed.time, head.time)

    async def _check_follows(self, channel_id: Bytes32, block: Header, before: OnChain, after: OnChain) -> None:
        """Check that the channel did not go back behind a block that still stands."""
        try:
            totals_only_grow(before, after)
            phases_never_go_back(before, after)
        except InvariantBroken as broken:
            if not await self._is_gone(block):
                reason = f"channel {channel_id} went back behind block {block.number}: {broken.detail}"
                raise RpcUnavailable(self._rpc.url, "eth_call", reason) from broken

    async def _is_gone(self, block: Header) -> bool:
        """Return whether the endpoint has another block in this one's place; one that lags has none."""
        now = await self._rpc.block(block.number)
        return now is not None and now.hash != block.hash

    async def opened_by(self, payer: Address, first_block: int) -> list[Channel]:
        """Find the channels that name ``payer``, in windows that endpoints serve."""
        last = (await self._rpc.head()).number
        found: list[Channel] = []
        for first in range(first_block, last + 1, LOG_WINDOW_BLOCKS):
            window = await self._contract.opened_by(payer, first, min(first + LOG_WINDOW_BLOCKS - 1, last))
            found.extend(event.channel for event in window)
        return found

    async def sign_transfer(
        self, channel_id: Bytes32, channel: Channel, amount: int, auth_salt: Bytes32, valid_before: int
    ) -> SignedTransfer:
        """Sign a ``receiveWithAuthorization`` whose nonce commits to the channel (EIP-3009)."""
        digest = authorization_digest(
            await Token(self._rpc, channel.token).domain_separator(),
            owner=self._account.address,
            contract=self._contract.address,
            amount=amount,
            valid_after=0,
            valid_before=valid_before,
            nonce=authorization_nonce(channel_id, auth_salt),
        )
        return SignedTransfer(amount, auth_salt, 0, valid_before, self._account.sign_digest(digest))

    async def deposit(self, channel_id: Bytes32, channel: Channel, amount: int, total_before: int) -> Transaction:
        """Approve the token as far as needed, and deposit for the payer."""
        async with self._approving:
            token = Token(self._rpc, channel.token)
            if await token.allowance(self._account.address, self._contract.address) < amount:
                data = calls.approve(self._contract.address, amount)
                key = f"approve:{channel_id}:{total_before}:{amount}"
                approval = Intent(key, "approve", channel.token, data, channel_id)
                await self._sending.send(approval, self.patience.chain_seconds)
            data = calls.deposit(channel, amount)
            return await self._call(f"deposit:{channel_id}:{total_before}", "deposit", data, channel_id)

    async def withdraw(
        self, channel: Channel, withdrawal: Withdrawal, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        """Submit a withdrawal that both parties signed."""
        channel_id = withdrawal.channel_id
        key = f"withdraw:{channel_id}:{withdrawal.deadline}:{withdrawal.payer_total}:{withdrawal.payee_total}"
        data = calls.withdraw(channel, withdrawal, payer_signature, payee_signature)
        return await self._call(key, "withdraw", data, channel_id, withdrawal.deadline)

    async def close(
        self, channel_id: Bytes32, channel: Channel, paid: int, payer_signature: bytes, payee_signature: bytes
    ) -> Transaction:
        """Submit an agreed close."""
        data = calls.close(channel, paid, payer_signature, payee_signature)
        return await self._call(f"close:{channel_id}:{paid}", "close", data, channel_id)

    async def start_close(self, channel_id: Bytes32, channel: Channel, signed: SignedState | None) -> Transaction:
        """Begin the challenge period."""
        data = calls.start_close(channel, signed)
        return await self._call(f"start-close:{channel_id}", "start-close", data, channel_id)

    async def settle(self, channel_id: Bytes32, channel: Channel) -> Transaction:
        """End a channel whose challenge period is over."""
        return await self._call(f"settle:{channel_id}", "settle", calls.settle(channel), channel_id)

    async def _call(
        self, key: str, purpose: str, data: bytes, channel_id: Bytes32, deadline: int | None = None
    ) -> Transaction:
        intent = Intent(key, purpose, self._contract.address, data, channel_id, deadline)
        return await self._sending.send(intent, self.patience.chain_seconds)
