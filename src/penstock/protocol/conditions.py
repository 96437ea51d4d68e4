"""What the keys of the four conditions commit to, and what is signed for them (docs/protocol.md, section 2, Locks).

The mirror of contracts/conditions; a node shows what a key commits to before it accepts a lock that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from penstock.protocol.crypto import keccak
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import InvalidConditionTerms
from penstock.protocol.primitives import UINT32_MAX, UINT40_MAX, ZERO_ADDRESS, Address, Bytes32, check_range

ARBITRATION_NAME = "Penstock Arbitration"
OPTIMISTIC_NAME = "Penstock Optimistic"
ARBITERS_MAX = 255
"""As many as a threshold can ask for."""


@dataclass(frozen=True, slots=True)
class HashLockTerms:
    """Paid for a preimage of 32 bytes."""

    digest: Bytes32

    @property
    def key(self) -> Bytes32:
        """Return the key: the digest itself."""
        return self.digest

    def opens(self, preimage: Bytes32) -> bool:
        """Return whether this is the preimage."""
        return sha256(preimage).digest() == self.digest


@dataclass(frozen=True, slots=True)
class ArbitrationTerms:
    """Paid as ``threshold`` of the arbiters say about a case.

    Raises
    ------
    InvalidConditionTerms
        There is none, are more than `ARBITERS_MAX`, or they are not strictly ascending or zero.
    AmountOutOfRange
        The threshold is not 1 to their number.
    """

    arbiters: tuple[Address, ...]
    threshold: int
    case_id: Bytes32

    def __post_init__(self) -> None:
        """Check what the contract checks."""
        if not 1 <= len(self.arbiters) <= ARBITERS_MAX:
            raise InvalidConditionTerms(f"there must be 1 to {ARBITERS_MAX} arbiters", str(len(self.arbiters)))
        check_range(self.threshold, "threshold", 1, len(self.arbiters))
        for before, arbiter in zip((ZERO_ADDRESS, *self.arbiters), self.arbiters, strict=False):
            if arbiter <= before:
                raise InvalidConditionTerms("arbiters must ascend strictly and not be zero", str(arbiter))

    @property
    def key(self) -> Bytes32:
        """Return ``keccak256(abi.encode(arbiters, threshold, caseId))``."""
        tail = _word(len(self.arbiters)) + b"".join(_address_word(arbiter) for arbiter in self.arbiters)
        return Bytes32(keccak(_word(3 * 32) + _word(self.threshold) + self.case_id + tail))


@dataclass(frozen=True, slots=True)
class AllOfTerms:
    """Paid the least share that all parts give, decided by somebody's call until ``not_after`` (inclusive).

    Raises
    ------
    InvalidConditionTerms
        There is no part.
    AmountOutOfRange
        ``not_after`` does not fit the contract's type.
    """

    parts: tuple[tuple[Address, Bytes32], ...]
    not_after: int

    def __post_init__(self) -> None:
        """Check what the contract checks."""
        if not self.parts:
            raise InvalidConditionTerms("there must be a part", "none")
        check_range(self.not_after, "not_after", 0, UINT40_MAX)

    @property
    def key(self) -> Bytes32:
        """Return ``keccak256(abi.encode(parts, notAfter))``."""
        tail = _word(len(self.parts)) + b"".join(_address_word(condition) + key for condition, key in self.parts)
        return Bytes32(keccak(_word(2 * 32) + _word(self.not_after) + tail))


@dataclass(frozen=True, slots=True)
class OptimisticTerms:
    """Paid in full a window after the claimant's assertion, unless the disputer objects: then as the arbitration says.

    Raises
    ------
    InvalidConditionTerms
        A zero address.
    AmountOutOfRange
        No window, or one that does not fit the contract's type.
    """

    claimant: Address
    disputer: Address
    window_seconds: int
    arbitration: Address
    arbitration_key: Bytes32

    def __post_init__(self) -> None:
        """Check what the contract checks."""
        if ZERO_ADDRESS in (self.claimant, self.disputer, self.arbitration):
            raise InvalidConditionTerms("no address may be zero", str(ZERO_ADDRESS))
        check_range(self.window_seconds, "window_seconds", 1, UINT32_MAX)

    @property
    def key(self) -> Bytes32:
        """Return ``keccak256(abi.encode(terms))``."""
        return Bytes32(
            keccak(
                _address_word(self.claimant)
                + _address_word(self.disputer)
                + _word(self.window_seconds)
                + _address_word(self.arbitration)
                + self.arbitration_key
            )
        )


def verdict_digest(domain: Domain, key: Bytes32, share_bps: int) -> Bytes32:
    """Return what arbiters sign, under the domain of the contract `Arbitration`."""
    return domain.typed("Verdict(bytes32 key,uint16 shareBps)", key + _word(share_bps))


def assertion_digest(domain: Domain, key: Bytes32) -> Bytes32:
    """Return what a claimant signs, under the domain of the contract `Optimistic`."""
    return domain.typed("Assertion(bytes32 key)", key)


def objection_digest(domain: Domain, key: Bytes32) -> Bytes32:
    """Return what a disputer signs, under the domain of the contract `Optimistic`."""
    return domain.typed("Objection(bytes32 key)", key)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address_word(value: Address) -> bytes:
    return bytes(12) + value
