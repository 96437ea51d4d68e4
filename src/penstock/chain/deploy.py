"""Deploy the contracts from the artifacts that ship with the package.

Nothing is at stake here, so no transaction is a durable record: what is done already is read from the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.chain.create2 import (
    PROXY,
    PROXY_CODE,
    PROXY_COST_WEI,
    PROXY_SIGNER,
    PROXY_TRANSACTION,
    PROXY_TRANSACTION_HASH,
    Planned,
    create_address,
)
from penstock.chain.errors import (
    CallReverted,
    ForeignCode,
    ProxyRefused,
    RpcRefused,
    TransactionFailed,
    TransactionPending,
)
from penstock.chain.fees import FeeSettings
from penstock.chain.moment import Moment
from penstock.chain.refusals import Refusal, classify
from penstock.chain.rpc import Receipt, Rpc
from penstock.chain.standing import Creation, expected_code, find_creation, planned_code, verified_code
from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32

_POLL_SECONDS = 0.2
_POLLS = 600
_GAS_MARGIN_PERCENT = 20
_TOKEN_SEARCH_NONCES = 64
"""How far back an account's transactions are searched for its token."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a contract stands.

    Attributes
    ----------
    code
        What stands there, immutables filled in.
    creation
        What made it; None if the endpoint keeps too little history to tell.
    found
        It stood there already, and nothing was sent.
    """

    address: Address
    code: bytes
    creation: Creation | None
    found: bool

    @property
    def first_block(self) -> int:
        """Return a block before which the contract has no events: its own, or the chain's first."""
        return self.creation.block if self.creation else 1


async def deploy_contracts(
    rpc: Rpc, account: Account, plan: Sequence[Planned], recorded: Mapping[str, Creation | None] | None = None
) -> AsyncIterator[tuple[Planned, Deployed]]:
    """Deploy each planned contract that does not stand yet, paid by ``account``, and the proxy if there is none.

    Ended half-way and run again, it goes on where it was. ``recorded`` is what an earlier run knew of the creations.

    Raises
    ------
    ForeignCode, CreationNotSimulated
        Something else stands at an address, or the endpoint cannot tell.
    ProxyRefused
        There is no proxy, and none can be made.
    TransactionFailed, TransactionPending
        A transaction was mined without effect, or not in time.
    RpcUnavailable, RpcRefused
        The endpoint does not serve, or refuses (out of money for gas, say).
    """
    await _own_transactions_mined(rpc, account)
    await deploy_proxy(rpc, account)
    for planned in plan:
        yield planned, await _deploy_planned(rpc, account, planned, (recorded or {}).get(planned.name))


async def deploy_proxy(rpc: Rpc, account: Account) -> None:
    """Put the deterministic deployment proxy on a chain that lacks it; ``account`` pays. Raises as `deploy_contracts`.

    Its transaction is offered before its signer is given money for it: a chain that refuses it costs nothing.
    """
    code = await rpc.code(PROXY)
    if not code:
        await _offer_proxy(rpc, account)
        await _mined(rpc, PROXY_TRANSACTION_HASH)
        code = await rpc.code(PROXY)
    if code != PROXY_CODE:
        raise ForeignCode("the deployment proxy", str(PROXY), keccak(PROXY_CODE), keccak(code))


async def find_dev_usdc(rpc: Rpc, owner: Address) -> Address:
    """Return where the development token of ``owner`` stands, or would if it were deployed next."""
    token, nonce = artifact("DevUSDC"), await rpc.nonce(owner)
    for used in range(max(0, nonce - _TOKEN_SEARCH_NONCES), nonce):
        place = create_address(owner, used)
        code = await rpc.code(place)
        if code and code == await expected_code(rpc, token, token.bytecode, place, owner):
            return place
    return create_address(owner, nonce)


