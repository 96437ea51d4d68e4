"""``penstock channel``: open channels, pay in them, and take money out again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Annotated, TypeVar

import typer

from penstock.cli.amounts import parse_amount
from penstock.cli.channel_view import channel_data, channel_facts, channel_table, history_data, history_table, paid_of
from penstock.cli.options import DEFAULT_HOME, Amount, AsJson, ChannelId, Home, PasswordFile
from penstock.cli.output import Json, Output
from penstock.cli.payee import list_held
from penstock.cli.purse import Purse, open_purse
from penstock.client import AsyncChannel
from penstock.protocol.onchain import Unopened
from penstock.protocol.primitives import Bytes32

app = typer.Typer(
    name="channel",
    help="Open channels, pay in them, and take money out again, as the payer of HOME (its [client] settings).",
    no_args_is_help=True,
)

T = TypeVar("T")

OwnGas = Annotated[
    bool, typer.Option("--own-gas", help="Send the transaction from the payer's account, which needs ETH.")
]


@app.command("open")
def open_channel(
    amount: Amount,
    one_way: Annotated[bool, typer.Option("--one-way", help="Only the payer pays, by vouchers.")] = False,
    challenge_period: Annotated[
        int | None,
        typer.Option(
            help="Seconds in which a stale close can be answered; by default a day, or as near as the node allows.",
            min=1,
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="The token's address; by default the only one the node takes.", show_default=False),
    ] = None,
    own_gas: OwnGas = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a channel with the node and deposit AMOUNT.

    The payer needs no ETH: it signs the token's authorization (EIP-3009), and the node sends it.
    """
    output = Output(as_json=as_json)

    async def work(purse: Purse) -> None:
        wanted = await purse.token(token)
        coin = await purse.coins.of(wanted)
        if own_gas:
            await purse.check_gas()
        output.note("waiting for the deposit to be confirmed")
        channel = await purse.client.open_channel(
            parse_amount(amount, coin.decimals),
            token=wanted,
            challenge_period_seconds=challenge_period,
            one_way=one_way,
            gasless=not own_gas,
        )
        await _show(purse, channel, output)

    _run(home, password_file, work)


