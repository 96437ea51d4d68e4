"""The configuration of a local chain's home, written at every start."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from penstock.cli.anvil import CHAIN_ID
from penstock.cli.home import LocalHome
from penstock.protocol.primitives import Address

HOST = "127.0.0.1"
RELAY_MINIMUM_UNITS = 1_000_000
"""The least deposit whose gas the local node pays: 1 USDC."""

CHALLENGE_PERIOD_MAX_SECONDS = 60
"""The longest the local node takes, and what a channel has that asks for none: nobody waits a day for a test."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the three processes listen, on this machine only."""

    chain: int
    node: int
    watcher: int

    @property
    def host(self) -> str:
        """Return the address they listen on."""
        return HOST

    @property
    def chain_url(self) -> str:
        """Return the chain's address."""
        return f"http://{HOST}:{self.chain}"

    @property
    def chain_stream_url(self) -> str:
        """Return the address that the chain pushes new heads from."""
        return f"ws://{HOST}:{self.chain}"

    @property
    def node_url(self) -> str:
        """Return the node's address."""
        return f"http://{HOST}:{self.node}"

    @property
    def watcher_url(self) -> str:
        """Return the watcher's address."""
        return f"http://{HOST}:{self.watcher}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contract, the block it was deployed in, and the token."""

    contract: Address
    block: int
    token: Address


def read_deployment(home: LocalHome) -> Deployment | None:
    """Return what an earlier run deployed, None if there was none."""
    if not home.config_file.exists():
        return None
    shape = tomllib.loads(home.config_file.read_text())
    return Deployment(
        contract=Address.parse(shape["chain"]["contract"], "contract"),
        block=shape["chain"]["deployment_block"],
        token=Address.parse(shape["node"]["tokens"][0], "token"),
    )


def write_config(home: LocalHome, ports: Ports, deployment: Deployment, challenge_period_seconds: int) -> None:
    """Write ``penstock.toml``, all of it or nothing."""
    text = f"""\
# Written by `penstock up` at every start. For settings of your own use PENSTOCK_* variables.

[chain]
rpc_url = "{ports.chain_url}"
websocket_url = "{ports.chain_stream_url}"
chain_id = {CHAIN_ID}
contract = "{deployment.contract}"
deployment_block = {deployment.block}
confirmations = 1
poll_seconds = 0.25

[node]
host = "{HOST}"
port = {ports.node}
password_file = "{home.password_file.name}"
tokens = ["{deployment.token}"]
challenge_period_minimum_seconds = {challenge_period_seconds}
challenge_period_maximum_seconds = {max(challenge_period_seconds, CHALLENGE_PERIOD_MAX_SECONDS)}
relay_minimum_deposit = {RELAY_MINIMUM_UNITS}
watchers = [{{ url = "{ports.watcher_url}", address = "{home.address("watcher")}" }}]

[watcher]
host = "{HOST}"
port = {ports.watcher}
password_file = "{home.password_file.name}"

[client]
node_url = "{ports.node_url}"
password_file = "{home.password_file.name}"
"""
    new = home.config_file.with_suffix(".new")
    new.write_text(text)
    new.replace(home.config_file)
