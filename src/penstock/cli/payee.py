"""What the payee's side of a channel can be told: refunds and collections, by the one who runs the node."""

from __future__ import annotations

import asyncio

from penstock.cli.amounts import parse_amount
from penstock.cli.channel import Amount, ChannelId
from penstock.cli.options import DEFAULT_HOME, AsJson, Home
from penstock.cli.output import Output, facts
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
