"""Deploy the contracts as an ape user does: ``ape run deploy --network ethereum:local:foundry``.

The addresses and the manifest are those of ``penstock deploy``, which needs no compiler: one CREATE2 through the
deterministic deployment proxy. On a local network DevUSDC comes along and a test account pays; elsewhere name an
account with ``--account``. Prints the manifest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from ape import accounts, networks, project
from ape.cli import ConnectedProviderCommand

from penstock.chain.artifacts import Artifact, artifact
from penstock.chain.create2 import PROXY, PROXY_CODE, Planned, plan_contracts
from penstock.chain.deploy import find_dev_usdc
from penstock.chain.manifest import Manifest, contract_entry
from penstock.chain.rpc import Rpc
from penstock.chain.standing import find_creation, planned_code, verified_code
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address

DAY_SECONDS = 86_400
LOCAL_PERIOD_SECONDS = (1, 30 * DAY_SECONDS)
PERIOD_SECONDS = (3_600, 30 * DAY_SECONDS)

T = TypeVar("T")


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", help="Alias of the account that pays; on a local network the first test account.")
@click.option("--min-period", type=click.IntRange(min=1), help="Shortest challenge period accepted, in seconds.")
@click.option("--max-period", type=click.IntRange(min=1), help="Longest challenge period accepted, in seconds.")
@click.option("--directory", default="deployments", help="Where the manifest is kept.", type=click.Path(path_type=Path))
def cli(account: str | None, min_period: int | None, max_period: int | None, directory: Path) -> None:
    """Deploy the contracts, and DevUSDC where money is for play."""
    local = networks.provider.network.is_local
    if account is None and not local:
        raise click.UsageError("only a local network has an account to spare: name yours with --account")
    least, most = LOCAL_PERIOD_SECONDS if local else PERIOD_SECONDS
    sender = accounts.test_accounts[0] if account is None else accounts.load(account)
    try:
        manifest = deploy(sender, min_period or least, max_period or most, directory, with_token=local)
    except PenstockError as error:
        raise click.ClickException(f"{error}. {error.remedy}") from error
    click.echo(manifest.path.read_text())


def deploy(sender: Any, min_period: int, max_period: int, directory: Path, *, with_token: bool) -> Manifest:
    """Deploy what does not stand yet, from an account that pays the gas, and record everything.

    Parameters
    ----------
    sender
        An ape account.
    min_period, max_period
        Bounds of the challenge period, in seconds; part of the address.
    directory
        Where the manifest is kept.
    with_token
        Deploy DevUSDC too; the sender becomes its owner.

    Raises
    ------
    PenstockError
        Empty bounds, other code or another recorded address; nothing was sent.
    click.UsageError
        The sources are not those that ship, or the chain has no deployment proxy.

    """
    plan = plan_contracts(min_period, max_period)
    manifest = Manifest.of(directory, networks.provider.chain_id)
    for planned in plan:
        manifest.check(planned.name, planned.address)
        check_sources(planned.artifact)
    if networks.provider.get_code(str(PROXY)) != PROXY_CODE:
        raise click.UsageError(f"no deployment proxy at {PROXY} on this chain: `penstock deploy` puts it there")
    if with_token:
        deploy_dev_usdc(sender, manifest)
    for planned in plan:
        deploy_planned(sender, planned, manifest)
    return manifest


def deploy_planned(sender: Any, planned: Planned, manifest: Manifest) -> None:
    """Deploy a contract through the proxy unless it stands, and record it."""
    if not on_chain(lambda rpc: planned_code(rpc, planned)):
        sender.transfer(str(PROXY), 0, data=planned.call)
    code = on_chain(lambda rpc: verified_code(rpc, planned))
    recorded = manifest.creation(planned.name, planned.address)
    creation = on_chain(lambda rpc: find_creation(rpc, planned.address, planned.call, recorded))
    entry = contract_entry(planned.artifact, planned.arguments, planned.address, code, creation)
    manifest.record(planned.name, entry)


def deploy_dev_usdc(sender: Any, manifest: Manifest) -> None:
    """Deploy the play money plainly, for whoever makes it owns it, unless it stands, and record it."""
    token = artifact("DevUSDC")
    address = on_chain(lambda rpc: find_dev_usdc(rpc, Address.parse(sender.address, "sender")))
    manifest.check(token.name, address)
    if not networks.provider.get_code(str(address)):
        sender.deploy(project.DevUSDC)
    code = bytes(networks.provider.get_code(str(address)))
    recorded = manifest.creation(token.name, address)
    creation = on_chain(lambda rpc: find_creation(rpc, address, token.bytecode, recorded))
    manifest.record(token.name, contract_entry(token, {}, address, code, creation))


def check_sources(kind: Artifact) -> None:
    """Check that ape compiled the bytecode that ships, for the address follows from it."""
    compiled = project.get_contract(kind.name).contract_type.deployment_bytecode.bytecode
    if bytes.fromhex(compiled.removeprefix("0x")) != kind.bytecode:
        raise click.UsageError(f"ape's {kind.name} is not what ships: run scripts/artifacts and commit the result")


def on_chain(work: Callable[[Rpc], Awaitable[T]]) -> T:
    """Ask the chain that ape is connected to."""

    async def connected() -> T:
        rpc = await Rpc.connect(networks.provider.http_uri)
        try:
            return await work(rpc)
        finally:
            await rpc.close()

    return asyncio.run(connected())
