"""One JSON-RPC endpoint: the reads and the one write that following and paying need.

Answers are read from raw JSON-RPC over web3's transport, so that the errors' codes and data arrive unchanged and
both supported lines of web3 behave the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from web3 import AsyncHTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager
from web3.types import RPCEndpoint

from penstock.chain.errors import (
    CallReverted,
    NoContract,
    RateLimited,
    RpcFault,
    RpcRefused,
    RpcUnavailable,
    WrongChainId,
)
from penstock.protocol.primitives import Address, Bytes32

READ_ATTEMPTS = 3
TIMEOUT_SECONDS = 10.0
_RETRY_WAIT_SECONDS = 0.2
_RETRY_WAIT_MAX_SECONDS = 2.0
_REVERT_CODE = 3
_TOO_MANY_REQUESTS = 429
_RETRY_AFTER_SECONDS_MAX = 10
_RATE_LIMIT_CODES = (_TOO_MANY_REQUESTS, -32005)
"""HTTP's and EIP-1474's codes for "too many requests", which some endpoints send inside an answer."""

T = TypeVar("T")
BlockId = int | Literal["latest", "pending", "finalized"]


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header; ``time`` in seconds since the epoch, ``base_fee`` in wei per unit of gas."""

    number: int
    hash: Bytes32
    parent_hash: Bytes32
    time: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Log:
    """An event as the chain keeps it."""

    block_number: int
    block_hash: Bytes32
    transaction_hash: Bytes32
    log_index: int
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction; ``gas_price`` in wei per unit of gas."""

    hash: Bytes32
    block_number: int
    block_hash: Bytes32
    succeeded: bool
    gas_used: int
    gas_price: int
    contract: Address | None


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """Fees in wei per unit of gas: the next block's base fee, and the tips paid in the blocks before."""

    next_base_fee: int
    tips: tuple[int, ...]


