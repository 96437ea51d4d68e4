"""Deploy the contracts as an ape user does: ``ape run deploy --network ethereum:local:foundry``.

On a local network DevUSDC comes along and a test account pays; elsewhere name an account with ``--account``. Prints one
JSON object. The node's own way of deploying, which needs no compiler, is ``penstock deploy``.
"""

import json
from typing import Any

import click
from ape import accounts, networks, project
from ape.cli import ConnectedProviderCommand

DAY_SECONDS = 86_400
LOCAL_PERIOD_SECONDS = (1, 30 * DAY_SECONDS)
PERIOD_SECONDS = (3_600, 30 * DAY_SECONDS)


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", help="Alias of the account that pays; on a local network the first test account.")
@click.option("--min-period", type=click.IntRange(min=1), help="Shortest challenge period accepted, in seconds.")
@click.option("--max-period", type=click.IntRange(min=1), help="Longest challenge period accepted, in seconds.")
def cli(account: str | None, min_period: int | None, max_period: int | None) -> None:
    """Deploy Channels, and DevUSDC where money is for play."""
    local = networks.provider.network.is_local
    if account is None and not local:
        raise click.UsageError("only a local network has an account to spare: name yours with --account")
    least, most = LOCAL_PERIOD_SECONDS if local else PERIOD_SECONDS
    sender = accounts.test_accounts[0] if account is None else accounts.load(account)
    deployed = deploy(sender, min_period or least, max_period or most, with_token=local)
    click.echo(json.dumps(deployed, indent=2))


def deploy(sender: Any, min_period: int, max_period: int, *, with_token: bool) -> dict[str, str | int]:
    """Deploy from an account that pays the gas.

    Parameters
    ----------
    sender
        An ape account.
    min_period, max_period
        Bounds of the challenge period, in seconds.
    with_token
        Deploy DevUSDC too; the sender becomes its owner.

    Returns
    -------
    dict
        ``chainId``, ``channels`` and, with the token, ``usdc``.

    Raises
    ------
    ape.exceptions.ContractLogicError
        When the bounds are empty (``InvalidChallengePeriodBounds``).

    """
    channels = sender.deploy(project.Channels, min_period, max_period)
    deployed: dict[str, str | int] = {"chainId": networks.provider.chain_id, "channels": channels.address}
    if with_token:
        deployed["usdc"] = sender.deploy(project.DevUSDC).address
    return deployed
