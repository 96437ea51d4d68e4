"""A fresh chain for measuring gas: all contracts, plain tokens, parties with warm balances, the same on every run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.chain import calls
from penstock.chain.abi import Interface
from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.protocol.crypto import keccak
from penstock.protocol.encoding import Domain, Message
from penstock.protocol.locks import NO_LOCKS, LockSet
from penstock.protocol.messages import Channel, SignedState, State
from penstock.protocol.primitives import Address
from tests.support.anvil import CHAIN_ID, Anvil, run_anvil

PERIOD_SECONDS = 3600
MAX_PERIOD_SECONDS = 30 * 24 * 3600
LATE = 4_000_000_000
"""A time that none of the measured messages reaches: as calldata it costs the same on every run."""
USDC = 10**6
DEPOSIT = 100 * USDC
FUNDS = 1_000_000 * USDC
UNLIMITED = 2**256 - 1
BATCH = 25

Figures = dict[str, int]
"""Gas by the operation's name."""

ROOT = Path(__file__).resolve().parents[2]
_START = 1_800_000_000
_BUILD = ROOT / ".tool" / "gas"
_TOKENS = ("PlainToken", "PermitToken")
_CONDITIONS = ("HashLock", "Arbitration", "AllOf", "Optimistic")
_GAS_LIMIT = 16_000_000


def named(name: str) -> Account:
    """Return the account of this name; the same key on every run, because zero bytes of calldata cost less."""
    return Account(keccak(name.encode()))


DEPLOYER = named("deployer")
PAYER = named("payer")
PAYEE = named("payee")
STRANGER = named("stranger")
"""Sends what anyone may send."""
PAYER_SIGNER = named("payer signer")
PAYEE_SIGNER = named("payee signer")


@dataclass(frozen=True, slots=True)
class Contract:
    """Where a contract stands and what it understands."""

    address: Address
    interface: Interface


@dataclass(frozen=True)
class GasChain:
    """The contracts by name, on a chain that mines each transaction in a block of its own."""

    anvil: Anvil
    contracts: Mapping[str, Contract]

    @property
    def channels(self) -> Address:
        """Where `Channels` stands."""
        return self.contracts["Channels"].address

    @property
    def domain(self) -> Domain:
        """What the parties' signatures are bound to."""
        return Domain(CHAIN_ID, self.channels)

    def domain_of(self, contract: str, name: str) -> Domain:
        """Return what signatures for another contract are bound to; ``name`` is that of its EIP-712 domain."""
        return Domain(CHAIN_ID, self.contracts[contract].address, name)

    def channel(self, salt: int, *, one_way: bool = False) -> Channel:
        """Return terms in the plain token on which neither party is its own signer."""
        return Channel(
            payer=PAYER.address,
            payee=PAYEE.address,
            payer_signer=PAYER_SIGNER.address,
            payee_signer=PAYEE_SIGNER.address,
            token=self.contracts["PlainToken"].address,
            challenge_period_seconds=PERIOD_SECONDS,
            one_way=one_way,
            salt=salt,
        )

    def open(self, salt: int, *, one_way: bool = False) -> Channel:
        """Return a channel with the payer's deposit in it."""
        channel = self.channel(salt, one_way=one_way)
        self.send(PAYER, calls.deposit(channel, DEPOSIT))
        return channel

    def signed_state(self, channel: Channel, sequence: int, paid: int, locks: LockSet = NO_LOCKS) -> SignedState:
        """Return a co-signed state."""
        channel_id = self.domain.channel_id(channel)
        state = State(channel_id, sequence, paid, locks.payer_locked, locks.payee_locked, locks.root)
        return SignedState(state, *self.sign(state))

    def sign(self, message: Message) -> tuple[bytes, bytes]:
        """Return both signers' signatures, 65 bytes each."""
        digest = self.domain.digest(message)
        return PAYER_SIGNER.sign_digest(digest), PAYEE_SIGNER.sign_digest(digest)

    def send(self, sender: Account, data: bytes) -> int:
        """Send a transaction to `Channels`, mined when this returns; return the gas its receipt names."""
        return _gas_used(_mined(self.anvil, sender, self.channels, data))

    def call(self, sender: Account, contract: str, function: str, *arguments: object) -> int:
        """Send a call to any of the contracts; return its gas."""
        target = self.contracts[contract]
        data = target.interface.encode_call(function, *arguments)
        return _gas_used(_mined(self.anvil, sender, target.address, data))

    def wait(self) -> None:
        """Let the challenge period pass."""
        self.anvil.increase_time(PERIOD_SECONDS)


