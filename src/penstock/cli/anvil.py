"""What the local chain can do and a real one cannot: give gas money, and show every block in full."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from penstock.cli.errors import Unreachable
from penstock.protocol.primitives import Address

CHAIN_ID = 31337
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction as its block tells it; ``receiver`` is None for a deployment, ``value`` is in wei."""

    block: int
    hash: str
    sender: Address
    receiver: Address | None
    data: bytes
    value: int
    gas_used: int
    succeeded: bool


class Anvil:
    """Talk to the local chain."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def serves(self) -> bool:
        """Tell whether it answers."""
        try:
            await self.ask("eth_chainId")
        except Unreachable:
            return False
        return True

    async def give_gas(self, account: Address, wei: int) -> None:
        """Set an account's balance; no transaction is made."""
        await self.ask("anvil_setBalance", str(account), hex(wei))

    async def mine_every(self, seconds: int) -> None:
        """Mine a block every so many seconds, whether there are transactions or not."""
        await self.ask("evm_setIntervalMining", seconds)

    async def transactions(self) -> list[MinedTransaction]:
        """Return every transaction of every block, in the chain's order."""
        found = []
        for number in range(1, int(await self.ask("eth_blockNumber"), 16) + 1):
            block = await self.ask("eth_getBlockByNumber", hex(number), True)  # noqa: FBT003 (JSON-RPC's argument)
            for shape in block["transactions"]:
                receipt = await self.ask("eth_getTransactionReceipt", shape["hash"])
                found.append(_transaction(shape, receipt))
        return found

    async def ask(self, method: str, *params: object) -> Any:
        """Return the result of one JSON-RPC call; raises `Unreachable`."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = (await self._http.post(self._url, json=body)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable("the local chain", self._url, str(error) or type(error).__name__) from None
        if "error" in answer:
            raise Unreachable("the local chain", self._url, f"{method}: {answer['error'].get('message')}")
        return answer["result"]


def _transaction(shape: dict[str, Any], receipt: dict[str, Any]) -> MinedTransaction:
    return MinedTransaction(
        block=int(shape["blockNumber"], 16),
        hash=shape["hash"],
        sender=Address.parse(shape["from"], "from"),
        receiver=Address.parse(shape["to"], "to") if shape.get("to") else None,
        data=bytes.fromhex(shape["input"].removeprefix("0x")),
        value=int(shape["value"], 16),
        gas_used=int(receipt["gasUsed"], 16),
        succeeded=receipt["status"] == "0x1",
    )
