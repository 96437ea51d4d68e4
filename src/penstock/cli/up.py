"""``penstock up``: a whole payment network on this machine, in one terminal."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from penstock.cli.home import LocalHome
from penstock.cli.localconfig import HOST, Deployment, Ports
from penstock.cli.options import DEFAULT_HOME, AsJson, Home
from penstock.cli.ports import check_free
from penstock.cli.stack import LocalStack
from penstock.cli.stream import LogStream
from penstock.cli.supervisor import Sink, supervised

CHALLENGE_PERIOD_SECONDS = 10
WAIT_SECONDS = 60


def up(
    *,
    home: Home = DEFAULT_HOME,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier runs: new keys, a new chain.")] = False,
    chain_port: Annotated[int, typer.Option(help="Port of the chain's JSON-RPC.", min=1, max=65535)] = 8545,
    node_port: Annotated[int, typer.Option(help="Port of the node.", min=1, max=65535)] = 8402,
    watcher_port: Annotated[int, typer.Option(help="Port of the watcher.", min=1, max=65535)] = 8403,
    challenge_period: Annotated[
        int, typer.Option(help="The shortest challenge period, in seconds. Fixed when the contract is deployed.", min=1)
    ] = CHALLENGE_PERIOD_SECONDS,
    wait: Annotated[int, typer.Option(help="How many seconds each process may take to start.", min=1)] = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Run a local chain, the contracts, a node and a watcher until Ctrl-C.

    The first run makes HOME with new keys, deploys the contracts and gives the payer 1,000 play dollars but no ETH.
    Later runs go on where the last one ended. With --json every line of the log is a JSON document.
    """
    ports = Ports(chain_port, node_port, watcher_port)
    chosen = (chain_port, node_port, watcher_port)
    if len(set(chosen)) < len(chosen):
        raise typer.BadParameter("--chain-port, --node-port and --watcher-port must differ")
    local = LocalHome(home)
    with local.in_use():
        check_free(HOST, ports.chain, "the chain", "--chain-port")
        check_free(HOST, ports.node, "the node", "--node-port")
        check_free(HOST, ports.watcher, "the watcher", "--watcher-port")
        if fresh:
            local.empty()
        local.make_keys()
        say = LogStream(("up", "chain", "node", "watcher"), as_json=as_json)
        try:
            asyncio.run(_run(local, ports, challenge_period, wait, say))
        except asyncio.CancelledError:
            say("up", "everything has ended")


async def _run(home: LocalHome, ports: Ports, challenge_period: int, wait: int, say: Sink) -> None:
    async with supervised(say, "up") as supervisor:
        deployment = await LocalStack(home, ports, supervisor, challenge_period, wait).start()
        for line in _welcome(home, ports, deployment):
            say("up", line)
        await supervisor.forever()


def _welcome(home: LocalHome, ports: Ports, deployment: Deployment) -> tuple[str, ...]:
    option = "" if home.path == DEFAULT_HOME else f" --home {home.path}"
    return (
        f"Channels {deployment.contract}, USDC {deployment.token}",
        f"the payer {home.address('payer')} has play dollars and no ETH",
        f"the node's API is described at {ports.node_url}/docs",
        f"in another terminal: penstock channel open 10{option}",
        "Ctrl-C ends everything",
    )
