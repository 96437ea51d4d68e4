"""A chain, a node and a watcher on this machine, as real processes: what ``up`` and ``demo`` run."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import httpx

from penstock.chain import calls
from penstock.chain.create2 import plan_contracts
from penstock.chain.deploy import deploy_contracts, deploy_dev_usdc, send_now
from penstock.chain.errors import NoContract
from penstock.chain.rpc import Rpc
from penstock.cli.anvil import CHAIN_ID, Anvil
from penstock.cli.errors import ChainLost
from penstock.cli.home import LocalHome
from penstock.cli.localconfig import Deployment, Ports, read_deployment, write_config
from penstock.cli.passwords import VARIABLE as PASSWORD_VARIABLE
from penstock.cli.supervisor import Program, Supervisor
from penstock.cli.tools import find_anvil, penstock_command

PLAY_MONEY_UNITS = 1_000_000_000
"""What the payer is given: 1,000 USDC."""

_CONTRACT_PERIOD_MAX_SECONDS = 30 * 86_400
_GAS_MONEY_WEI = 10**20
_BLOCK_SECONDS = 1
_PROBE_TIMEOUT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class LocalStack:
    """The processes of one home, run by one supervisor.

    Attributes
    ----------
    challenge_period_seconds
        The shortest challenge period that contract and node accept.
    wait_seconds
        How long a process may take until it serves.
    """

    home: LocalHome
    ports: Ports
    supervisor: Supervisor
    challenge_period_seconds: int
    wait_seconds: int

    async def start(self) -> Deployment:
        """Run everything, deploying the contracts if this home has none yet.

        Raises
        ------
        ProcessDied, NotReady, ToolMissing
            A process could not be started.
        ChainLost
            The chain that the home's configuration speaks of is gone.
        """
        await self.start_chain()
        deployment = await self.deploy()
        await self.start_services()
        return deployment

    async def start_chain(self) -> None:
        """Run Anvil; it keeps its state in the home, written every second."""
        anvil = Anvil(self.ports.chain_url)
        argv = (
            *(str(find_anvil()), "--host", self.ports.host, "--port", str(self.ports.chain), "--quiet"),
            *("--chain-id", str(CHAIN_ID), "--slots-in-an-epoch", "1"),
            # No accounts of its own: theirs have keys that everybody knows.
            *("--accounts", "0", "--state", str(self.home.chain_state), "--state-interval", "1"),
        )
        async with anvil:
            program = Program("chain", argv, self.ports.chain_url, anvil.serves)
            await self.supervisor.start(program, self.wait_seconds)

    async def deploy(self) -> Deployment:
        """Deploy the contracts, give gas and play money, and write the configuration; later runs only the latter.

        Until then every transaction has a block of its own, at once; afterwards there is a block every second.
        """
        deployment = read_deployment(self.home)
        rpc = await Rpc.connect(self.ports.chain_url, CHAIN_ID)
        try:
            if deployment is None:
                deployment = await self._deploy_first(rpc)
            else:
                await rpc.require_code(deployment.contract)
        except NoContract:
            raise ChainLost(str(self.home.path)) from None
        finally:
            await rpc.close()
        async with Anvil(self.ports.chain_url) as anvil:
            await anvil.mine_every(_BLOCK_SECONDS)
        write_config(self.home, self.ports, deployment, self.challenge_period_seconds)
        return deployment

    async def start_services(self) -> None:
        """Run the watcher and the node, at the same time."""
        await asyncio.gather(
            self._start_service("watcher", "watch", self.ports.watcher_url),
            self._start_service("node", "node", self.ports.node_url),
        )

    async def _deploy_first(self, rpc: Rpc) -> Deployment:
        async with Anvil(self.ports.chain_url) as anvil:
            for role in ("deployer", "node", "watcher"):
                await anvil.give_gas(self.home.address(role), _GAS_MONEY_WEI)
        deployer = self.home.account("deployer")
        token = await deploy_dev_usdc(rpc, deployer)
        plan = plan_contracts(self.challenge_period_seconds, _CONTRACT_PERIOD_MAX_SECONDS)
        deployed = {each.name: where async for each, where in deploy_contracts(rpc, deployer, plan)}
        await send_now(rpc, deployer, token.address, calls.mint(self.home.address("payer"), PLAY_MONEY_UNITS))
        channels = deployed["Channels"]
        return Deployment(channels.address, channels.first_block, token.address)

    async def _start_service(self, name: str, command: str, url: str) -> None:
        argv = (*penstock_command(), command, "--home", str(self.home.path))
        # The home's own password file opens its keys, whatever the user's password is.
        environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
        await self.supervisor.start(Program(name, argv, url, lambda: healthy(url), environment), self.wait_seconds)


async def healthy(url: str) -> bool:
    """Tell whether a node or a watcher serves and is well."""
    try:
        async with httpx.AsyncClient(timeout=_PROBE_TIMEOUT_SECONDS) as http:
            return (await http.get(f"{url}/v1/health")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
