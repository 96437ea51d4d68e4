"""What is signed: the channel's terms and the messages that name it (docs/protocol.md, section 2).

All amounts are integers in the token's smallest unit; all times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import InvalidTerms
from penstock.protocol.locks import NO_LOCKS, LockSet
from penstock.protocol.primitives import (
    INT128_MAX,
    INT128_MIN,
    UINT32_MAX,
    UINT64_MAX,
    UINT88_MAX,
    UINT128_MAX,
    ZERO_ADDRESS,
    ZERO_WORD,
    Address,
    Bytes32,
    check_range,
)


@dataclass(frozen=True, slots=True)
class Channel:
    """The terms of a channel: hashed into its id, never stored by the contract.

    Raises
    ------
    InvalidTerms
        The contract would refuse to open a channel on these terms.
    AmountOutOfRange
        The period or the salt does not fit its type.
    """

    payer: Address
    payee: Address
    payer_signer: Address
    payee_signer: Address
    token: Address
    challenge_period_seconds: int
    one_way: bool
    salt: int

    def __post_init__(self) -> None:
        """Check the rules that the contract checks at opening, but for its bounds on the challenge period."""
        check_range(self.challenge_period_seconds, "challenge_period_seconds", 0, UINT32_MAX)
        check_range(self.salt, "salt", 0, UINT88_MAX)
        if self.payer == self.payee:
            raise InvalidTerms("payer and payee must differ", str(self.payer))
        if self.payer_signer == self.payee_signer:
            raise InvalidTerms("the signers must differ", str(self.payer_signer))
        for name in ("payer", "payee", "payer_signer", "payee_signer", "token"):
            if getattr(self, name) == ZERO_ADDRESS:
                raise InvalidTerms(f"{name} must not be the zero address", str(ZERO_ADDRESS))

    @property
    def kind(self) -> str:
        """Return ``one-way`` or ``two-way``."""
        return "one-way" if self.one_way else "two-way"


@dataclass(frozen=True, slots=True)
class State:
    """A numbered state of a two-way channel; ``paid`` is the net amount from payer to payee, negative the other way.

    Raises
    ------
    AmountOutOfRange
        A figure does not fit the contract's type; nor does it in the messages below.
    """

    channel_id: Bytes32
    sequence: int
    paid: int
    payer_locked: int = 0
    payee_locked: int = 0
    locks_root: Bytes32 = ZERO_WORD

    def __post_init__(self) -> None:
        """Check the figures."""
        check_range(self.sequence, "sequence", 0, UINT64_MAX)
        check_range(self.paid, "paid", INT128_MIN, INT128_MAX)
        check_range(self.payer_locked, "payer_locked", 0, UINT128_MAX)
        check_range(self.payee_locked, "payee_locked", 0, UINT128_MAX)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A one-way channel's cumulative promise: the payee may collect up to ``paid``."""

    channel_id: Bytes32
    paid: int

    def __post_init__(self) -> None:
        """Check the figure."""
        check_range(self.paid, "paid", 0, UINT128_MAX)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Absolute totals that may be withdrawn before ``deadline`` while the channel stays open."""

    channel_id: Bytes32
    payer_total: int
    payee_total: int
    deadline: int

    def __post_init__(self) -> None:
        """Check the figures."""
        check_range(self.payer_total, "payer_total", 0, UINT128_MAX)
        check_range(self.payee_total, "payee_total", 0, UINT128_MAX)
        check_range(self.deadline, "deadline", 0, UINT64_MAX)


@dataclass(frozen=True, slots=True)
class Close:
    """An agreed close at ``paid``."""

    channel_id: Bytes32
    paid: int

    def __post_init__(self) -> None:
        """Check the figure."""
        check_range(self.paid, "paid", INT128_MIN, INT128_MAX)


@dataclass(frozen=True, slots=True)
class CloseIntent:
    """A party's leave for a relayer to start a close before ``deadline``, with a state of at least ``min_sequence``."""

    channel_id: Bytes32
    min_sequence: int
    deadline: int

    def __post_init__(self) -> None:
        """Check the figures."""
        check_range(self.min_sequence, "min_sequence", 0, UINT64_MAX)
        check_range(self.deadline, "deadline", 0, UINT64_MAX)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A watcher's word that it holds a state (``digest`` of the `State`, or of the `Voucher` with sequence 0)."""

    channel_id: Bytes32
    sequence: int
    digest: Bytes32
    received_at: int


@dataclass(frozen=True, slots=True)
class Request:
    """A reader's proof that it is a party's signer: one HTTP request, one moment."""

    method: str
    path: str
    issued_at: int


@dataclass(frozen=True, slots=True)
class SignedState:
    """A state with both signatures, 65 bytes each; the payee's is empty while it is only half-signed.

    ``locks`` are the pending ones that ``state.locks_root`` commits to.
    """

    state: State
    payer_signature: bytes
    payee_signature: bytes = b""
    locks: LockSet = NO_LOCKS


@dataclass(frozen=True, slots=True)
class SignedVoucher:
    """A voucher with the payer's signature (65 bytes)."""

    voucher: Voucher
    payer_signature: bytes
