"""What all operations on one channel share: one at a time, and a recent look at the chain before each signature."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import structlog

from penstock.chain.errors import RpcFault
from penstock.client.book import Book
from penstock.client.errors import ChainViewStale
from penstock.client.node_api import NodeApi
from penstock.client.patience import Patience
from penstock.client.ports import Chain, ChainView
from penstock.protocol.messages import Channel
from penstock.protocol.primitives import Bytes32
from penstock.storage import Database, UnitOfWork

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """What one client shares among its channels; ``evidence_changed`` wakes the delivery to watchers."""

    node: NodeApi
    chain: Chain
    database: Database
    book: Book
    patience: Patience
    evidence_changed: Callable[[], None]


class Lane:
    """One channel's lock and its last look at the chain."""

    def __init__(self, session: Session, terms: Channel) -> None:
        self.session = session
        self.terms = terms
        self.channel_id: Bytes32 = session.book.domain.channel_id(terms)
        self.lock = anyio.Lock()
        self._seen_at: float | None = None

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a writing work on the records; returns once it is durable."""
        return await self.session.database.run(work)

    async def look(self) -> ChainView:
        """Read the channel from the chain and store what it says; raises `RpcFault`."""
        view = await self.session.chain.view(self.channel_id)
        await self.run(lambda uow: self.session.book.see_chain(uow, self.channel_id, view))
        self._seen_at = time.monotonic()
        return view

    async def look_if_old(self) -> None:
        """Read the channel from the chain unless that was done just now.

        Raises
        ------
        ChainViewStale
            It cannot be read, and was last read too long ago.
        """
        patience = self.session.patience
        age = None if self._seen_at is None else time.monotonic() - self._seen_at
        if age is not None and age <= patience.refresh_seconds:
            return
        try:
            await self.look()
        except RpcFault as error:
            if age is None:
                raise
            if age > patience.stale_seconds:
                limit = int(patience.stale_seconds)
                raise ChainViewStale(str(self.channel_id), int(age), limit, str(error)) from error
            log.warning("chain_unread", channel_id=str(self.channel_id), age_seconds=int(age), reason=str(error))

    async def until(self, done: Callable[[ChainView], bool], seconds: float) -> tuple[ChainView, bool]:
        """Look at the chain until ``done`` says so, for ``seconds`` at most; return the last look and whether it did.

        An endpoint that does not answer for a while is waited for; raises `RpcFault` if it never answered.
        """
        deadline = time.monotonic() + seconds
        view: ChainView | None = None
        while True:
            try:
                view = await self.look()
            except RpcFault:
                if time.monotonic() >= deadline and view is None:
                    raise
            if view is not None and (done(view) or time.monotonic() >= deadline):
                return view, done(view)
            await anyio.sleep(self.session.patience.poll_seconds)


async def poll(ask: Callable[[], Awaitable[bool]], every_seconds: float, seconds: float) -> bool:
    """Ask until the answer is yes, for ``seconds`` at most; return the last answer."""
    deadline = time.monotonic() + seconds
    while not await ask():
        if time.monotonic() >= deadline:
            return False
        await anyio.sleep(every_seconds)
    return True
