"""An ERC-20 token as it is read, and what its holder signs to fund a channel (EIP-20, EIP-3009)."""

from __future__ import annotations

from typing import Any

from penstock.chain.abi import UndecodableError
from penstock.chain.artifacts import artifact
from penstock.chain.errors import CallReverted, ForeignContract, RpcUnavailable
from penstock.chain.rpc import Rpc
from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32

_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_RECEIVE_TYPE = (
    b"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
    b"bytes32 nonce)"
)


class Token:
    """A token, read through one endpoint."""

    def __init__(self, rpc: Rpc, address: Address) -> None:
        self._rpc = rpc
        self.address = address

    async def balance(self, account: Address) -> int:
        """Return an account's balance in smallest units."""
        return int(await self._call("balanceOf", str(account)))

    async def allowance(self, owner: Address, spender: Address) -> int:
        """Return what ``spender`` may take from ``owner``, in smallest units."""
        return int(await self._call("allowance", str(owner), str(spender)))

    async def decimals(self) -> int:
        """Return how many digits of an amount stand behind the point."""
        return int(await self._call("decimals"))

    async def symbol(self) -> str:
        """Return the short name."""
        return str(await self._call("symbol"))

    async def domain_separator(self) -> bytes:
        """Return the token's EIP-712 domain separator (32 bytes).

        It is computed from name and version for this chain and this address, and compared with what the token
        says: an endpoint that lies cannot have a signature made for another token or chain.

        Raises
        ------
        ForeignContract
            The two differ.
        CallReverted
            The token has none: no EIP-3009.
        """
        name, version = str(await self._call("name")), str(await self._call("version"))
        expected = keccak(
            keccak(_DOMAIN_TYPE)
            + keccak(name.encode())
            + keccak(version.encode())
            + _word(self._rpc.chain_id)
            + _padded(self.address)
        )
        got = bytes(await self._call("DOMAIN_SEPARATOR"))
        if got != expected:
            raise ForeignContract(str(self.address), expected, got)
        return expected

    async def authorization_used(self, owner: Address, nonce: Bytes32) -> bool:
        """Tell whether an EIP-3009 authorization was used or cancelled."""
        return bool(await self._call("authorizationState", str(owner), bytes(nonce)))

    async def _call(self, name: str, *arguments: object) -> Any:
        function = artifact("DevUSDC").interface.function(name, len(arguments))
        data = await self._rpc.call(self.address, function.encode(*arguments))
        if not data:
            raise CallReverted(f"{self.address} does not answer {name}: it is no such token", b"")
        try:
            return function.decode(data)[0]
        except UndecodableError as error:
            raise RpcUnavailable(self._rpc.url, "eth_call", f"{name}: {error}") from error


def authorization_nonce(channel_id: Bytes32, auth_salt: Bytes32) -> Bytes32:
    """Return the nonce that binds a signed transfer to one channel on its terms (docs/protocol.md, section 2)."""
    return Bytes32(keccak(channel_id + auth_salt))


def authorization_digest(
    domain_separator: bytes,
    *,
    owner: Address,
    contract: Address,
    amount: int,
    valid_after: int,
    valid_before: int,
    nonce: Bytes32,
) -> Bytes32:
    """Return the 32 bytes that ``owner`` signs to let ``contract`` take ``amount`` (EIP-3009, EIP-712).

    Times are seconds since the epoch.
    """
    message = keccak(
        keccak(_RECEIVE_TYPE)
        + _padded(owner)
        + _padded(contract)
        + _word(amount)
        + _word(valid_after)
        + _word(valid_before)
        + nonce
    )
    return Bytes32(keccak(b"\x19\x01" + domain_separator + message))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _padded(address: Address) -> bytes:
    return address.rjust(32, b"\0")
