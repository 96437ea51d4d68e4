"""What the payee's side of a channel can be told: refunds and collections, by the one who runs the node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.cli.amounts import parse_amount
from penstock.cli.channel_view import Coin
from penstock.cli.options import DEFAULT_HOME, Amount, AsJson, ChannelId, Home
from penstock.cli.output import Output, facts, grid
from penstock.cli.purse import open_operator
from penstock.protocol.primitives import Address, Bytes32


def refund(channel: ChannelId, amount: Amount, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Issue a refund, as the node's operator; the payer takes it with its next `take-refunds`."""
    channel_id = Bytes32.parse(channel, "channel")

    async def work() -> None:
        async with open_operator(home) as (operator, coins):
            token = Address.parse((await operator.channel(channel_id))["channel"]["token"], "token")
            coin = await coins.of(token)
            issued = await operator.refund(channel_id, parse_amount(amount, coin.decimals))
            Output(as_json=as_json).result(issued, f"issued {issued['id']} over {coin.show(int(issued['amount']))}")

    asyncio.run(work())


def collect(channel: ChannelId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Have the node collect the highest voucher of a one-way channel, as its operator."""
    channel_id = Bytes32.parse(channel, "channel")

    async def work() -> None:
        async with open_operator(home) as (operator, _):
            transaction = await operator.collect(channel_id)
            rows = {"transaction": transaction["key"], "status": transaction["status"]}
            Output(as_json=as_json).result(transaction, facts(rows))

    asyncio.run(work())


def list_held(home: Path, output: Output, *, unopened: bool) -> None:
    """Print what the node holds of every channel, opened ones only unless ``unopened``."""

    async def work() -> None:
        async with open_operator(home) as (operator, coins):
            held = [each for each in await operator.channels() if unopened or each["phase"] != "none"]
            rows = [_row(each, await coins.of(Address.parse(each["channel"]["token"], "token"))) for each in held]
        columns = ("channel", "payer", "phase", "deposit>", "paid>", "payer's>", "payee's>")
        output.result(held, grid(columns, rows) if rows else "the node holds no channels yet")

    asyncio.run(work())


def _row(held: Mapping[str, Any], coin: Coin) -> tuple[str, ...]:
    newest, voucher = held["newest"], held["voucher"]
    paid = newest["state"]["paid"] if newest else voucher["paid"] if voucher else "0"
    amounts = (held["payerDeposit"], paid, held["payerFree"], held["payeeFree"])
    return held["channelId"], held["channel"]["payer"], held["phase"], *(coin.show(int(units)) for units in amounts)
