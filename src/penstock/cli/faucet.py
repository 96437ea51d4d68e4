"""``penstock faucet``: gas money on the local chain."""

from __future__ import annotations

import asyncio

from penstock.chain.keys import keystore_address
from penstock.cli.anvil import Anvil
from penstock.cli.options import DEFAULT_HOME, AsJson, Home
from penstock.cli.output import Output
from penstock.cli.purse import settings_of
from penstock.protocol.primitives import Address

ETHER_WEI = 10**18


def faucet(*, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Give the payer one ETH, on a local chain only, so that it can send transactions of its own."""
    settings = settings_of(home)
    payer = keystore_address(settings.path(settings.client.keystore))
    asyncio.run(_give(settings.chain.rpc_urls[0], payer))
    Output(as_json=as_json).result({"account": str(payer), "wei": str(ETHER_WEI)}, f"{payer} holds 1 ETH")


async def _give(url: str, account: Address) -> None:
    async with Anvil(url) as anvil:
        await anvil.give_gas(account, ETHER_WEI)
