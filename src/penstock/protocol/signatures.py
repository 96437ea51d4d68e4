"""Signatures as they come from outside: 65 bytes, low-s, v 27 or 28, by the one key that was named (INV-6).

The libraries are laxer than the contract: recovery accepts high-s, verification ignores v. Whatever passes here
passes there, and nothing else does.
"""

from __future__ import annotations

from penstock.protocol.crypto import GROUP_ORDER, keccak, recover_public_key
from penstock.protocol.errors import HighS, MalformedSignature, WrongSigner
from penstock.protocol.primitives import Address

SIGNATURE_SIZE = 65
_HALF_ORDER = GROUP_ORDER // 2
V_BASE = 27


def recover(digest: bytes, signature: bytes) -> Address:
    """Return the address whose key signed ``digest`` (32 bytes) with ``signature`` (r, s, v: 65 bytes).

    Raises
    ------
    MalformedSignature
        Another length, v not 27 or 28, r or s zero or not below the group order, or no such point.
    HighS
        s is above half the group order (EIP-2).
    """
    if len(signature) != SIGNATURE_SIZE:
        raise MalformedSignature(f"{len(signature)} bytes, expected {SIGNATURE_SIZE}")
    v = signature[64]
    if v not in (V_BASE, V_BASE + 1):
        raise MalformedSignature(f"v is {v}, expected 27 or 28")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not (0 < r < GROUP_ORDER and 0 < s < GROUP_ORDER):
        raise MalformedSignature("r and s must be above zero and below the group order")
    if s > _HALF_ORDER:
        raise HighS(hex(s))
    key = recover_public_key(digest, signature[:64], v - V_BASE)
    if key is None:
        raise MalformedSignature("no public key fits it")
    return address_of(key)


def check_signer(digest: bytes, signature: bytes, signer: Address) -> None:
    """Check that ``signer`` signed ``digest``.

    Raises
    ------
    MalformedSignature, HighS
        As `recover`.
    WrongSigner
        Another key signed, or another message was signed.
    """
    recovered = recover(digest, signature)
    if recovered != signer:
        raise WrongSigner(str(signer), str(recovered))


def address_of(public_key: bytes) -> Address:
    """Return the address of an uncompressed public key (64 bytes, without its prefix)."""
    return Address(keccak(public_key)[12:])


def to_compact(signature: bytes) -> tuple[bytes, bytes]:
    """Return ``(r, vs)``, the contract's form (EIP-2098), of a checked 65-byte signature."""
    s = bytearray(signature[32:64])
    s[0] |= (signature[64] - V_BASE) << 7
    return signature[:32], bytes(s)
