"""The two primitives that everything rests on: keccak-256 and secp256k1 recovery.

Both come from C libraries. Signing is not here: private keys never enter the core.
"""

from __future__ import annotations

import sha3
from coincurve import PublicKey

GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of secp256k1 (SEC 2, section 2.4.1)."""


def keccak(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash, Ethereum's (not NIST's SHA3-256)."""
    return bytes(sha3.keccak_256(data).digest())


def recover_public_key(digest: bytes, compact: bytes, parity: int) -> bytes | None:
    """Recover the 64-byte public key from a digest, ``r || s`` and the parity of R.y; None if there is none."""
    try:
        key = PublicKey.from_signature_and_message(compact + bytes((parity,)), digest, hasher=None)
    except ValueError:
        return None
    return key.format(compressed=False)[1:]