@app.command("list")
def list_channels(
    unopened: Annotated[bool, typer.Option("--all", help="Also those whose deposit never reached the chain.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="List what the node holds, as its operator.")] = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """List the payer's channels, each as the chain and our own records have it."""
    if operator:
        list_held(home, Output(as_json=as_json), unopened=unopened)
        return

    async def work(purse: Purse) -> None:
        looked = [await channel.look() for channel in await purse.client.channels()]
        positions = [position for position in looked if unopened or not isinstance(position.phase, Unopened)]
        rows = [(position, await purse.coins.of(position.channel.token)) for position in positions]
        Output(as_json=as_json).result([channel_data(position) for position in positions], channel_table(rows))

    _run(home, password_file, work)


@app.command()
def show(
    channel: ChannelId, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Show a channel as the chain and our own records have it."""

    async def work(purse: Purse) -> None:
        await _show(purse, await purse.find(channel), Output(as_json=as_json))

    _run(home, password_file, work)


@app.command()
def pay(
    channel: ChannelId,
    amount: Amount,
    times: Annotated[int, typer.Option(help="Pay AMOUNT so often, each time in a state of its own.", min=1)] = 1,
    cause_id: Annotated[
        str | None,
        typer.Option(
            help="The payment's id, 32 bytes of 0x-hex: repeating the command pays once. Two-way channels only.",
            show_default=False,
        ),
    ] = None,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Pay AMOUNT off chain; returns once the payee has co-signed, or taken the voucher."""
    wanted = None if cause_id is None else Bytes32.parse(cause_id, "cause-id")
    if wanted is not None and times > 1:
        raise typer.BadParameter("one id stands for one payment, so it cannot be paid several times")
    output = Output(as_json=as_json)

    async def work(purse: Purse) -> None:
        found = await purse.find(channel)
        coin = await purse.coins.of(found.terms.token)
        units = parse_amount(amount, coin.decimals)
        begun = monotonic()
        payment = [await found.pay(units, wanted) for _ in range(times)][-1]
        seconds = monotonic() - begun
        if times > 1:
            output.note(f"{times} payments in {seconds:.1f} s, {times / seconds:,.0f} a second")
        position = await found.position()
        data: dict[str, Json] = {
            "channelId": str(found.id),
            "amount": str(units),
            "times": times,
            "sequence": str(payment.sequence),
            "paid": str(payment.paid),
            "spendable": str(payment.remaining),
        }
        said = f"paid {coin.show(units * times)}, {coin.show(paid_of(position))} in all"
        output.result(data, f"{said}; {coin.show(payment.remaining)} left")

    _run(home, password_file, work)


@app.command("take-refunds")
def take_refunds(
    channel: ChannelId, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Take every refund that the payee has issued."""

    async def work(purse: Purse) -> None:
        found = await purse.find(channel)
        coin = await purse.coins.of(found.terms.token)
        payment = await found.take_refunds()
        units = -payment.amount if payment else 0
        data: dict[str, Json] = {"channelId": str(found.id), "refunded": str(units)}
        Output(as_json=as_json).result(data, f"got {coin.show(units)} back")

    _run(home, password_file, work)


@app.command()
def deposit(
    channel: ChannelId,
    amount: Amount,
    own_gas: OwnGas = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Put AMOUNT more into an open channel."""

    async def act(found: AsyncChannel, units: int) -> None:
        await found.deposit(units, gasless=not own_gas)

    _change(home, password_file, channel, act, as_json=as_json, own_gas=own_gas, amount=amount)


@app.command()
def withdraw(
    channel: ChannelId,
    amount: Amount,
    own_gas: OwnGas = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Take AMOUNT out of an open channel; the payee signs it too."""

    async def act(found: AsyncChannel, units: int) -> None:
        await found.withdraw(units, gasless=not own_gas)

    _change(home, password_file, channel, act, as_json=as_json, own_gas=own_gas, amount=amount)


@app.command()
def close(
    channel: ChannelId,
    own_gas: OwnGas = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Close by agreement at the newest co-signed state: both are paid at once.

    From the moment it is signed nothing else is signed in this channel.
    """

    async def act(found: AsyncChannel, _: int) -> None:
        await found.close(gasless=not own_gas)

    _change(home, password_file, channel, act, as_json=as_json, own_gas=own_gas)


@app.command("start-close")
def start_close(
    channel: ChannelId, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Close alone, with the newest co-signed state: needs ETH and the challenge period, but no node."""

    async def act(found: AsyncChannel, _: int) -> None:
        await found.start_close()

    _change(home, password_file, channel, act, as_json=as_json, own_gas=True)


@app.command()
def settle(
    channel: ChannelId, home: Home = DEFAULT_HOME, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Pay both sides once the challenge period is over; a watcher does it by itself. Needs ETH."""

    async def act(found: AsyncChannel, _: int) -> None:
        await found.settle()

    _change(home, password_file, channel, act, as_json=as_json, own_gas=True)


@app.command()
def history(
    channel: ChannelId,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 20,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what was signed in a channel, the newest first."""

    async def work(purse: Purse) -> None:
        found = await purse.find(channel)
        recorded = await found.history(limit=limit)
        coin = await purse.coins.of(found.terms.token)
        Output(as_json=as_json).result([history_data(each) for each in recorded], history_table(recorded, coin))

    _run(home, password_file, work)


@app.command()
def recover(
    channel: Annotated[
        str | None,
        typer.Argument(metavar="[CHANNEL]", help="The whole id; without it every channel the chain shows."),
    ] = None,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild channels whose records were lost, from what the node holds with our own genuine signature."""

    async def work(purse: Purse) -> None:
        client = purse.client
        found = [await client.recover(channel)] if channel else await client.recover_all(purse.first_block)
        positions = [await each.position() for each in found]
        rows = [(position, await purse.coins.of(position.channel.token)) for position in positions]
        Output(as_json=as_json).result([channel_data(position) for position in positions], channel_table(rows))

    _run(home, password_file, work)


def _change(
    home: Path,
    password_file: Path | None,
    channel: str,
    act: Callable[[AsyncChannel, int], Awaitable[None]],
    *,
    as_json: bool,
    own_gas: bool,
    amount: str | None = None,
) -> None:
    """Do something that the chain must show, and show the channel afterwards."""
    output = Output(as_json=as_json)

    async def work(purse: Purse) -> None:
        found = await purse.find(channel)
        coin = await purse.coins.of(found.terms.token)
        units = 0 if amount is None else parse_amount(amount, coin.decimals)
        if own_gas:
            await purse.check_gas()
        output.note("waiting for the chain")
        await act(found, units)
        await _show(purse, found, output)

    _run(home, password_file, work)


async def _show(purse: Purse, channel: AsyncChannel, output: Output) -> None:
    position = await channel.look()
    output.result(channel_data(position), channel_facts(position, await purse.coins.of(position.channel.token)))


def _run(home: Path, password_file: Path | None, work: Callable[[Purse], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with open_purse(home, password_file) as purse:
            return await work(purse)

    return asyncio.run(connected())
