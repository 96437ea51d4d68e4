"""Deploy the contracts from the artifacts that ship with the package."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.chain.errors import TransactionFailed, TransactionPending
from penstock.chain.fees import FeeSettings, market_fees
from penstock.chain.rpc import Rpc
from penstock.protocol.primitives import Address

_POLL_SECONDS = 0.2
_TIMEOUT_SECONDS = 120.0
_GAS_MARGIN_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a contract stands, and the block it came in: followers start there."""

    address: Address
    block: int


async def deploy_channels(
    rpc: Rpc, account: Account, *, min_challenge_period_seconds: int, max_challenge_period_seconds: int
) -> Deployed:
    """Deploy `Channels` with these bounds on the challenge period, paid by ``account``.

    Raises
    ------
    CallReverted
        The bounds are empty or begin at zero.
    TransactionFailed, TransactionPending
        It was mined without effect, or not in time.
    RpcUnavailable, RpcRefused
        The endpoint does not serve, or refuses (out of money for gas, say).
    """
    arguments = artifact("Channels").interface.encode_constructor(
        min_challenge_period_seconds, max_challenge_period_seconds
    )
    return await _deploy(rpc, account, "Channels", arguments)


async def deploy_dev_usdc(rpc: Rpc, account: Account) -> Deployed:
    """Deploy the development token; ``account`` alone can mint. Raises as `deploy_channels`."""
    return await _deploy(rpc, account, "DevUSDC", b"")


async def send_now(rpc: Rpc, account: Account, receiver: Address | None, data: bytes) -> Deployed:
    """Send one transaction and wait for its block, without a durable record.

    For set-up on chains where nothing is at stake; whatever moves a channel goes through `Sender`. Returns the
    contract it made, or ``receiver``. Raises as `deploy_channels`.
    """
    gas = await rpc.estimate_gas(account.address, receiver, data)
    raw, transaction_hash = account.sign_transaction(
        chain_id=rpc.chain_id,
        nonce=await rpc.nonce(account.address),
        receiver=receiver,
        data=data,
        gas_limit=gas + gas * _GAS_MARGIN_PERCENT // 100,
        fees=await market_fees(rpc, FeeSettings()),
    )
    await rpc.send_raw(raw)
    for _ in range(int(_TIMEOUT_SECONDS / _POLL_SECONDS)):
        receipt = await rpc.receipt(transaction_hash)
        if receipt is not None:
            break
        await asyncio.sleep(_POLL_SECONDS)
    else:
        raise TransactionPending(str(transaction_hash), "sent")
    if not receipt.succeeded:
        raise TransactionFailed(str(transaction_hash), "it reverted")
    address = receipt.contract or receiver
    assert address is not None, "a transaction without receiver makes a contract"
    return Deployed(address, receipt.block_number)


async def _deploy(rpc: Rpc, account: Account, name: str, arguments: bytes) -> Deployed:
    return await send_now(rpc, account, None, artifact(name).bytecode + arguments)
