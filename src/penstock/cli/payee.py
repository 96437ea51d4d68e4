"""What the payee's side of a channel can be told: refunds and collections, by the one who runs the node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

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


def collect(
    channel: Annotated[str | None, typer.Argument(help="The channel's id.", show_default=False)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Collect from every channel that owes enough.")] = False,
    minimum: Annotated[
        int, typer.Option(help="With --all: how much a channel must owe, in smallest units.", min=1)
    ] = 1,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Have the node collect the highest voucher of a one-way channel, as its operator.

    With --all it collects from every channel, up to fifty in one transaction and closing ones each by itself; what is
    under way is left alone.
    """
    if every is (channel is not None):
        raise typer.BadParameter("name a channel, or say --all")
    channel_id = None if channel is None else Bytes32.parse(channel, "channel")
    output = Output(as_json=as_json)

    async def work() -> None:
        async with open_operator(home) as (operator, _):
            if channel_id is not None:
                transaction = await operator.collect(channel_id)
                rows = {"transaction": transaction["key"], "status": transaction["status"]}
                output.result(transaction, facts(rows))
            else:
                sent = await operator.collect_all(minimum)
                output.result(sent, *_sent(sent))

    asyncio.run(work())


def _sent(sent: Mapping[str, Any]) -> list[RenderableType]:
    rows = [(each["key"], each["status"]) for each in sent["transactions"]]
    if not rows:
        return ["nothing is due, or it is under way: penstock tx list"]
    more = [f"{sent['left']} channels are left: collect again"] if sent["left"] else []
    return [grid(("transaction", "status"), rows), *more]


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
