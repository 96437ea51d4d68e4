"""A payer in a process of its own that pays numbered amounts until it is killed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from penstock.client import AsyncClient
from penstock.protocol.errors import CauseRepeated
from penstock.protocol.primitives import Bytes32
from tests.integration.client.world import PATIENCE

AMOUNT = 1_000


def pay_for_ever(url: str, rpc_url: str, key: bytes, home: str) -> None:
    """Pay `AMOUNT` with the causes 0, 1, 2 …, each from the first that was not seen to succeed."""
    asyncio.run(_pay(url, rpc_url, key, Path(home)))


async def _pay(url: str, rpc_url: str, key: bytes, home: Path) -> None:
    async with AsyncClient.connect(url, rpc_url=rpc_url, key=key, home=home, patience=PATIENCE) as client:
        (channel,) = await client.channels()
        done = home / "done"
        number = int(done.read_text()) if done.exists() else 0
        while True:
            # Repeated: paid by the process before, which died before it could note it.
            with suppress(CauseRepeated):
                await channel.pay(AMOUNT, Bytes32(number.to_bytes(32, "big")))
            number += 1
            note = home / "done.new"
            note.write_text(str(number))
            note.replace(done)  # At once: a kill between emptying and writing would leave no number.
