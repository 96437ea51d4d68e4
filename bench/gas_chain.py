"""A fresh chain for measuring gas: the contracts, a plain token, parties with warm balances, the same on every run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.chain import calls
from penstock.chain.abi import Interface
from penstock.chain.account import Account
from penstock.chain.artifacts import artifact
from penstock.protocol.crypto import keccak
from penstock.protocol.encoding import Domain, Message
from penstock.protocol.messages import Channel
from penstock.protocol.primitives import Address
from penstock.protocol.signatures import to_compact
from tests.support.anvil import CHAIN_ID, Anvil, run_anvil

ROOT = Path(__file__).resolve().parent.parent
PERIOD_SECONDS = 3600
LATE = 4_000_000_000
"""A time that none of the measured messages reaches: as calldata it costs the same on every run."""

_START = 1_800_000_000
_BUILD = ROOT / ".tool" / "gas"
_GAS_LIMIT = 16_000_000
_FUNDS = 10**12
_LOOKS = 1000
_LOOK_SECONDS = 0.01


def named(name: str) -> Account:
    """Return the account of this name; the same key on every run."""
    return Account(keccak(name.encode()))


@dataclass(frozen=True)
class GasChain:
    """Two parties, their signers, and a stranger who sends what anyone may send."""

    anvil: Anvil
    contract: Address
    token: Address
    hash_lock: Address
    payer: Account
    payee: Account
    stranger: Account

    @property
    def domain(self) -> Domain:
        """What the parties' signatures are bound to."""
        return Domain(CHAIN_ID, self.contract)

    def channel(self, salt: int = 1, *, one_way: bool = False) -> Channel:
        """Return terms; all parties sign with keys of their own."""
        return Channel(
            self.payer.address,
            self.payee.address,
            named("payer signer").address,
            named("payee signer").address,
            self.token,
            PERIOD_SECONDS,
            one_way,
            salt,
        )

    def sign(self, message: Message) -> tuple[bytes, bytes]:
        """Return both signers' signatures, 65 bytes each."""
        digest = self.domain.digest(message)
        return named("payer signer").sign_digest(digest), named("payee signer").sign_digest(digest)

    def both(self, message: Message) -> tuple[object, object]:
        """Return both signatures as the contract takes them."""
        payer, payee = self.sign(message)
        return to_compact(payer), to_compact(payee)

    def send(self, sender: Account, data: bytes, to: Address | None = None) -> int:
        """Send a transaction, mined when this returns; return the gas its receipt names."""
        receipt = _mined(self.anvil, sender.address, to or self.contract, data)
        assert int(receipt["status"], 16) == 1, f"reverted: 0x{data[:4].hex()}"
        return int(receipt["gasUsed"], 16)

    def call(self, sender: Account, name: str, *arguments: object) -> int:
        """Send a call to `Channels`; return its gas."""
        return self.send(sender, artifact("Channels").interface.encode_call(name, *arguments))

    def wait(self) -> None:
        """Let the challenge period pass."""
        self.anvil.increase_time(PERIOD_SECONDS)


@contextmanager
def gas_chain() -> Iterator[GasChain]:
    """Start Anvil with everything deployed; end it afterwards."""
    with run_anvil("--timestamp", str(_START), "--hardfork", "prague") as anvil:
        yield _prepared(anvil)


def _prepared(anvil: Anvil) -> GasChain:
    deployer, payer, payee, stranger = (named(name) for name in ("deployer", "payer", "payee", "stranger"))
    for account in (deployer, payer, payee, stranger):
        anvil.fund(account.address)
        anvil.rpc("anvil_impersonateAccount", str(account.address))
    channels = artifact("Channels")
    bounds = channels.interface.encode_constructor(1, 30 * 24 * 3600)
    contract = _deployed(anvil, deployer, channels.bytecode + bounds)
    hash_lock = _deployed(anvil, deployer, artifact("HashLock").bytecode)
    interface, bytecode = plain_token()
    token = _deployed(anvil, deployer, bytecode)
    # Warm: nobody's balance changes from or to zero, the contract's neither.
    for holder in (payer.address, payee.address, stranger.address, contract):
        _mined(anvil, deployer.address, token, interface.encode_call("mint", str(holder), _FUNDS))
    for holder in (payer.address, payee.address, stranger.address):
        _mined(anvil, holder, token, calls.approve(contract, 2**256 - 1))
    return GasChain(anvil, contract, token, hash_lock, payer, payee, stranger)


def plain_token() -> tuple[Interface, bytes]:
    """Compile the yardstick, OpenZeppelin's ERC-20 with EIP-3009, with the contracts' own settings."""
    source = "tests/contracts/mocks/PlainToken.sol"
    folders = ["--out", str(_BUILD / "out"), "--cache-path", str(_BUILD / "cache")]
    subprocess.run(
        [str(ROOT / ".tool/bin/forge"), "build", source, *folders],
        cwd=ROOT,
        env=os.environ | {"FOUNDRY_PROFILE": "production"},
        check=True,
        capture_output=True,
    )
    compiled = json.loads((_BUILD / "out" / "PlainToken.sol" / "PlainToken.json").read_text())
    return Interface(compiled["abi"]), bytes.fromhex(compiled["bytecode"]["object"].removeprefix("0x"))


def _deployed(anvil: Anvil, sender: Account, code: bytes) -> Address:
    receipt = _mined(anvil, sender.address, None, code)
    return Address(bytes.fromhex(receipt["contractAddress"][2:]))


def _mined(anvil: Anvil, sender: Address, to: Address | None, data: bytes) -> dict[str, str]:
    fields = {"from": str(sender), "data": "0x" + data.hex(), "gas": hex(_GAS_LIMIT)}
    if to is not None:
        fields["to"] = str(to)
    sent = anvil.rpc("eth_sendTransaction", fields)
    # The answer may come before the block does.
    for _ in range(_LOOKS):
        receipt: dict[str, str] | None = anvil.rpc("eth_getTransactionReceipt", sent)
        if receipt is not None:
            return receipt
        time.sleep(_LOOK_SECONDS)
    raise AssertionError(f"{sent} is in no block")