class _OneSession(HTTPSessionManager):
    """One session for one endpoint, kept open.

    web3's own waits for a lock in a thread. A request that is cancelled in that moment, as the slower of two endpoints
    is, leaves the lock taken, and no later one ever comes through. It also connects anew for every request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: aiohttp.ClientSession | None = None

    async def async_cache_and_return_session(self, *_: Any, **__: Any) -> aiohttp.ClientSession:
        """Return the session; the first request opens it."""
        if self._own is None:
            self._own = aiohttp.ClientSession(raise_for_status=True)
        return self._own

    async def close(self) -> None:
        """Close the connections."""
        if self._own is not None:
            await self._own.close()


class Rpc:
    """A client of one endpoint; made by `connect`.

    Reads that get no answer are tried again; the one write, `send_raw`, is not: its caller knows what to do.
    Any method may raise `RpcUnavailable` (no answer) or `RpcRefused` (the endpoint answers with an error).

    Attributes
    ----------
    url
        The endpoint for logs and errors: without path and user, which often hold a key.
    chain_id
        Of the chain that is served; set by `connect`.
    """

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS, attempts: int = READ_ATTEMPTS) -> None:
        self.url = public_url(url)
        self.chain_id = 0
        self._attempts = attempts
        self._session = _OneSession()
        self._provider = AsyncHTTPProvider(
            url,
            request_kwargs={"timeout": aiohttp.ClientTimeout(total=timeout_seconds)},
            exception_retry_configuration=None,
        )
        self._provider._request_session_manager = self._session  # noqa: SLF001 (there is no public way)

    @classmethod
    async def connect(
        cls, url: str, expected_chain_id: int | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> Self:
        """Return a client of an endpoint that serves the expected chain.

        Raises
        ------
        WrongChainId
            It serves another one.
        RpcUnavailable, RpcRefused
            It does not serve.
        """
        rpc = cls(url, timeout_seconds)
        try:
            rpc.chain_id = await rpc.served_chain_id()
            rpc.check_chain_id(expected_chain_id)
        except BaseException:
            await rpc.close()
            raise
        return rpc

    async def served_chain_id(self) -> int:
        """Return which chain the endpoint serves."""
        return await self._read(_int, "eth_chainId")

    def check_chain_id(self, expected: int | None) -> None:
        """Check which chain is served, unless any will do (None); raises `WrongChainId`."""
        if expected is not None and self.chain_id != expected:
            raise WrongChainId(self.url, expected, self.chain_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def head(self) -> Header:
        """Return the newest block's header."""
        header = await self.block("latest")
        if header is None:
            raise RpcUnavailable(self.url, "eth_getBlockByNumber", "there is no latest block")
        return header

    async def block(self, block: BlockId) -> Header | None:
        """Return a block's header, None if the endpoint has no such block."""

        def parse(shape: Any) -> Header | None:
            header = _optional(_header)(shape)
            assert header is None or isinstance(block, str) or header.number == block, "it is another block"
            return header

        return await self._read(parse, "eth_getBlockByNumber", _block(block), False)  # noqa: FBT003 (no name in JSON-RPC)

    async def logs_in(self, block_hash: Bytes32, address: Address) -> list[Log]:
        """Return a contract's logs in exactly this block; an endpoint that lacks the block refuses."""
        return await self._logs({"address": str(address), "blockHash": str(block_hash)})

    async def logs_between(
        self, first: int, last: int, address: Address, topics: Sequence[Bytes32 | None] = ()
    ) -> list[Log]:
        """Return a contract's logs in blocks ``first`` to ``last``; None in ``topics`` matches any."""
        wanted = [None if topic is None else str(topic) for topic in topics]
        return await self._logs(
            {"address": str(address), "fromBlock": hex(first), "toBlock": hex(last), "topics": wanted}
        )

    async def call(
        self, receiver: Address, data: bytes, block: BlockId = "latest", sender: Address | None = None
    ) -> bytes:
        """Call a contract without a transaction; raises `CallReverted` with the contract's error as data."""
        return await self._read(_bytes, "eth_call", _fields(sender, receiver, data), _block(block))

    async def run_code(self, code: bytes, place: Address, sender: Address) -> bytes:
        """Run code as if it stood at ``place``, called by ``sender``; return what it returns. Raises as `call`.

        Creation code run so returns the contract's code, immutables filled in.
        """
        override = {str(place): {"code": "0x" + code.hex()}}
        return await self._read(_bytes, "eth_call", _fields(sender, place, b""), "latest", override)

    async def estimate_gas(
        self, sender: Address, receiver: Address | None, data: bytes, maximum: int | None = None
    ) -> int:
        """Return the gas a transaction would take on the newest block; raises `CallReverted` if it would revert.

        With a ``maximum`` the endpoint runs it with no more gas than that, and refuses what takes more.
        """
        fields = _fields(sender, receiver, data) | ({} if maximum is None else {"gas": hex(maximum)})
        # Left out, the block is the pending one on some nodes and the newest on others.
        return await self._read(_int, "eth_estimateGas", fields, "latest")

    async def send_raw(self, raw: bytes) -> None:
        """Hand over a signed transaction. Raises `RpcRefused` with the endpoint's reason; asks once only."""
        await self._ask("eth_sendRawTransaction", ["0x" + raw.hex()])

    async def receipt(self, transaction_hash: Bytes32) -> Receipt | None:
        """Return a transaction's receipt, None while no block holds it."""

        def parse(shape: Any) -> Receipt | None:
            receipt = _optional(_receipt)(shape)
            assert receipt is None or receipt.hash == transaction_hash, "it is of another transaction"
            return receipt

        return await self._read(parse, "eth_getTransactionReceipt", str(transaction_hash))

    async def nonce(self, account: Address, block: BlockId = "latest") -> int:
        """Return the number of transactions ``account`` has sent up to a block: its next nonce there."""
        return await self._read(_int, "eth_getTransactionCount", str(account), _block(block))

    async def balance(self, account: Address) -> int:
        """Return an account's balance in wei."""
        return await self._read(_int, "eth_getBalance", str(account), "latest")

    async def fee_history(self, blocks: int, percentile: int) -> FeeHistory:
        """Return the next base fee and, for each of the last ``blocks``, the tip at ``percentile`` of its gas."""
        return await self._read(_fee_history, "eth_feeHistory", hex(blocks), "latest", [percentile])

    async def require_code(self, address: Address) -> None:
        """Check that a contract stands at ``address``; raises `NoContract`."""
        if not await self.has_code(address):
            raise NoContract(str(address))

    async def has_code(self, address: Address) -> bool:
        """Tell whether code stands at ``address``: then it is no ordinary account."""
        return bool(await self.code(address))

    async def code(self, address: Address, block: BlockId = "latest") -> bytes:
        """Return the code that stands at ``address``, empty for an ordinary account."""
        return await self._read(_bytes, "eth_getCode", str(address), _block(block))

    async def transactions_with(self, data: bytes, block: int) -> list[Bytes32]:
        """Return the hashes of a block's transactions that carry exactly this data."""
        shape = await self._read(_optional(_transactions), "eth_getBlockByNumber", _block(block), True)  # noqa: FBT003
        return [transaction_hash for transaction_hash, carried in shape or () if carried == data]

    async def hashes_in(self, block: int) -> list[Bytes32]:
        """Return the hashes of a block's transactions, none if there is no such block."""
        shape = await self._read(_optional(_hashes), "eth_getBlockByNumber", _block(block), False)  # noqa: FBT003
        return shape or []

    async def _logs(self, criteria: dict[str, Any]) -> list[Log]:
        return await self._read(lambda shapes: [log_from_json(shape) for shape in shapes], "eth_getLogs", criteria)

    async def _read(self, parse: Callable[[Any], T], method: str, *params: Any) -> T:
        return await self._again(lambda: self.read_once(parse, method, *params))

    async def _again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, a few times."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RpcUnavailable),
            stop=stop_after_attempt(self._attempts),
            wait=_pause,
            reraise=True,
        ):
            with attempt:
                return await ask()
        raise AssertionError("tenacity returns or raises")

    async def read_once(self, parse: Callable[[Any], T], method: str, *params: Any) -> T:
        """Ask once, and read the answer with ``parse``; what it cannot read counts as no answer."""
        answer = await self._ask(method, list(params))
        try:
            return parse(answer)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError) as error:
            raise RpcUnavailable(self.url, method, f"an unreadable answer: {error!r}") from error

    async def _ask(self, method: str, params: list[Any]) -> Any:
        try:
            answer: Any = await self._provider.make_request(RPCEndpoint(method), params)
        except aiohttp.ClientResponseError as error:
            if error.status == _TOO_MANY_REQUESTS:
                raise RateLimited(self.url, method, _reason(error), _retry_after(error)) from None
            raise RpcUnavailable(self.url, method, _reason(error)) from None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # From None: the library's own text repeats the whole address.
            raise RpcUnavailable(self.url, method, _reason(error)) from None
        if not isinstance(answer, dict):
            raise RpcUnavailable(self.url, method, "the answer is not JSON-RPC")
        if answer.get("error"):
            raise self._refusal(method, answer["error"])
        return answer.get("result")

    def _refusal(self, method: str, refusal: Any) -> RpcFault:
        if not isinstance(refusal, dict):
            return RpcRefused(method, 0, str(refusal))
        code, reason = refusal.get("code", 0), str(refusal.get("message", ""))
        if code in _RATE_LIMIT_CODES:
            return RateLimited(self.url, method, reason, 0)
        data = _revert_data(refusal.get("data"))
        if method in ("eth_call", "eth_estimateGas") and (code == _REVERT_CODE or data or "revert" in reason):
            return CallReverted(reason, data)
        return RpcRefused(method, code, reason)


