"""The demo's world: a chain, a node, a watcher, a payer's client, and a view of the chain that trusts none of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from penstock.chain.contracts import ChannelsContract
from penstock.chain.rpc import Rpc
from penstock.cli.anvil import CHAIN_ID, Anvil
from penstock.cli.demo_audit import balances
from penstock.cli.demo_stage import Stage
from penstock.cli.errors import NotSettled
from penstock.cli.home import LocalHome
from penstock.cli.localconfig import Deployment, Ports
from penstock.cli.operator import Operator
from penstock.cli.ports import free_ports
from penstock.cli.stack import LocalStack
from penstock.cli.supervisor import Supervisor, supervised
from penstock.client import AsyncClient, Patience
from penstock.protocol.messages import State
from penstock.protocol.onchain import Closing, Ended
from penstock.protocol.primitives import Address, Bytes32

SHORTEST_PERIOD_SECONDS = 6
"""The least challenge period of the demo's contract; nobody could rely on it elsewhere."""

_WAIT_SECONDS = 60
_LOOK_SECONDS = 0.05
_MARGIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class World:
    """All that the acts play with."""

    home: LocalHome
    stack: LocalStack
    supervisor: Supervisor
    deployment: Deployment
    rpc: Rpc
    contract: ChannelsContract
    anvil: Anvil
    operator: Operator
    client: AsyncClient

    @property
    def payer(self) -> Address:
        """Return the payer's account."""
        return self.home.address("payer")

    @property
    def agent(self) -> Address:
        """Return the account of the agent, whom the node works for."""
        return self.home.address("node")

    async def money(self) -> dict[str, int]:
        """Return who holds how much of the token, in smallest units, as the token itself says."""
        accounts = {"payer": self.payer, "agent": self.agent, "contract": self.deployment.contract}
        held = await balances(self.rpc, self.deployment.token, list(accounts.values()))
        return {who: held[account] for who, account in accounts.items()}

    async def closing(self, channel_id: Bytes32) -> State:
        """Return the state that a dispute would be settled at, as soon as there is one; raises `NotSettled`."""
        give_up = monotonic() + _MARGIN_SECONDS
        while monotonic() < give_up:
            phase = (await self.contract.get_channel(channel_id)).phase
            if isinstance(phase, Closing):
                return phase.state
            await asyncio.sleep(_LOOK_SECONDS)
        raise NotSettled(str(channel_id), _MARGIN_SECONDS)

    async def until_collected(self, channel_id: Bytes32, units: int) -> None:
        """Wait until the chain shows that so much was collected; raises `NotSettled`."""
        give_up = monotonic() + _MARGIN_SECONDS
        while (await self.contract.get_channel(channel_id)).payee_withdrawn < units:
            if monotonic() > give_up:
                raise NotSettled(str(channel_id), _MARGIN_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def settled(self, channel_id: Bytes32, stage: Stage) -> Ended:
        """Follow a dispute on the chain until it is settled, and tell every turn it takes.

        Raises
        ------
        NotSettled
            It is not settled long after its deadline.
        """
        told: int | None = None
        give_up = monotonic() + _MARGIN_SECONDS
        while monotonic() < give_up:
            phase = (await self.contract.get_channel(channel_id)).phase
            if isinstance(phase, Ended):
                return phase
            if isinstance(phase, Closing) and phase.state.sequence != told:
                told = phase.state.sequence
                left = phase.deadline - (await self.rpc.head()).time
                stage.say(f"the chain says: closing with state {told:,}, to be settled in {left} s")
            await asyncio.sleep(_LOOK_SECONDS)
        raise NotSettled(str(channel_id), _MARGIN_SECONDS)


@asynccontextmanager
async def world(home: LocalHome, stage: Stage, name: str) -> AsyncIterator[World]:
    """Start everything on ports that nobody uses; whatever ends the block ends every process."""
    logs = _Logs(home.path / "logs")
    ports = Ports(*free_ports(3))
    async with supervised(logs, name) as supervisor:
        stack = LocalStack(home, ports, supervisor, SHORTEST_PERIOD_SECONDS, _WAIT_SECONDS)
        with stage.waiting("starting a chain, a node and a watcher"):
            deployment = await stack.start()
        rpc = await Rpc.connect(ports.chain_url, CHAIN_ID)
        try:
            contract = await ChannelsContract.connect(rpc, deployment.contract)
            connected = AsyncClient.connect(
                ports.node_url,
                key=home.key("payer"),
                home=home.path / "payer",
                rpc_url=ports.chain_url,
                patience=Patience(poll_seconds=_LOOK_SECONDS),
            )
            operator = Operator(ports.node_url, home.operator_token())
            async with Anvil(ports.chain_url) as anvil, operator, connected as client:
                yield World(home, stack, supervisor, deployment, rpc, contract, anvil, operator, client)
        finally:
            await rpc.close()


class _Logs:
    """Every process's lines in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(exist_ok=True)

    def __call__(self, name: str, line: str) -> None:
        with (self._path / f"{name}.log").open("a") as file:
            file.write(line + "\n")
