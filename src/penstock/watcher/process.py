"""The watcher as a process: put its parts together, run them, end them in order."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Self

import structlog
import uvicorn

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import RpcRefused, RpcUnavailable
from penstock.chain.follower import Follower, FollowerSettings
from penstock.chain.keys import load_keystore
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender, SenderSettings
from penstock.chain.signer import Signer
from penstock.config import ChainSettings, Settings
from penstock.node.head import Head
from penstock.node.records import Block
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from penstock.watcher.api import create_app
from penstock.watcher.errors import CannotListen
from penstock.watcher.gas import GasMoney
from penstock.watcher.guard import Guard
from penstock.watcher.intake import Intake
from penstock.watcher.metrics import Metrics
from penstock.watcher.service import Watcher

log = structlog.get_logger("penstock.watcher")

_PAUSE_SECONDS_MAX = 10.0


def run_watcher(settings: Settings) -> None:
    """Run a watcher until SIGINT or SIGTERM.

    Raises
    ------
    PasswordFileUnusable, KeyFault, StorageError
        Its key or its records cannot be opened; `SignerInUse` if another watcher has them.
    WrongChainId, NoContract, ForeignContract
        The endpoint serves, but not this contract.
    CannotListen
        The address is taken.
    """
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    with _listen(settings.watcher.host, settings.watcher.port) as listener:
        async with opened(settings) as parts:
            with suppress(RpcUnavailable, RpcRefused):
                await parts.connect()
            server = _Server(uvicorn.Config(create_app(parts.watcher), log_config=None, lifespan="off"))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, server.stop)
            async with parts.running():
                log.info("watching", url=_url(listener), address=str(parts.watcher.address))
                await server.serve(sockets=[listener])


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a watcher that run beside its interface."""

    watcher: Watcher
    guard: Guard
    rpc: Rpc
    contract: ChannelsContract
    follower: Follower
    sender: Sender

    @classmethod
    def assemble(cls, settings: Settings, account: Account, signer: Signer, database: Database) -> Self:
        """Put a watcher together; nothing runs yet."""
        chain, domain = settings.chain, settings.chain.domain
        rpc = Rpc(chain.rpc_url)
        metrics = Metrics()
        sender = Sender(
            rpc, account, database, SenderSettings(confirmations=chain.confirmations, poll_seconds=chain.poll_seconds)
        )
        guard = Guard(database, sender, domain.contract, metrics, _clock)
        head = Head(time.time, settings.watcher.head_lag_maximum_seconds)
        metrics.head_lag.set_function(lambda: head.lag_seconds)
        watcher = Watcher(
            domain=domain,
            address=account.address,
            database=database,
            intake=Intake(database, guard, signer, domain, metrics, _clock),
            head=head,
            gas=GasMoney(rpc, account.address, settings.watcher.gas_reserve_disputes, metrics),
            metrics=metrics,
            clock=_clock,
        )
        contract = ChannelsContract(rpc, domain)
        follower = Follower(rpc, contract, database, _following(chain))
        return cls(watcher, guard, rpc, contract, follower, sender)

    async def connect(self) -> None:
        """Check that the endpoint serves our contract, before anything is read from it or sent to it.

        Raises
        ------
        WrongChainId, NoContract, ForeignContract
            It serves something else.
        RpcUnavailable, RpcRefused
            It does not serve now.
        """
        probe = await Rpc.connect(self.rpc.url, self.watcher.domain.chain_id)
        try:
            await ChannelsContract.connect(probe, self.watcher.domain.contract)
        finally:
            await probe.close()
        self.rpc.chain_id = probe.chain_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow, answer and send while the context lasts."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        while not self.rpc.chain_id:
            try:
                await self.connect()
            except PenstockError as error:
                log.warning("the chain cannot be reached", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS_MAX)
        await asyncio.gather(
            _persist("follower", lambda: self.follower.run(self._on_change)),
            _persist("sender", self.sender.run),
            _persist("gas", self.watcher.gas.run),
        )

    async def _on_change(self, _: set[Bytes32], head: Block) -> None:
        self.watcher.head.follow(head)
        self.watcher.metrics.head_number.set(head.number)
        await self.guard.answer(head)


async def _persist(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` again whenever it ends: a watcher that gives up protects nobody.

    All it does starts from the records, so beginning again skips nothing; a fault that stays keeps health at 503.
    """
    pause = 1.0
    while True:
        try:
            await work()
        except PenstockError as error:
            log.error("stopped", part=name, reason=str(error), again_in_seconds=pause)  # noqa: TRY400 (it has a name)
        except Exception:
            log.exception("failed", part=name, again_in_seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _PAUSE_SECONDS_MAX)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """Open the key and the records of a watcher and put it together; close them afterwards."""
    watcher = settings.watcher
    key = load_keystore(settings.path(watcher.keystore), settings.keystore_password(watcher.password_file))
    signer = Signer(key, settings.path(watcher.marks), settings.chain.domain)
    try:
        with Database(settings.database_url(watcher, "watcher")) as database:
            database.migrate()
            parts = Parts.assemble(settings, Account(key), signer, database)
            try:
                yield parts
            finally:
                await parts.rpc.close()
    finally:
        signer.close()


def _following(chain: ChainSettings) -> FollowerSettings:
    return FollowerSettings(
        start_block=chain.deployment_block,
        confirmations=chain.confirmations,
        poll_seconds=chain.poll_seconds,
        keep=chain.keep_blocks,
    )


def _clock() -> int:
    return int(time.time())


# Serving ------------------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: the parts end after it, in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def stop(self) -> None:
        """Answer what was asked, then return from `serve`."""
        self.should_exit = True


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address before anything else is opened; raises `CannotListen`."""
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error
    with listener:
        yield listener


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{host}:{port}"
