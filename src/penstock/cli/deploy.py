"""``penstock deploy``: put the contracts on a chain."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from penstock.chain.account import Account
from penstock.chain.deploy import deploy_channels, deploy_dev_usdc
from penstock.chain.keys import load_keystore
from penstock.chain.rpc import Rpc
from penstock.cli.keys import existing_key
from penstock.cli.options import DEFAULT_HOME, AsJson, Home, PasswordFile
from penstock.cli.output import Json, Output, facts
from penstock.cli.passwords import read_password

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


def deploy(
    *,
    rpc_url: Annotated[str, typer.Option(help="The chain's JSON-RPC endpoint.")] = "http://127.0.0.1:8545",
    key: Annotated[str, typer.Option(help="Name of the key in HOME/keys that pays for the gas.")] = "deployer",
    challenge_period_min: Annotated[
        int, typer.Option(help="The shortest challenge period a channel may have, in seconds.")
    ] = HOUR_SECONDS,
    challenge_period_max: Annotated[
        int, typer.Option(help="The longest challenge period a channel may have, in seconds.")
    ] = 30 * DAY_SECONDS,
    dev_token: Annotated[
        bool, typer.Option("--dev-token", help="Deploy DevUSDC as well: play money for test chains.")
    ] = False,
    home: Home = DEFAULT_HOME,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the contract Channels, and DevUSDC if asked to.

    The contract has no owner: nobody, not even the deploying account, can change or stop it afterwards.
    Prints the lines that HOME/penstock.toml needs.
    """
    output = Output(as_json=as_json)
    path = existing_key(home, key)
    account = Account(load_keystore(path, read_password(path, password_file)))
    output.note(f"deploying from {account.address}")
    data = asyncio.run(_deploy(rpc_url, account, (challenge_period_min, challenge_period_max), dev_token=dev_token))
    shown = "\n".join(f"{name} = {_toml(value)}" for name, value in data.items() if name != "token")
    output.result(data, facts({"token": data["token"]} if dev_token else {}), f"\n[chain]\n{shown}")


async def _deploy(rpc_url: str, account: Account, bounds: tuple[int, int], *, dev_token: bool) -> dict[str, Json]:
    rpc = await Rpc.connect(rpc_url)
    try:
        token = await deploy_dev_usdc(rpc, account) if dev_token else None
        channels = await deploy_channels(
            rpc, account, min_challenge_period_seconds=bounds[0], max_challenge_period_seconds=bounds[1]
        )
    finally:
        await rpc.close()
    return {
        "rpc_url": rpc_url,
        "chain_id": rpc.chain_id,
        "contract": str(channels.address),
        "deployment_block": channels.block,
        "token": str(token.address) if token else None,
    }


def _toml(value: Json) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
