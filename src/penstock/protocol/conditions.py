"""What the keys of the four conditions commit to, and what is signed for them (docs/protocol.md, section 2, Locks).

The mirror of contracts/conditions; a node shows what a key commits to before it accepts a lock that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from penstock.protocol.crypto import keccak
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import InvalidConditionTerms, LockExpiresTooEarly
from penstock.protocol.locks import Lock
from penstock.protocol.primitives import ZERO_ADDRESS, Address, Bytes32

ARBITRATION_NAME = "Penstock Arbitration"
OPTIMISTIC_NAME = "Penstock Optimistic"


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
        The contract would refuse: arbiters not strictly ascending or zero, threshold not 1 to their number.
    """

    arbiters: tuple[Address, ...]
    threshold: int
    case_id: Bytes32

    def __post_init__(self) -> None:
        """Check what the contract checks."""
        if not 1 <= self.threshold <= min(len(self.arbiters), 255):
            raise InvalidConditionTerms("the threshold must be 1 to the number of arbiters", str(self.threshold))
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
    """

    parts: tuple[tuple[Address, Bytes32], ...]
    not_after: int

    def __post_init__(self) -> None:
        """Check what the contract checks."""
        if not self.parts:
            raise InvalidConditionTerms("there must be a part", "none")

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
        A zero address or no window.
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
        if self.window_seconds == 0:
            raise InvalidConditionTerms("the window must be a second at least", "0")

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


PARTS_MAX = 32
"""Parts that one evaluation has the gas for on every chain, though each burn all that it is given."""


def check_all_of(lock: Lock, terms: AllOfTerms) -> None:
    """Check that a lock's list can be evaluated, and in time for it.

    Raises
    ------
    InvalidConditionTerms
        More than `PARTS_MAX` parts: an evaluation that fits into no block gives the money back to its sender.
    LockExpiresTooEarly
        A workflow decided in time could leave this lock undecided in time.
    """
    if len(terms.parts) > PARTS_MAX:
        raise InvalidConditionTerms(f"at most {PARTS_MAX} parts", str(len(terms.parts)))
    if lock.expiry < terms.not_after:
        raise LockExpiresTooEarly(lock.expiry, terms.not_after)


def check_optimistic(
    lock: Lock, terms: OptimisticTerms, now: int, work_seconds: int, arbitration_seconds: int, decides_at: int
) -> None:
    """Check that a key is fresh, and that work, window and arbitration fit in before the lock expires.

    ``decides_at`` is what the contract's `assertionOf` says of the key: 0 while nobody has asserted it.

    Raises
    ------
    InvalidConditionTerms
        Somebody said already that the work is done: an older assertion would pay for it.
    LockExpiresTooEarly
        There is not enough time.
    """
    if decides_at:
        raise InvalidConditionTerms("nobody may have asserted the key yet", f"asserted, decided at {decides_at}")
    needed = now + work_seconds + terms.window_seconds + arbitration_seconds
    if lock.expiry < needed:
        raise LockExpiresTooEarly(lock.expiry, needed)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address_word(value: Address) -> bytes:
    return bytes(12) + value