async def deploy_dev_usdc(rpc: Rpc, account: Account, recorded: Creation | None = None) -> Deployed:
    """Deploy the development token, unless this account has done so. Raises as `deploy_contracts`.

    Not through the proxy: whoever makes it owns it, and alone can mint.
    """
    await _own_transactions_mined(rpc, account)
    init_code = artifact("DevUSDC").bytecode
    place = await find_dev_usdc(rpc, account.address)
    code = await rpc.code(place)
    if code:
        return Deployed(place, code, await find_creation(rpc, place, init_code, recorded), found=True)
    receipt = await send_now(rpc, account, None, init_code)
    return Deployed(place, await rpc.code(place), Creation(receipt.block_number, receipt.hash), found=False)


async def send_now(rpc: Rpc, account: Account, receiver: Address | None, data: bytes, value: int = 0) -> Receipt:
    """Send one transaction, with ``value`` wei, and wait for its block, without a durable record.

    For set-up on chains where nothing is at stake; whatever moves a channel goes through `Sender`.

    Raises
    ------
    CallReverted
        It would revert, and was not sent.
    TransactionFailed, TransactionPending
        It was mined without effect, or not in time.
    RpcUnavailable, RpcRefused
        The endpoint does not serve, or refuses (out of money for gas, say).
    """
    gas = await rpc.estimate_gas(account.address, receiver, data)
    raw, transaction_hash = account.sign_transaction(
        chain_id=rpc.chain_id,
        nonce=await rpc.nonce(account.address),
        receiver=receiver,
        data=data,
        gas_limit=gas + gas * _GAS_MARGIN_PERCENT // 100,
        fees=await Moment(rpc, await rpc.head(), FeeSettings()).market(),
        value=value,
    )
    await rpc.send_raw(raw)
    return await _mined(rpc, transaction_hash)


async def _deploy_planned(rpc: Rpc, account: Account, planned: Planned, recorded: Creation | None) -> Deployed:
    creation, found = None, bool(await planned_code(rpc, planned))
    if not found:
        try:
            receipt = await send_now(rpc, account, PROXY, planned.call)
            creation = Creation(receipt.block_number, receipt.hash)
        except (CallReverted, TransactionFailed):
            # The proxy gives no reason. If somebody else was faster, there is nothing left to do.
            found = await rpc.has_code(planned.address)
            if not found:
                raise
    code = await verified_code(rpc, planned)
    if found:
        creation = await find_creation(rpc, planned.address, planned.call, recorded)
    return Deployed(planned.address, code, creation, found)


async def _offer_proxy(rpc: Rpc, account: Account) -> None:
    if await _proxy_taken(rpc):
        return
    missing = PROXY_COST_WEI - await rpc.balance(PROXY_SIGNER)
    await send_now(rpc, account, PROXY_SIGNER, b"", max(missing, 0))
    if not await _proxy_taken(rpc):
        raise ProxyRefused(f"its signer {PROXY_SIGNER} has the money, and the endpoint says it has not")


async def _proxy_taken(rpc: Rpc) -> bool:
    """Offer the proxy's transaction; tell whether it was taken, or only its signer lacks the money."""
    try:
        await rpc.send_raw(PROXY_TRANSACTION)
    except RpcRefused as refused:
        meaning = classify(refused.reason)
        if meaning is Refusal.NO_FUNDS:
            return False
        if meaning is not Refusal.KNOWN:
            raise ProxyRefused(refused.reason) from refused
    return True


async def _own_transactions_mined(rpc: Rpc, account: Account) -> None:
    """Wait for what a run that was killed has sent: whether it deployed is known only then."""
    waiting = 0
    for _ in range(_POLLS):
        waiting = await rpc.nonce(account.address, "pending")
        if await rpc.nonce(account.address) >= waiting:
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise TransactionPending(f"{waiting - 1} of {account.address}", "sent")


async def _mined(rpc: Rpc, transaction_hash: Bytes32) -> Receipt:
    for _ in range(_POLLS):
        receipt = await rpc.receipt(transaction_hash)
        if receipt is not None:
            break
        await asyncio.sleep(_POLL_SECONDS)
    else:
        raise TransactionPending(str(transaction_hash), "sent")
    if not receipt.succeeded:
        raise TransactionFailed(str(transaction_hash), "it reverted")
    return receipt
