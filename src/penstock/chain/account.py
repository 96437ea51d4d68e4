"""An account: a private key that signs digests and transactions, and shows itself to nobody."""

from __future__ import annotations

import secrets
from typing import Any, Self

from coincurve import PrivateKey
from eth_account import Account as EthAccount

from penstock.chain.errors import InvalidKey
from penstock.chain.fees import Fees
from penstock.protocol.crypto import GROUP_ORDER
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import V_BASE, address_of

KEY_SIZE = 32


class Account:
    """Sign with one private key.

    Parameters
    ----------
    key
        32 bytes.

    Raises
    ------
    InvalidKey
        Another length, zero, or not below the group order.
    """

    __slots__ = ("_key", "address")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise InvalidKey(f"{len(key)} bytes, expected {KEY_SIZE}")
        if not 0 < int.from_bytes(key, "big") < GROUP_ORDER:
            raise InvalidKey("outside the range of secp256k1 keys")
        self._key = PrivateKey(key)
        self.address: Address = address_of(self._key.public_key.format(compressed=False)[1:])

    @classmethod
    def create(cls) -> Self:
        """Make an account with a fresh random key."""
        return cls(new_key())

    def __repr__(self) -> str:
        """Name the address only: a key has no place in logs and traces."""
        return f"{type(self).__name__}({self.address})"

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign 32 bytes: 65 bytes r, s, v with low s and v 27 or 28, the same ones every time (RFC 6979)."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((signature[64] + V_BASE,))

    def sign_transaction(
        self,
        *,
        chain_id: int,
        nonce: int,
        receiver: Address | None,
        data: bytes,
        gas_limit: int,
        fees: Fees,
        value: int = 0,
    ) -> tuple[bytes, Bytes32]:
        """Sign a call that moves ``value`` wei (EIP-1559); return the transaction's bytes and their hash.

        Without a ``receiver`` it deploys ``data``. The same arguments give the same bytes.
        """
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "value": value,
            "data": data,
            "gas": gas_limit,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.priority_fee,
        }
        if receiver is not None:
            fields["to"] = str(receiver)
        signed = EthAccount.sign_transaction(fields, self._key.secret)
        return bytes(signed.raw_transaction), Bytes32(bytes(signed.hash))


def new_key() -> bytes:
    """Draw a private key from the system's randomness."""
    return (1 + secrets.randbelow(GROUP_ORDER - 1)).to_bytes(KEY_SIZE, "big")
