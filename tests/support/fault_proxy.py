"""A JSON-RPC proxy before Anvil: geth's rules where Anvil is lax, and faults on order.

Anvil must not mine by itself. Transactions wait in the proxy's own pool, as in geth's: those whose fee or nonce is not
due yet stay there, a replacement must raise both fees by a tenth, and what a reorg undid comes back. `mine` hands over
what a block takes.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from eth_account import Account as EthAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

Params = list[Any]
Lie = Callable[[Params, Any], Any]

_TAGS = ("latest", "pending")


@dataclass(frozen=True, slots=True)
class Pooled:
    """A transaction that waits; fees in wei per unit of gas."""

    sender: str
    nonce: int
    max_fee: int
    tip: int
    cost: int
    hash: str
    raw: str


@dataclass
class Fault:
    """What is done to requests of ``method`` ("*" for all).

    Attributes
    ----------
    action
        drop (the request is lost), lose (its answer is), hang (nothing ever comes), http (``status``), refuse
        (``reason``), lie (``lie`` makes the answer).
    times
        So many requests, None for all until the fault is removed.
    chance
        Of each request to be hit.
    """

    method: str
    action: str
    times: int | None = None
    chance: float = 1.0
    status: int = 429
    reason: str = ""
    lie: Lie | None = None
    hits: int = 0


@dataclass
class FaultProxy:
    """The proxy; made by `run_proxy`. Its fields may be changed by the test at any time."""

    upstream: str
    seed: int = 0
    faults: list[Fault] = field(default_factory=list)
    censored: bool = False
    full: bool = False
    one_in_flight: bool = False
    stale_by: int = 0
    returns_after_reorg: bool = True
    pool: dict[tuple[str, int], Pooled] = field(default_factory=dict)
    url: str = ""

    def __post_init__(self) -> None:
        """Draw every chance from the seed."""
        self.random = random.Random(self.seed)
        self._taken: list[Pooled] = []

    # The test's side ---------------------------------------------------------------------------------------------

    def add(self, fault: Fault) -> Fault:
        """Begin a fault."""
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """End all faults."""
        self.faults.clear()
        self.censored = self.full = False
        self.stale_by = 0

    def ask(self, method: str, *params: Any) -> Any:
        """Ask Anvil itself, past all faults; a refusal raises `AssertionError`."""
        answer = self._ask(method, list(params))
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    @property
    def time(self) -> int:
        """Return the newest block's time."""
        with_transactions = False
        return int(self.ask("eth_getBlockByNumber", "latest", with_transactions)["timestamp"], 16)

    def mine(self, seconds: int = 12) -> None:
        """Mine one block, ``seconds`` after the last, with all that geth would put into it."""
        if not (self.censored or self.full):
            for pooled in self._due():
                if "error" not in self._ask("eth_sendRawTransaction", [pooled.raw]):
                    self._taken.append(pooled)
        self.ask("evm_setNextBlockTimestamp", self.time + seconds)
        self.ask("evm_mine")
        self._forget_mined()

    def reorg(self, depth: int) -> None:
        """Undo blocks; what was in them waits again, or is lost, as `returns_after_reorg` says."""
        self.ask("anvil_reorg", depth, [])
        self.ask("anvil_dropAllTransactions")
        for pooled in self._taken:
            if self.returns_after_reorg and pooled.nonce >= self._nonce(pooled.sender):
                self.pool.setdefault((pooled.sender, pooled.nonce), pooled)

    def force(self, raw: str) -> None:
        """Put a transaction into the pool in place of any other with its nonce, whatever that offers."""
        pooled = _decode(raw)
        self.pool[(pooled.sender, pooled.nonce)] = pooled

    def evict(self, chance: float = 1.0) -> None:
        """Let the pool forget transactions."""
        for key in [key for key in self.pool if self.random.random() < chance]:
            del self.pool[key]

    # Geth's pool -------------------------------------------------------------------------------------------------

    def _due(self) -> list[Pooled]:
        base_fee = int(self.ask("eth_feeHistory", "0x1", "latest", [])["baseFeePerGas"][-1], 16)
        due = []
        for sender in {sender for sender, _ in self.pool}:
            nonce = self._nonce(sender)
            while (pooled := self.pool.get((sender, nonce))) and pooled.max_fee >= base_fee:
                due.append(pooled)
                nonce += 1
        return due

    def _forget_mined(self) -> None:
        nonces = {sender: self._nonce(sender) for sender, _ in self.pool}
        for sender, nonce in [key for key in self.pool if key[1] < nonces[key[0]]]:
            del self.pool[(sender, nonce)]

    def _nonce(self, sender: str) -> int:
        return int(self.ask("eth_getTransactionCount", sender, "latest"), 16)

    def _accept(self, raw: str) -> dict[str, Any]:
        pooled = _decode(raw)
        key = (pooled.sender, pooled.nonce)
        refused = self._refusal(pooled, self.pool.get(key))
        if refused is not None:
            return {"error": {"code": -32000, "message": refused}}
        self.pool[key] = pooled
        return {"result": pooled.hash}

    def _refusal(self, new: Pooled, old: Pooled | None) -> str | None:
        nonce = self._nonce(new.sender)
        if old is not None and old.hash == new.hash:
            return "already known"
        if new.nonce < nonce:
            return f"nonce too low: next nonce {nonce}, tx nonce {new.nonce}"
        if old is not None and (10 * new.max_fee < 11 * old.max_fee or 10 * new.tip < 11 * old.tip):
            return "replacement transaction underpriced"
        others = [p for p in self.pool.values() if p.sender == new.sender and p.nonce != new.nonce]
        if self.one_in_flight and others:
            return "in-flight transaction limit reached for delegated accounts"
        balance = int(self.ask("eth_getBalance", new.sender, "latest"), 16)
        if sum(p.cost for p in others) + new.cost > balance:
            return f"insufficient funds for gas * price + value: balance {balance}, tx cost {new.cost}"
        return None

    # The wire ----------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do what a fault says."""
        body = await request.json()
        method, params = body["method"], body.get("params", [])
        fault = self._fault_for(method)
        if fault is not None and fault.action in ("drop", "hang", "http"):
            return await _break(request, fault)
        if fault is not None and fault.action == "refuse":
            answer: dict[str, Any] = {"error": {"code": -32000, "message": fault.reason}}
        else:
            answer = await asyncio.to_thread(self._serve, method, params)
        if fault is not None and fault.action == "lose":
            return await _break(request, fault)
        if fault is not None and fault.lie is not None and "result" in answer:
            answer["result"] = fault.lie(params, answer["result"])
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], **answer})

    def _fault_for(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method not in ("*", method) or fault.times == 0 or self.random.random() >= fault.chance:
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def _serve(self, method: str, params: Params) -> dict[str, Any]:
        if method == "eth_sendRawTransaction":
            return self._accept(params[0])
        if not self.stale_by:
            return self._ask(method, params)
        height = max(int(self.ask("eth_blockNumber"), 16) - self.stale_by, 0)
        answer = self._ask(method, [hex(height) if param in _TAGS else param for param in params])
        result = answer.get("result")
        number = result.get("blockNumber", result.get("number")) if isinstance(result, dict) else None
        return {"result": None} if number is not None and int(number, 16) > height else answer

    def _ask(self, method: str, params: Params) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.upstream, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (our own address)
            answer: dict[str, Any] = json.load(response)
        return {name: answer[name] for name in ("result", "error") if name in answer}


@contextmanager
def run_proxy(upstream: str, seed: int = 0) -> Iterator[FaultProxy]:
    """Run a proxy before an endpoint until the block ends."""
    proxy = FaultProxy(upstream, seed)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fault proxy", daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(_start(proxy), loop).result(10)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(runner: web.AppRunner) -> None:
    """Serve no more, and leave nothing that hangs: what is thrown away unfinished is another test's failure."""
    await runner.cleanup()
    hanging = asyncio.all_tasks() - {asyncio.current_task()}
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


async def _start(proxy: FaultProxy) -> web.AppRunner:
    app = web.Application()
    app.router.add_post("/", proxy.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


async def _break(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.action == "http":
        return web.Response(status=fault.status, headers={"Retry-After": "1"})
    if fault.action == "hang":
        await asyncio.sleep(3600)
    assert request.transport is not None
    request.transport.close()
    raise asyncio.CancelledError


def _decode(raw: str) -> Pooled:
    payload = HexBytes(raw)
    fields = TypedTransaction.from_bytes(payload).as_dict()
    max_fee, gas = int(fields["maxFeePerGas"]), int(fields["gas"])
    return Pooled(
        sender=EthAccount.recover_transaction(payload).lower(),
        nonce=int(fields["nonce"]),
        max_fee=max_fee,
        tip=int(fields["maxPriorityFeePerGas"]),
        cost=max_fee * gas + int(fields["value"]),
        hash="0x" + keccak(payload).hex(),
        raw=raw,
    )
