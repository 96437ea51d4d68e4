"""Where contracts stand before anything is sent: addresses that follow from the code (EIP-1014).

The deterministic deployment proxy (github.com/Arachnid/deterministic-deployment-proxy) stands at one address on every
chain, because one transaction, whose signature nobody's key made, put it there. It takes a salt and creation code and
passes them to CREATE2. So a contract's address follows from the salt, the creation code and the constructor's
arguments, and from nothing else: not from the chain, not from who pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.chain.artifacts import Artifact, artifact
from penstock.chain.errors import EmptyBounds
from penstock.protocol.crypto import keccak
from penstock.protocol.primitives import Address, Bytes32

PROXY = Address(bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c"))
"""The deterministic deployment proxy."""

PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""All of its code: CREATE2 of what follows the first word, the first word being the salt."""

PROXY_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    "1ba02222222222222222222222222222222222222222222222222222222222222222"
    "a02222222222222222222222222222222222222222222222222222222222222222"
)
"""The transaction that makes it, good on every chain that still takes transactions without a chain id."""

PROXY_TRANSACTION_HASH = Bytes32(keccak(PROXY_TRANSACTION))
PROXY_SIGNER = Address(bytes.fromhex("3fab184622dc19b6109349b94811493bf2a45362"))
"""Whom the transaction's signature recovers to; nobody has the key."""

PROXY_COST_WEI = 100_000 * 100 * 10**9
"""What the signer must hold: 100,000 gas at 100 gwei, 0.01 ETH."""

SALT = Bytes32(keccak(b"penstock.v1"))
"""The salt of every contract of ours; another one would give other addresses."""

CONDITIONS = ("HashLock", "Arbitration", "AllOf", "Optimistic")
"""The conditions that ship, in the order of deployment; their constructors take no arguments."""

_UINT32_MAX = 2**32 - 1
_SHORT_STRING = 0x80
_SHORT_LIST = 0xC0


@dataclass(frozen=True, slots=True)
class Planned:
    """A contract to deploy through the proxy.

    Attributes
    ----------
    arguments
        The constructor's arguments by the name that the manifest gives them, in their order.
    """

    artifact: Artifact
    arguments: Mapping[str, int]

    @property
    def name(self) -> str:
        """Return the contract's name."""
        return self.artifact.name

    @property
    def encoded_arguments(self) -> bytes:
        """Return the arguments as they follow the creation code."""
        return self.artifact.interface.encode_constructor(*self.arguments.values())

    @property
    def init_code(self) -> bytes:
        """Return the creation code with its arguments."""
        return self.artifact.bytecode + self.encoded_arguments

    @property
    def address(self) -> Address:
        """Return where it will stand, on every chain."""
        return create2_address(PROXY, SALT, self.init_code)

    @property
    def call(self) -> bytes:
        """Return the calldata with which the proxy deploys it."""
        return SALT + self.init_code


def plan_contracts(min_challenge_period_seconds: int, max_challenge_period_seconds: int) -> tuple[Planned, ...]:
    """Return all contracts of a deployment: `Channels` with these bounds, then the conditions.

    Raises
    ------
    EmptyBounds
        The bounds hold no period, begin at zero or exceed 32 bits: the contract would refuse them.
    """
    if not 0 < min_challenge_period_seconds <= max_challenge_period_seconds <= _UINT32_MAX:
        raise EmptyBounds(min_challenge_period_seconds, max_challenge_period_seconds)
    bounds = {
        "minChallengePeriodSeconds": min_challenge_period_seconds,
        "maxChallengePeriodSeconds": max_challenge_period_seconds,
    }
    return Planned(artifact("Channels"), bounds), *(Planned(artifact(name), {}) for name in CONDITIONS)


def create2_address(deployer: Address, salt: Bytes32, init_code: bytes) -> Address:
    """Return the address that CREATE2 gives (EIP-1014)."""
    return Address(keccak(b"\xff" + deployer + salt + keccak(init_code))[12:])


def create_address(sender: Address, nonce: int) -> Address:
    """Return the address of the contract that an account's transaction makes (Yellow Paper, section 7)."""
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    # RLP: one byte below 0x80 stands for itself, anything else follows its length.
    number = digits if 0 < nonce < _SHORT_STRING else bytes((_SHORT_STRING + len(digits),)) + digits
    body = bytes((_SHORT_STRING + len(sender),)) + sender + number
    return Address(keccak(bytes((_SHORT_LIST + len(body),)) + body)[12:])
