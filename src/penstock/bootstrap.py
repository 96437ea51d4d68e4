"""The one place where the parts meet: databases, keys, the chain side and what runs in the background.

Interfaces (`penstock.api`, `penstock.watcher`) build on what is put together here; nothing below imports it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import RpcRefused, RpcUnavailable
from penstock.chain.fees import FeeSettings
from penstock.chain.follower import Follower, FollowerSettings, OnChange
from penstock.chain.keys import load_keystore
from penstock.chain.metrics import EndpointMetrics, SenderMetrics
from penstock.chain.outside import ChainReader, ContractCalls
from penstock.chain.pool import connect_rpc, open_rpc
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.chain.sightings import Sightings
from penstock.chain.signer import Signer
from penstock.chain.stream import Listeners, Stream
from penstock.client.watchers import WatcherAddress, WatcherClient
from penstock.config import ChainSettings, LogSettings, NodeSettings, Settings, read_secret
from penstock.node.context import Context, Policy
from penstock.node.delivery import Delivery
from penstock.node.head import Head
from penstock.node.node import Node
from penstock.node.records import Block
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database

log = structlog.get_logger("penstock")

GRACE_SECONDS = 5
"""How long requests under way may take to end when the process is asked to stop."""

KEEP_ALIVE_SECONDS = 60
"""How long a payer's connection may rest between two payments."""

_RETRY_SECONDS = 2.0
_WATCHER_TIMEOUT_SECONDS = 10.0


