"""A watcher as a real process, which tests start, ask and kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from penstock.chain.account import Account, new_key
from penstock.chain.keys import save_keystore
from penstock.config import load_settings
from penstock.node.records import Transaction
from penstock.protocol.messages import Channel, Request
from penstock.protocol.primitives import Bytes32
from penstock.protocol.watch_policy import Evidence
from penstock.protocol.wire import evidence_to_json
from penstock.storage.database import Database
from tests.support.anvil import CHAIN_ID, Chain
from tests.support.ports import free_port

PASSWORD = "watched"
WAIT_SECONDS = 30.0

# Each watcher is forked from a process that has imported everything: a start costs milliseconds, not a second.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["penstock.watcher.process"])


def _run(home: str, log: str) -> None:
    """Be the watcher: what `penstock watch` does, with its output in a file."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from penstock.watcher.process import run_watcher  # noqa: PLC0415 (preloaded; the test itself has no use for it)

    run_watcher(load_settings(Path(home)))


@dataclass
class WatcherProcess:
    """A home with settings, a key and records, and the process that works in it, if it runs."""

    chain: Chain
    home: Path
    account: Account
    port: int
    process: Any = field(default=None)
    kills: int = 0

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.home / "log").read_text()

    def start(self, *, wait: bool = True) -> None:
        """Run it; with ``wait`` until it serves."""
        assert self.process is None
        self.process = _processes.Process(target=_run, args=(str(self.home), str(self.home / "log")))
        self.process.start()
        if wait:
            until(self.serves, "the watcher serves")

    def serves(self) -> bool:
        """Tell whether it answers."""
        try:
            return httpx.get(f"{self.url}/v1/watcher", timeout=5).is_success
        except httpx.TransportError:
            assert self.process is None or self.process.is_alive(), self.log
            return False

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.kills += self.process is not None and self.process.is_alive()
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        process, self.process = self.process, None
        if process is not None:
            if process.is_alive():
                os.kill(process.pid, number)
            process.join(WAIT_SECONDS)

    def post(self, body: Any) -> httpx.Response:
        """Send evidence as it is."""
        return httpx.post(f"{self.url}/v1/evidence", json=body, timeout=10)

    def give(self, channel: Channel, evidence: Evidence) -> dict[str, Any]:
        """Deliver evidence as a node does, again until there is a receipt; return it."""
        body = as_json(evidence_to_json(channel, evidence, self.chain.domain))
        answer: list[dict[str, Any]] = []

        def delivered() -> bool:
            try:
                response = self.post(body)
            except httpx.TransportError:
                return False
            if response.is_success:
                answer.append(response.json())
            return response.is_success

        until(delivered, "the evidence has a receipt")
        return answer[0]

    def show(self, channel_id: Bytes32, signer: Account, *, age: int = 0) -> httpx.Response:
        """Ask for the evidence held, as ``signer``."""
        path = f"/v1/channels/{channel_id}"
        issued_at = int(time.time()) - age
        signature = signer.sign_digest(self.chain.domain.digest(Request("GET", path, issued_at)))
        header = f"Penstock issuedAt={issued_at}, signature=0x{signature.hex()}"
        return httpx.get(self.url + path, headers={"authorization": header}, timeout=10)

    def transactions(self) -> list[Transaction]:
        """Return its transactions from its records, oldest first; it must not be running."""
        assert self.process is None
        with Database(f"sqlite:///{self.home / 'watcher.db'}") as database:
            return database.read_sync(lambda uow: uow.transactions.recent(10_000))[::-1]


def as_json(shape: Any) -> Any:
    """Return a wire shape as JSON values, without the members that are None."""
    if isinstance(shape, dict):
        return {name: as_json(value) for name, value in shape.items() if value is not None}
    return as_json(vars(shape)) if hasattr(shape, "__dataclass_fields__") else shape


def until(condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for something that another process does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"not within {seconds} seconds: {what}"
        time.sleep(0.02)


@contextmanager
def new_watcher(chain: Chain, home: Path, *, ether: int = 100, confirmations: int = 2) -> Iterator[WatcherProcess]:
    """Make a home with settings and a key that has money for gas; end whatever runs in it afterwards."""
    key = new_key()
    account = Account(key)
    chain.anvil.fund(account.address, ether=ether)
    save_keystore(home / "keys/watcher.json", key, PASSWORD, iterations=2)
    (home / "password").write_text(PASSWORD)
    port = free_port()
    (home / "penstock.toml").write_text(
        f"""\
[chain]
rpc_url = "{chain.url}"
websocket_url = "{chain.stream_url}"
chain_id = {CHAIN_ID}
contract = "{chain.contract}"
deployment_block = {chain.start_block}
confirmations = {confirmations}
poll_seconds = 0.05

[watcher]
port = {port}
password_file = "password"
"""
    )
    watcher = WatcherProcess(chain, home, account, port)
    try:
        yield watcher
    finally:
        watcher.kill()
