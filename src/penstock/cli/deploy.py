"""``penstock deploy``: put the contracts on a chain, or look whether they stand there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import RenderableType

from penstock.chain.account import Account
from penstock.chain.create2 import plan_contracts
from penstock.chain.keys import keystore_address, load_keystore
from penstock.chain.manifest import Manifest
from penstock.chain.rpc import Rpc
from penstock.cli.keys import existing_key
from penstock.cli.options import DEFAULT_HOME, AsJson, Home, PasswordFile
from penstock.cli.output import Json, Output, grid
from penstock.cli.passwords import read_password
from penstock.cli.rollout import Rollout

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS

T = TypeVar("T")


def deploy(  # noqa: PLR0913 (every one is an option)
    *,
    rpc_url: Annotated[str, typer.Option(help="The chain's JSON-RPC endpoint.")] = "http://127.0.0.1:8545",
    key: Annotated[str, typer.Option(help="Name of the key in HOME/keys that pays for the gas.")] = "deployer",
    challenge_period_min: Annotated[
        int, typer.Option(help="The shortest challenge period a channel may have, in seconds; part of the address.")
    ] = HOUR_SECONDS,
    challenge_period_max: Annotated[
        int, typer.Option(help="The longest challenge period a channel may have, in seconds; part of the address.")
    ] = 30 * DAY_SECONDS,
    dev_token: Annotated[
        bool, typer.Option("--dev-token", help="Deploy DevUSDC as well: play money for test chains.")
    ] = False,
    directory: Annotated[
        Path,
        typer.Option(help="Where the manifest CHAIN_ID.json and the verification input are kept.", file_okay=False),
    ] = Path("deployments"),
    replace_recorded: Annotated[
        bool, typer.Option("--replace-recorded", help="Let go of other addresses that the manifest has recorded.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would stand where; send and write nothing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check that what stands there is what ships; needs no key.")
    ] = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Deploy Channels and the conditions, at addresses that are the same on every chain.

    An address follows from the contract's code and, for Channels, the bounds of the challenge period, not from the key
    that pays: with the same bounds, this release has the same addresses everywhere (CREATE2 through the deterministic
    deployment proxy, which is deployed too where it is missing). What stands already is checked and left alone, so
    running the command again, or after it was killed, is safe.

    The contracts have no owner: nobody, not even the deploying account, can change or stop them afterwards.

    Writes DIRECTORY/CHAIN_ID.json and prints the lines that HOME/penstock.toml needs.

    See first where it will stand: `penstock deploy --dry-run`. Check a contract before trusting it:
    `penstock deploy --verify`, with the bounds it claims to have.
    """
    if verify and (dry_run or dev_token):
        raise typer.BadParameter("--verify goes with neither --dry-run nor --dev-token")
    output = Output(as_json=as_json)
    plan = plan_contracts(challenge_period_min, challenge_period_max)
    for planned in plan:
        output.note(f"{planned.name} belongs at {planned.address}, on every chain")
    path = existing_key(home, key) if dev_token or not (verify or dry_run) else None
    account = None
    if path and not dry_run:
        account = Account(load_keystore(path, read_password(path, password_file)))
        output.note(f"deploying from {account.address}")
    owner = keystore_address(path) if path and dev_token else None

    async def work(rpc: Rpc) -> dict[str, Json]:
        rollout = Rollout(rpc, plan, Manifest.of(directory, rpc.chain_id))
        if not replace_recorded:
            await rollout.check(owner)
        if account:
            standing = await rollout.deploy(account, dev_token=dev_token)
        else:
            standing = await (rollout.verify() if verify else rollout.look(owner))
        return rollout.describe(standing)

    data = {"rpc_url": rpc_url} | asyncio.run(_on_chain(rpc_url, work))
    output.result(data, *_shown(data, settings=account is not None))


async def _on_chain(rpc_url: str, work: Callable[[Rpc], Awaitable[T]]) -> T:
    rpc = await Rpc.connect(rpc_url)
    try:
        return await work(rpc)
    finally:
        await rpc.close()


def _shown(data: Mapping[str, Any], *, settings: bool) -> list[RenderableType]:
    contracts = data["contracts"]
    rows = [(name, each["address"], each["status"], each["block"] or "") for name, each in contracts.items()]
    shown: list[RenderableType] = [grid(("contract", "address", "status", "block>"), rows)]
    if settings:
        channels = contracts["Channels"]
        lines = {
            "rpc_url": f'"{data["rpc_url"]}"',
            "chain_id": data["chain_id"],
            "contract": f'"{channels["address"]}"',
            "deployment_block": channels["block"] or "1  # the endpoint keeps too little history to tell the block",
        }
        shown.append(f"recorded in {data['manifest']}")
        shown.append("\n[chain]\n" + "\n".join(f"{name} = {value}" for name, value in lines.items()))
    return shown
