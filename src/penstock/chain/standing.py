"""What stands on chain: whether it is what ships, and which transaction made it."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.chain.artifacts import Artifact
from penstock.chain.create2 import PROXY, Planned
from penstock.chain.errors import CallReverted, CreationNotSimulated, ForeignCode, NoContract, RpcRefused
from penstock.chain.rpc import Rpc
from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32


@dataclass(frozen=True, slots=True)
class Creation:
    """The transaction that made a contract, and its block: followers start there."""

    block: int
    transaction: Bytes32


async def planned_code(rpc: Rpc, planned: Planned) -> bytes:
    """Return the code of a planned contract, empty if it does not stand yet.

    Raises
    ------
    ForeignCode
        Other code stands at its address, which CREATE2 rules out: the chain or the endpoint lies.
    CreationNotSimulated
        The endpoint cannot tell what should stand there.
    RpcUnavailable, RpcRefused
        The endpoint does not serve.
    """
    code = await rpc.code(planned.address)
    if not code:
        return b""
    expected = await expected_code(rpc, planned.artifact, planned.init_code, planned.address, PROXY)
    if code != expected:
        raise ForeignCode(planned.name, str(planned.address), keccak(expected), keccak(code))
    return code


async def verified_code(rpc: Rpc, planned: Planned) -> bytes:
    """Return the code of a planned contract, which must stand; raises `NoContract`, and as `planned_code`."""
    code = await planned_code(rpc, planned)
    if not code:
        raise NoContract(str(planned.address))
    return code


async def expected_code(rpc: Rpc, artifact: Artifact, init_code: bytes, place: Address, creator: Address) -> bytes:
    """Return the code that ``creator`` would make at ``place``, immutables filled in. Raises as `planned_code`.

    The immutables hold the chain's id and the contract's own address, so the creation code is run there; nothing
    is sent.
    """
    try:
        code = await rpc.run_code(init_code, place, creator)
    except CallReverted:
        code = b""
    if len(code) != len(artifact.runtime):
        raise CreationNotSimulated(artifact.name, len(artifact.runtime), len(code))
    return code


async def find_creation(rpc: Rpc, address: Address, data: bytes, recorded: Creation | None) -> Creation | None:
    """Return the transaction with this ``data`` that made the contract at ``address``.

    ``recorded`` is believed if the chain has that transaction, or if the endpoint keeps too little history to find
    another; None if nobody knows, or if a contract, not a transaction, made it. Raises as `planned_code`.
    """
    if recorded and await _made(rpc, recorded.transaction, address, recorded.block):
        return recorded
    try:
        block = await _first_block_with_code(rpc, address)
        for transaction_hash in await rpc.transactions_with(data, block):
            if await _made(rpc, transaction_hash, address, block):
                return Creation(block, transaction_hash)
    except RpcRefused:
        return recorded
    return None


async def _made(rpc: Rpc, transaction_hash: Bytes32, address: Address, block: int) -> bool:
    receipt = await rpc.receipt(transaction_hash)
    if receipt is None or not receipt.succeeded or receipt.block_number != block:
        return False
    # What the proxy makes is not named in the receipt.
    return receipt.contract in (None, address)


async def _first_block_with_code(rpc: Rpc, address: Address) -> int:
    without, having = -1, (await rpc.head()).number
    while having - without > 1:
        middle = (without + having) // 2
        if await rpc.code(address, middle):
            having = middle
        else:
            without = middle
    return having