def configure_logs(settings: LogSettings) -> None:
    """Send every log, our own and the libraries', to standard error in one form."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.format == "json"
    # Traces are plain: rich ones print what every variable holds, keys too, and take seconds while nothing is served.
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    render = structlog.processors.JSONRenderer() if as_json else console
    trace = [structlog.processors.format_exc_info] if as_json else []
    structlog.configure(
        processors=[*shared, *trace, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *trace, render]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def open_key(settings: Settings, keystore: Path, password_file: Path | None) -> bytes:
    """Return the private key of a keystore that the settings name.

    Raises
    ------
    PasswordFileUnusable, KeystoreUnreadable, WrongPassword
        It cannot be opened.
    """
    return load_keystore(settings.path(keystore), settings.keystore_password(password_file))


def open_accounts(settings: Settings, keystores: Sequence[Path], password_file: Path | None) -> list[Account]:
    """Return the accounts of keystores that the settings name; raises as `open_key`."""
    return [Account(open_key(settings, keystore, password_file)) for keystore in keystores]


@dataclass(frozen=True, slots=True)
class ChainSide:
    """Following and sending for one database, over one endpoint or several."""

    rpc: Rpc
    follower: Follower
    sender: Sender
    sightings: Sightings | None
    streams: tuple[Stream, ...]
    settings: ChainSettings

    def works(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """Return what runs beside following, by name."""
        works = {f"stream {number} of {stream.url}": stream.run for number, stream in enumerate(self.streams, 1)}
        sightings = {"sightings": self.sightings.run} if self.sightings else {}
        return {"send": self.send, **sightings, **works}

    async def follow(self, on_change: OnChange) -> None:
        """Follow until cancelled; waits for an endpoint that does not serve yet.

        Raises
        ------
        WrongChainId, NoContract, ForeignContract
            The settings name another chain or contract than the endpoint has.
        ChainFault
            The chain cannot be followed further.
        """

        async def hear(touched: set[Bytes32], block: Block) -> None:
            await on_change(touched, block)
            if self.sightings:
                self.sightings.follow(block.number)

        await self._wait_until_served()
        await self.follower.run(hear)

    async def send(self) -> None:
        """Send until cancelled; raises as `follow`, but for faults of the chain."""
        await self._wait_until_served()
        await self.sender.run()

    async def check(self) -> None:
        """Check that the endpoint serves our chain and our contract; raises as `follow`, or `RpcFault`."""
        probe = await connect_rpc(self.settings.rpc_urls, self.settings.chain_id, self.settings.quorum)
        try:
            await ChannelsContract.connect(probe, self.settings.contract)
        finally:
            await probe.close()

    async def _wait_until_served(self) -> None:
        while True:
            try:
                await self.check()
            except (RpcUnavailable, RpcRefused) as fault:
                log.warning("the chain's endpoint does not serve yet", why=str(fault))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return


@asynccontextmanager
async def open_chain_side(
    settings: ChainSettings,
    database: Database,
    accounts: Sequence[Account],
    registry: CollectorRegistry,
    *,
    with_sightings: bool = False,
) -> AsyncIterator[ChainSide]:
    """Put the chain side together; whether the endpoint serves is seen when it runs.

    Parameters
    ----------
    accounts
        They pay for gas.
    registry
        Gets the metrics.
    with_sightings
        Whether closes of our channels are to be seen while they wait for a block.
    """
    metrics = EndpointMetrics(registry)
    rpc = open_rpc(settings.rpc_urls, settings.chain_id, quorum=settings.quorum, metrics=metrics)
    following = FollowerSettings(
        start_block=max(1, settings.deployment_block),
        confirmations=settings.confirmations,
        poll_seconds=settings.poll_seconds,
        keep=settings.keep_blocks,
    )
    sender = Sender(rpc, accounts, database, _sender_settings(settings), SenderMetrics(registry))
    try:
        follower = Follower(rpc, ChannelsContract(rpc, settings.domain), database, following, metrics)
        sightings = None
        if with_sightings:
            is_ours = partial(_is_registered, database)
            sightings = Sightings(rpc, settings.domain, is_ours, time.monotonic, metrics)
        listeners = Listeners(settings.contract, follower.hint, sightings.note if sightings else None)
        streams = tuple(Stream(url, settings.chain_id, listeners, metrics) for url in settings.websocket_urls)
        yield ChainSide(rpc, follower, sender, sightings, streams, settings)
    finally:
        await rpc.close()


async def _is_registered(database: Database, channel_id: Bytes32) -> bool:
    return await database.read(lambda uow: uow.channels.get(channel_id) is not None)


def _sender_settings(settings: ChainSettings) -> SenderSettings:
    fees, sending = settings.fees, settings.sending
    return SenderSettings(
        confirmations=settings.confirmations,
        depths=sending.depths,
        poll_seconds=settings.poll_seconds,
        replace_after_blocks=sending.replace_after_blocks,
        in_flight_max=sending.in_flight_max,
        urgent_reserve=sending.urgent_reserve,
        gas_margin_percent=sending.gas_margin_percent,
        fees=FeeSettings(
            history_blocks=fees.history_blocks,
            percentile=fees.percentile,
            min_priority_fee=fees.min_priority_fee_wei,
            base_fee_multiple=fees.base_fee_multiple,
            max_fee_limit=fees.max_fee_limit_wei,
            final_blocks=fees.final_blocks,
        ),
    )


@asynccontextmanager
async def in_background(**works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run works beside the block, by name, until it ends.

    One that stops is started again: all of them go on from the records. Nothing is recorded while the chain
    contradicts itself, so the node's view gets old and it signs nothing new; giving up would leave it blind even
    if an endpoint lied for a moment only.
    """
    tasks = [asyncio.create_task(_keep_running(name, work), name=name) for name, work in works.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except PenstockError as fault:
            log.critical("stopped, starts again", work=name, code=fault.code, why=str(fault))
        except Exception:
            log.exception("stopped, starts again", work=name)
        await asyncio.sleep(_RETRY_SECONDS)


class _Server(uvicorn.Server):
    """A server that returns when it is asked to stop.

    Uvicorn's own sends itself the signal again at the end, which would end the process before what runs in the
    background has come to rest and the files are closed.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def serve(app: Any, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT; requests under way are answered first."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    await _Server(config).serve()


# The node ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node with everything that it runs on."""

    node: Node
    operator_token: str
    settings: NodeSettings
    registry: CollectorRegistry


@asynccontextmanager
async def run_node_parts(settings: Settings) -> AsyncIterator[RunningNode]:
    """Put a node together and run its background work until the block ends.

    Raises
    ------
    SettingsInvalid, PasswordFileUnusable, KeyFault, StorageError
        It cannot start.
    WrongChainId, NoContract, ForeignContract
        The settings name another chain or contract than the endpoint has.
    """
    section = settings.require_node()
    key = open_key(settings, section.keystore, section.password_file)
    signer = Signer(key, settings.path(section.marks), settings.chain.domain)
    accounts = open_accounts(settings, section.account_keystores, section.password_file) or [Account(key)]
    registry = CollectorRegistry()
    try:
        with Database(settings.database_url(section, "node"), signer.flush) as database:
            database.migrate()
            async with (
                open_chain_side(settings.chain, database, accounts, registry, with_sightings=True) as chain,
                httpx.AsyncClient(timeout=_WATCHER_TIMEOUT_SECONDS) as http,
            ):
                await _check_if_served(chain)
                node = _build_node(settings, section, signer, database, chain, http)
                async with in_background(**_works(node, chain)):
                    yield RunningNode(node, _operator_token(settings, section), section, registry)
    finally:
        signer.close()


def _build_node(
    settings: Settings,
    section: NodeSettings,
    signer: Signer,
    database: Database,
    chain: ChainSide,
    http: httpx.AsyncClient,
) -> Node:
    domain = settings.chain.domain
    policy = Policy(
        payee=section.payee or signer.address,
        tokens=section.tokens,
        challenge_period_seconds=(section.challenge_period_minimum_seconds, section.challenge_period_maximum_seconds),
        withdrawal_window_seconds=(
            section.withdrawal_window_minimum_seconds,
            section.withdrawal_window_maximum_seconds,
        ),
        confirmations=settings.chain.confirmations,
        relay_minimum_deposit=section.relay_minimum_deposit,
    )
    context = Context(
        domain=domain,
        policy=policy,
        signer=signer,
        calls=ContractCalls(domain.contract),
        outbox=chain.sender,
        head=Head(time.time, section.head_lag_maximum_seconds),
        clock=time.time,
        closes=chain.sightings.transactions if chain.sightings else {},
    )
    couriers = [WatcherClient(WatcherAddress(peer.url, peer.address), http, domain) for peer in section.watchers]
    reader = ChainReader(chain.rpc, domain.contract, chain.sender.address)
    return Node(context, database, reader, Delivery(database, couriers, section.delivery_pause_seconds))


def _works(node: Node, chain: ChainSide) -> dict[str, Callable[[], Awaitable[None]]]:
    async def on_change(_: set[Bytes32], block: Block) -> None:
        node.context.head.follow(block)

    works: dict[str, Callable[[], Awaitable[None]]] = {"follow": lambda: chain.follow(on_change), **chain.works()}
    for courier in node.delivery.couriers:
        works[f"delivery to {courier.url}"] = lambda courier=courier: node.delivery.run(courier)  # type: ignore[misc]
    return works


async def _check_if_served(chain: ChainSide) -> None:
    """Refuse to start on another chain or contract; an endpoint that does not answer is waited for later."""
    try:
        await chain.check()
    except (RpcUnavailable, RpcRefused) as fault:
        log.warning("starting without the chain: nothing new is signed until it serves", why=str(fault))


def _operator_token(settings: Settings, section: NodeSettings) -> str:
    if section.operator_token is not None:
        return section.operator_token.get_secret_value()
    path = settings.path(section.operator_token_file)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        log.info("a new operator's token", path=str(path))
    return read_secret(path)
