"""The node as a real process that tests start, kill and start again, and clients of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from penstock.chain.account import Account, new_key
from penstock.chain.keys import save_keystore
from penstock.client import AsyncClient, Patience
from penstock.config import load_settings
from tests.support.anvil import CHAIN_ID, Chain
from tests.support.ports import free_port
from tests.support.watching import until

PASSWORD = "serving"
RELAY_MINIMUM = 1_000_000
PATIENCE = Patience(answer_seconds=20, chain_seconds=60, poll_seconds=0.1, refresh_seconds=1)

# Forked from a process that has imported everything: a start costs milliseconds, not a second.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["penstock.api.server"])


def _run(home: str, log: str) -> None:
    """Be the node: what `penstock node` does, with its output in a file."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from penstock.api.server import run_node  # noqa: PLC0415 (preloaded; the test itself has no use for it)

    run_node(load_settings(Path(home)))


@dataclass
class Payer:
    """A key with dollars on chain, and the directory of its client."""

    key: bytes
    home: Path

    @property
    def account(self) -> Account:
        """The account that pays."""
        return Account(self.key)


@dataclass
class NodeProcess:
    """A home with settings, a key and records, and the process that works in it, if it runs."""

    chain: Chain
    home: Path
    port: int
    operator_token: str = "the-operators-own-token"
    process: Any = field(default=None)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.home / "log").read_text()

    def start(self) -> None:
        """Run it until it can sign."""
        self.launch()
        until(self.serves, "the node serves")

    def launch(self) -> None:
        """Run it."""
        assert self.process is None
        self.process = _processes.Process(target=_run, args=(str(self.home), str(self.home / "log")))
        self.process.start()

    def serves(self) -> bool:
        """Tell whether it can sign."""
        try:
            return httpx.get(f"{self.url}/v1/health", timeout=5).is_success
        except httpx.TransportError:
            assert self.process is None or self.process.is_alive(), self.log
            return False

    def kill(self) -> None:
        """End it with SIGKILL."""
        process, self.process = self.process, None
        if process is not None:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
            process.join(10)

    def post(self, path: str, body: Any) -> httpx.Response:
        """Ask as the operator."""
        headers = {"authorization": f"Bearer {self.operator_token}"}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=10)

    def payer(self, name: str = "payer", *, ether: int = 0, dollars: int = 100_000_000) -> Payer:
        """Make a payer with dollars (smallest units), and with ether only if it is to pay for gas."""
        payer = Payer(new_key(), self.home.with_name(name))
        self.chain.mint(payer.account.address, amount=dollars)
        self.chain.anvil.fund(payer.account.address, ether=ether)
        return payer

    def connect(self, payer: Payer, **options: Any) -> AbstractAsyncContextManager[AsyncClient]:
        """Connect a client of `payer`."""
        chosen: dict[str, Any] = {"patience": PATIENCE, "home": payer.home, "rpc_url": self.chain.url} | options
        return AsyncClient.connect(self.url, key=payer.key, **chosen)


@contextmanager
def new_node(chain: Chain, home: Path) -> Iterator[NodeProcess]:
    """Make a home with settings and a key that has money for gas; end whatever runs in it afterwards."""
    key = new_key()
    chain.anvil.fund(Account(key).address)
    save_keystore(home / "keys/node.json", key, PASSWORD, iterations=2)
    (home / "password").write_text(PASSWORD)
    node = NodeProcess(chain, home, free_port())
    (home / "penstock.toml").write_text(
        f"""\
[chain]
rpc_url = "{chain.url}"
websocket_url = "{chain.stream_url}"
chain_id = {CHAIN_ID}
contract = "{chain.contract}"
deployment_block = {chain.start_block}
confirmations = 2
poll_seconds = 0.1

[node]
port = {node.port}
password_file = "password"
operator_token = "{node.operator_token}"
tokens = ["{chain.token}"]
relay_minimum_deposit = {RELAY_MINIMUM}
challenge_period_minimum_seconds = 2
"""
    )
    try:
        yield node
    finally:
        node.kill()
