"""A real local chain in a process of its own, and the contracts on it."""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.create2 import plan_contracts
from penstock.chain.deploy import deploy_contracts, deploy_dev_usdc, send_now
from penstock.chain.fees import Fees
from penstock.chain.rpc import Rpc
from penstock.chain.tokens import Token
from penstock.protocol.encoding import Domain
from penstock.protocol.primitives import Address, Bytes32

CHAIN_ID = 31337
ETHER = 10**18
USDC = 10**6

MIN_CHALLENGE_PERIOD_SECONDS = 1
MAX_CHALLENGE_PERIOD_SECONDS = 30 * 24 * 3600

_ROOT = Path(__file__).parents[2]
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ANNOUNCES = "Listening on "
_GWEI = 10**9


class Anvil:
    """A running Anvil; made by `run_anvil`, which ends it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def rpc(self, method: str, *params: Any) -> Any:
        """Ask the node, synchronously; any refusal fails the test."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (our own address)
            answer = json.load(response)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def refusal(self, method: str, *params: Any) -> bytes:
        """Return the data of a refusal; an answer instead fails the test."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (our own address)
            answer = json.load(response)
        assert "error" in answer, f"{method}: not refused"
        return bytes.fromhex(str(answer["error"].get("data", "0x"))[2:])

    @property
    def height(self) -> int:
        """The newest block's number."""
        return int(self.rpc("eth_blockNumber"), 16)

    @property
    def time(self) -> int:
        """The newest block's time, in seconds since the epoch."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)  # noqa: FBT003

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks, one second apart, with what waits in the pool in the first one."""
        self.rpc("anvil_mine", hex(blocks))

    def increase_time(self, seconds: int) -> None:
        """Let time pass and mine one block after it."""
        self.rpc("evm_increaseTime", seconds)
        self.mine()

    def reorg(self, depth: int) -> None:
        """Replace the newest ``depth`` blocks by as many empty ones; their transactions are lost."""
        self.rpc("anvil_reorg", depth, [])

    def automine(self, *, enabled: bool) -> None:
        """Mine each transaction as it comes, or only when told."""
        self.rpc("evm_setAutomine", enabled)

    def pause(self) -> None:
        """Mine nothing more but what `mine` is told to: what is sent waits."""
        self.automine(enabled=False)
        self.rpc("evm_setIntervalMining", 0)

    def publish(
        self, account: Account, receiver: Address, data: bytes, *, tip_gwei: int = 2, max_fee_gwei: int = 200
    ) -> Bytes32:
        """Put a transaction into the pool, with the next nonce that no block has used, and return its hash."""
        nonce = int(self.rpc("eth_getTransactionCount", str(account.address), "latest"), 16)
        raw, transaction_hash = account.sign_transaction(
            chain_id=CHAIN_ID,
            nonce=nonce,
            receiver=receiver,
            data=data,
            gas_limit=400_000,
            fees=Fees(max_fee_gwei * _GWEI, tip_gwei * _GWEI),
        )
        self.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        return transaction_hash

    def fund(self, *accounts: Address, ether: int = 100) -> None:
        """Give accounts ether."""
        for account in accounts:
            self.rpc("anvil_setBalance", str(account), hex(ether * ETHER))

    def snapshot(self) -> str:
        """Remember everything; `revert` brings it back, once."""
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Return to a snapshot."""
        assert self.rpc("evm_revert", snapshot)

    def new_account(self, ether: int = 100) -> Account:
        """Make an account with money for gas."""
        account = Account.create()
        self.fund(account.address, ether=ether)
        return account


def anvil_binary() -> Path:
    """Return the native binary: the shim in node_modules/.bin hides exit codes and orphans its child."""
    system = platform.system().lower()
    return _ROOT / f"node_modules/@foundry-rs/anvil-{system}-{_MACHINES[platform.machine()]}/bin/anvil"


@contextmanager
def run_anvil(*options: str, port: int = 0, chain_id: int = CHAIN_ID) -> Iterator[Anvil]:
    """Run a chain with its own port, by default one block for each transaction; end it afterwards."""
    command: Sequence[str] = (str(anvil_binary()), "--port", str(port), "--chain-id", str(chain_id), *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Anvil(process, "http://" + _address(process))
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(_ANNOUNCES):
            # It logs every request: unread, the pipe would fill up and stop it.
            threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
            return line.removeprefix(_ANNOUNCES).strip()
    raise AssertionError("anvil did not start: " + "".join(said))


def _drain(output: TextIO) -> None:
    with suppress(ValueError):  # closed with the process, in the middle of a read
        deque(output, 0)


@dataclass(frozen=True)
class Chain:
    """A chain with `Channels` and `DevUSDC` on it."""

    anvil: Anvil
    deployer: Account
    contract: Address
    token: Address
    start_block: int

    @property
    def url(self) -> str:
        """Where its RPC is."""
        return self.anvil.url

    @property
    def stream_url(self) -> str:
        """The address that pushes new heads and waiting transactions."""
        return self.anvil.url.replace("http://", "ws://")

    @cached_property
    def domain(self) -> Domain:
        """What signatures are bound to."""
        return Domain(CHAIN_ID, self.contract)

    def mint(self, *accounts: Address, amount: int = 1_000 * USDC) -> None:
        """Give accounts development dollars, ``amount`` smallest units each."""

        async def work(rpc: Rpc) -> None:
            for account in accounts:
                await send_now(rpc, self.deployer, self.token, calls.mint(account, amount))

        self.run(work)

    def balance(self, account: Address) -> int:
        """Return an account's dollars in smallest units."""
        return int(self.run(lambda rpc: Token(rpc, self.token).balance(account)))

    def send(self, account: Account, receiver: Address, data: bytes) -> int:
        """Send a transaction at once, mined when this returns; return its block."""
        return int(self.run(lambda rpc: send_now(rpc, account, receiver, data)).block_number)

    def run(self, work: Any) -> Any:
        """Run a coroutine function of an `Rpc`; only outside of a running event loop."""

        async def connected() -> Any:
            rpc = await Rpc.connect(self.url, CHAIN_ID)
            try:
                return await work(rpc)
            finally:
                await rpc.close()

        return asyncio.run(connected())


def deploy(anvil: Anvil) -> Chain:
    """Deploy `Channels` and the token from the artifacts that ship; the conditions would each take a block more."""
    deployer = anvil.new_account()

    async def work() -> Chain:
        rpc = await Rpc.connect(anvil.url, CHAIN_ID)
        try:
            token = await deploy_dev_usdc(rpc, deployer)
            plan = plan_contracts(MIN_CHALLENGE_PERIOD_SECONDS, MAX_CHALLENGE_PERIOD_SECONDS)
            deployed = {each.name: where async for each, where in deploy_contracts(rpc, deployer, plan[:1])}
        finally:
            await rpc.close()
        channels = deployed["Channels"]
        return Chain(anvil, deployer, channels.address, token.address, channels.first_block)

    return asyncio.run(work())
