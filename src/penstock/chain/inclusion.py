"""What became of a transaction that was signed: its receipt, why it reverted, and who used its nonce."""

from __future__ import annotations

from penstock.chain.errors import CallReverted, RpcFault, RpcRefused
from penstock.chain.reverts import explain
from penstock.chain.rpc import Receipt, Rpc
from penstock.node.records import Transaction
from penstock.protocol.primitives import Address

_STATES_KEPT = 128
"""Blocks whose states every full node keeps: a refusal within them is a fault of the moment."""


async def receipt_of(rpc: Rpc, transaction: Transaction) -> Receipt | None:
    """Return the receipt of whichever version was mined, the newest asked first."""
    for transaction_hash in reversed(transaction.hashes):
        receipt = await rpc.receipt(transaction_hash)
        if receipt is not None:
            return receipt
    return None


async def why_reverted(rpc: Rpc, transaction: Transaction, receipt: Receipt, sender: Address) -> str:
    """Find out why a mined transaction reverted, by running it again on the block before it and on its own."""
    if transaction.signed and receipt.gas_used >= transaction.signed.gas_limit:
        return f"it ran out of gas at {receipt.gas_used}"
    intent = transaction.intent
    for block in (receipt.block_number - 1, receipt.block_number):
        try:
            await rpc.call(intent.receiver, intent.data, block, sender)
        except CallReverted as reverted:
            return explain(reverted.data, reverted.reason)
        except RpcFault as fault:
            return f"it reverted, and the reason is lost: {fault}"
    return "it reverted, for a reason that is gone with the state of its moment"


async def is_nonce_taken(rpc: Rpc, transaction: Transaction, sender: Address, before: int) -> bool:
    """Tell whether the block that used its nonce holds no version of it; only then is it safe to sign anew.

    ``before`` is a block at which the nonce is used. What cannot be told now is not taken: the next look asks again.
    But for one signed so long ago that no endpoint need have the states any more, no receipt is proof enough.
    """
    signed = transaction.signed
    assert signed is not None, "a nonce belongs to a signed version"
    high, low, step = before, before - 1, 1
    try:
        while low > 0 and await rpc.nonce(sender, low) > signed.nonce:
            high, low, step = low, max(low - 2 * step, 0), 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            used = await rpc.nonce(sender, middle) > signed.nonce
            low, high = (low, middle) if used else (middle, high)
    except RpcRefused:
        return before - signed.signed_at_block > _STATES_KEPT
    return not set(transaction.hashes) & set(await rpc.hashes_in(high))