@contextmanager
def gas_chain() -> Iterator[GasChain]:
    """Start Anvil with everything deployed; end it afterwards."""
    tokens = _compile_tokens()
    with run_anvil("--timestamp", str(_START), "--hardfork", "prague", "--auto-impersonate") as anvil:
        anvil.fund(DEPLOYER.address, PAYER.address, PAYEE.address, STRANGER.address)
        chain = GasChain(anvil, _deploy_all(anvil, tokens))
        _warm(chain)
        yield chain


def _deploy_all(anvil: Anvil, tokens: Mapping[str, tuple[Interface, bytes]]) -> dict[str, Contract]:
    """Deploy in a fixed order, which fixes the addresses; what is new goes last."""
    channels = artifact("Channels")
    bounds = channels.interface.encode_constructor(1, MAX_PERIOD_SECONDS)
    codes = {"Channels": (channels.interface, channels.bytecode + bounds)} | dict(tokens)
    codes |= {name: (artifact(name).interface, artifact(name).bytecode) for name in _CONDITIONS}
    contracts = {}
    for name, (interface, code) in codes.items():
        receipt = _mined(anvil, DEPLOYER, None, code)
        contracts[name] = Contract(Address(bytes.fromhex(receipt["contractAddress"][2:])), interface)
    return contracts


def _warm(chain: GasChain) -> None:
    """See to it that nobody's balance comes from or goes to zero, and that who deposits by allowance has one."""
    for token in _TOKENS:
        for holder in (PAYER.address, PAYEE.address, STRANGER.address, chain.channels):
            chain.call(DEPLOYER, token, "mint", str(holder), FUNDS)
    for depositor in (PAYER, PAYEE):
        _mined(chain.anvil, depositor, chain.contracts["PlainToken"].address, calls.approve(chain.channels, UNLIMITED))


def _compile_tokens() -> dict[str, tuple[Interface, bytes]]:
    """Compile OpenZeppelin's tokens with the settings of the contracts that ship."""
    sources = [f"tests/contracts/mocks/{name}.sol" for name in _TOKENS]
    folders = ["--out", str(_BUILD / "out"), "--cache-path", str(_BUILD / "cache")]
    subprocess.run(
        [str(ROOT / ".tool/bin/forge"), "build", *sources, *folders],
        cwd=ROOT,
        env=os.environ | {"FOUNDRY_PROFILE": "production"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    compiled = {name: json.loads((_BUILD / "out" / f"{name}.sol" / f"{name}.json").read_text()) for name in _TOKENS}
    return {
        name: (Interface(output["abi"]), bytes.fromhex(output["bytecode"]["object"].removeprefix("0x")))
        for name, output in compiled.items()
    }


def _mined(anvil: Anvil, sender: Account, to: Address | None, data: bytes) -> dict[str, str]:
    fields = {"from": str(sender.address), "data": "0x" + data.hex(), "gas": hex(_GAS_LIMIT)}
    if to is not None:
        fields["to"] = str(to)
    receipt: dict[str, str] = anvil.rpc("eth_sendTransactionSync", fields)
    assert int(receipt["status"], 16) == 1, f"reverted: 0x{data[:4].hex()}"
    return receipt


def _gas_used(receipt: Mapping[str, str]) -> int:
    return int(receipt["gasUsed"], 16)