def _pause(state: RetryCallState) -> float:
    """Return how long to wait before the next attempt: what the endpoint says, or a little longer each time."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after_seconds:
        return min(error.retry_after_seconds, _RETRY_AFTER_SECONDS_MAX)
    return wait_random_exponential(_RETRY_WAIT_SECONDS, _RETRY_WAIT_MAX_SECONDS)(state)


def _retry_after(error: aiohttp.ClientResponseError) -> int:
    text = error.headers.get("Retry-After", "") if error.headers else ""
    return int(text) if text.isdecimal() else 0


def public_url(url: str) -> str:
    """Return an endpoint's address without path and user, which often hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientResponseError():
            return f"HTTP {error.status}"
        case aiohttp.InvalidURL():
            return "the address is not a URL"
        case _:
            return str(error) or type(error).__name__


def _block(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block


def _fields(sender: Address | None, receiver: Address | None, data: bytes) -> dict[str, str]:
    fields = {"from": sender, "to": receiver}
    return {"data": "0x" + data.hex()} | {name: str(account) for name, account in fields.items() if account}


def _optional(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda shape: None if shape is None else parse(shape)


def _int(text: Any) -> int:
    return int(text, 16)


def _bytes(text: Any) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _word(text: Any) -> Bytes32:
    return Bytes32(_bytes(text))


def _header(shape: Any) -> Header:
    return Header(
        number=_int(shape["number"]),
        hash=_word(shape["hash"]),
        parent_hash=_word(shape["parentHash"]),
        time=_int(shape["timestamp"]),
        base_fee=_int(shape.get("baseFeePerGas") or "0x0"),
    )


def _hashes(shape: Any) -> list[Bytes32]:
    return [_word(each) for each in shape["transactions"]]


def _transactions(shape: Any) -> list[tuple[Bytes32, bytes]]:
    return [(_word(each["hash"]), _bytes(each["input"])) for each in shape["transactions"]]


def log_from_json(shape: Any) -> Log:
    """Read a log as endpoints write it; an unreadable one raises as its fields do."""
    return Log(
        block_number=_int(shape["blockNumber"]),
        block_hash=_word(shape["blockHash"]),
        transaction_hash=_word(shape["transactionHash"]),
        log_index=_int(shape["logIndex"]),
        topics=tuple(_bytes(topic) for topic in shape["topics"]),
        data=_bytes(shape["data"]),
    )


def _receipt(shape: Any) -> Receipt:
    contract = shape.get("contractAddress")
    return Receipt(
        hash=_word(shape["transactionHash"]),
        block_number=_int(shape["blockNumber"]),
        block_hash=_word(shape["blockHash"]),
        succeeded=_int(shape["status"]) == 1,
        gas_used=_int(shape["gasUsed"]),
        gas_price=_int(shape["effectiveGasPrice"]),
        contract=Address(_bytes(contract)) if contract else None,
    )


def _fee_history(shape: Any) -> FeeHistory:
    tips = tuple(_int(reward[0]) for reward in shape.get("reward") or [])
    return FeeHistory(_int(shape["baseFeePerGas"][-1]), tips)


def _revert_data(data: Any) -> bytes:
    # Most endpoints give 0x-hex, some wrap it: {"data": "0x…"} or "Reverted 0x…".
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str) or "0x" not in data:
        return b""
    try:
        return bytes.fromhex(data[data.index("0x") + 2 :])
    except ValueError:
        return b""
