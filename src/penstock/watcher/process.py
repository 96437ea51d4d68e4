"""The watcher as a process: put its parts together on what `penstock.bootstrap` opens, and run them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry

from penstock.bootstrap import ChainSide, configure_logs, in_background, open_accounts, open_chain_side, open_key, serve
from penstock.chain.account import Account
from penstock.chain.errors import RpcRefused, RpcUnavailable
from penstock.chain.signer import Signer
from penstock.config import Settings
from penstock.node.head import Head
from penstock.node.records import Block
from penstock.protocol.errors import ChainFault
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from penstock.watcher.api import create_app
from penstock.watcher.budget import BudgetSettings
from penstock.watcher.gas import GasMoney
from penstock.watcher.guard import Guard
from penstock.watcher.intake import Intake
from penstock.watcher.metrics import Metrics
from penstock.watcher.service import Watcher

log = structlog.get_logger("penstock.watcher")

_FAULT_PAUSE_SECONDS = 10.0


def run_watcher(settings: Settings) -> None:
    """Run a watcher until SIGINT or SIGTERM.

    Raises
    ------
    PasswordFileUnusable, KeyFault, StorageError
        Its key or its records cannot be opened; `SignerInUse` if another watcher has them.
    WrongChainId, NoContract, ForeignContract
        The settings name another chain or contract than the endpoint has.
    """
    configure_logs(settings.log)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    section = settings.watcher
    async with run_watcher_parts(settings) as watcher:
        log.info("watching", url=f"http://{section.host}:{section.port}", address=str(watcher.address))
        await serve(create_app(watcher), section.host, section.port)


@asynccontextmanager
async def run_watcher_parts(settings: Settings) -> AsyncIterator[Watcher]:
    """Put a watcher together and run its background work until the block ends; raises as `run_watcher`."""
    section = settings.watcher
    key = open_key(settings, section.keystore, section.password_file)
    # Its marks stay empty, but their lock keeps a second watcher from sending with the same account.
    signer = Signer(key, settings.path(section.marks), settings.chain.domain)
    accounts = [Account(key), *open_accounts(settings, section.account_keystores, section.password_file)]
    registry = CollectorRegistry()
    try:
        with Database(settings.database_url(section, "watcher")) as database:
            database.migrate()
            async with open_chain_side(settings.chain, database, accounts, registry) as chain:
                await _check_if_served(chain)
                watcher, guard = _build(settings, signer, database, chain, registry)
                works = chain.works()
                async with in_background(follow=lambda: _follow(chain, watcher, guard), gas=watcher.gas.run, **works):
                    yield watcher
    finally:
        signer.close()


def _build(
    settings: Settings, signer: Signer, database: Database, chain: ChainSide, registry: CollectorRegistry
) -> tuple[Watcher, Guard]:
    section, domain = settings.watcher, settings.chain.domain
    head = Head(time.time, section.head_lag_maximum_seconds)
    metrics = Metrics(head, registry)
    budgets = BudgetSettings(**dict(section.budget))
    guard = Guard(database, chain.sender, domain.contract, metrics, _clock, budgets, section.trusted_tokens)
    watcher = Watcher(
        domain=domain,
        address=signer.address,
        database=database,
        intake=Intake(database, guard, signer, domain, metrics, _clock),
        head=head,
        gas=GasMoney(chain.rpc, chain.sender.addresses, section.gas_reserve_disputes, metrics),
        metrics=metrics,
        clock=_clock,
    )
    return watcher, guard


async def _check_if_served(chain: ChainSide) -> None:
    """Refuse to start on another chain or contract; an endpoint that does not answer is waited for later."""
    try:
        await chain.check()
    except (RpcUnavailable, RpcRefused) as fault:
        log.warning("starting without the chain: a close cannot be seen until it serves", why=str(fault))


async def _follow(chain: ChainSide, watcher: Watcher, guard: Guard) -> None:
    """Follow for ever, again and again after a fault of the chain as well.

    Nothing is recorded while the fault lasts, and health says 503. But if an endpoint lied for a moment, giving up
    would leave the channels without a watch until somebody looks.
    """

    async def on_change(_: set[Bytes32], head: Block) -> None:
        watcher.head.follow(head)
        await guard.answer(head)

    while True:
        try:
            await chain.follow(on_change)
        except ChainFault as fault:
            log.critical("the chain cannot be followed", why=str(fault), again_in_seconds=_FAULT_PAUSE_SECONDS)
            await asyncio.sleep(_FAULT_PAUSE_SECONDS)


def _clock() -> int:
    return int(time.time())
