"""An endpoint's answers become values or named errors, whatever it says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from penstock.chain import rpc as rpc_module
from penstock.chain.errors import CallReverted, RpcRefused, RpcUnavailable
from penstock.chain.rpc import Rpc
from penstock.protocol.primitives import Address, Bytes32

ANYBODY = Address(b"\x01" * 20)


class Endpoint:
    """Answers every request with the next of its answers, the last one for ever; bytes go out as they are."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.status = 200
        self.connections = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                endpoint.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append(json.loads(body))
                answer = endpoint.answers.pop(0) if len(endpoint.answers) > 1 else endpoint.answers[0]
                raw = answer if isinstance(answer, bytes) else json.dumps({"jsonrpc": "2.0", "id": 1} | answer).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it)
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def ask(self, work: Callable[[Rpc], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            rpc = Rpc(self.url, timeout_seconds=5)
            try:
                return await work(rpc)
            finally:
                await rpc.close()

        return asyncio.run(connected())


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(rpc_module, "_RETRY_WAIT_SECONDS", 0)
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


def test_a_read_is_tried_again_after_an_unreadable_answer(endpoint: Endpoint) -> None:
    endpoint.answers = [b"<html>busy</html>", {"error": {"code": -32005, "message": "slow down"}}, {"result": "0x10"}]

    assert endpoint.ask(lambda rpc: rpc.balance(ANYBODY)) == 16


def test_a_write_is_asked_once(endpoint: Endpoint) -> None:
    endpoint.answers = [b"<html>busy</html>", {"result": "0x"}]

    with pytest.raises(RpcUnavailable):
        endpoint.ask(lambda rpc: rpc.send_raw(b"\x01"))
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("answer", [b"", b"[]", b"null", {}, {"result": None}, {"result": 5}, {"result": "0xzz"}])
def test_an_answer_that_is_none_is_named(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answers = [answer]

    with pytest.raises(RpcUnavailable, match="eth_getBalance"):
        endpoint.ask(lambda rpc: rpc.balance(ANYBODY))


def test_a_block_with_a_field_missing_is_named(endpoint: Endpoint) -> None:
    endpoint.answers = [{"result": {"number": "0x1"}}]

    with pytest.raises(RpcUnavailable, match="unreadable"):
        endpoint.ask(lambda rpc: rpc.head())


def test_an_http_error_is_named(endpoint: Endpoint) -> None:
    endpoint.answers, endpoint.status = [b"too many"], 429

    with pytest.raises(RpcUnavailable, match="429"):
        endpoint.ask(lambda rpc: rpc.head())


def test_nobody_listening_is_named(endpoint: Endpoint) -> None:
    endpoint.url = "http://127.0.0.1:1"

    with pytest.raises(RpcUnavailable):
        endpoint.ask(lambda rpc: rpc.head())


def test_a_refusal_keeps_code_and_reason(endpoint: Endpoint) -> None:
    endpoint.answers = [{"error": {"code": -32000, "message": "nonce too low"}}]

    with pytest.raises(RpcRefused, match=r"was refused \(-32000\): nonce too low"):
        endpoint.ask(lambda rpc: rpc.send_raw(b"\x01"))


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0xabcd"},
        {"code": -32000, "message": "execution reverted", "data": "Reverted 0xabcd"},
        {"code": -32015, "message": "VM execution error.", "data": {"data": "0xabcd"}},
    ],
)
def test_a_revert_keeps_its_data_however_it_is_wrapped(endpoint: Endpoint, error: dict[str, Any]) -> None:
    endpoint.answers = [{"error": error}]

    with pytest.raises(CallReverted) as caught:
        endpoint.ask(lambda rpc: rpc.call(ANYBODY, b""))
    assert caught.value.data == b"\xab\xcd"


def test_what_is_not_there_is_none(endpoint: Endpoint) -> None:
    endpoint.answers = [{"result": None}]

    assert endpoint.ask(lambda rpc: rpc.block(5)) is None
    assert endpoint.ask(lambda rpc: rpc.receipt(Bytes32(bytes(32)))) is None


def test_an_endpoints_key_never_shows(endpoint: Endpoint) -> None:
    endpoint.answers, endpoint.status = [b"no"], 401
    endpoint.url = endpoint.url.replace("//", "//user:hunter2@") + "/v3/hunter2?key=hunter2"

    with pytest.raises(RpcUnavailable) as caught:
        endpoint.ask(lambda rpc: rpc.head())
    assert "HTTP 401" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_requests_that_are_given_up_hold_nobody_up(endpoint: Endpoint) -> None:
    endpoint.answers = [{"result": "0x10"}]

    async def work(rpc: Rpc) -> int:
        for pause in [0.0] * 50 + [0.001] * 20:
            asked = [asyncio.create_task(rpc.balance(ANYBODY)) for _ in range(8)]
            await asyncio.sleep(pause)
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        async with asyncio.timeout(20):
            return await rpc.balance(ANYBODY)

    assert endpoint.ask(work) == 16


def test_one_connection_serves_many_requests(endpoint: Endpoint) -> None:
    endpoint.answers = [{"result": "0x10"}]

    async def work(rpc: Rpc) -> None:
        for _ in range(3):
            await rpc.balance(ANYBODY)

    endpoint.ask(work)
    assert endpoint.connections == 1
