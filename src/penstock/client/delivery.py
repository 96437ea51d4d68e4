"""Bringing the newest evidence to the client's own watchers, in the background, each at its own pace."""

from __future__ import annotations

from functools import partial

import anyio
import structlog

from penstock.client.watchers import WatcherClient
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Bytes32
from penstock.storage import Database, UnitOfWork, Watch

log = structlog.get_logger(__name__)

_PAGE = 100


class Delivery:
    """Deliver to one watcher what it has not receipted: at start, after every change, and again after a failure.

    Only the newest evidence of a channel is delivered; receipts are stored, so a restart repeats nothing.

    Parameters
    ----------
    pause_seconds
        How long evidence is gathered before it is delivered: the newest state is enough.
    retry_seconds
        How long the watcher is left alone after a failure, unless there is something new.
    """

    def __init__(self, database: Database, watcher: WatcherClient, pause_seconds: float, retry_seconds: float) -> None:
        self._database = database
        self._watcher = watcher
        self._pause = pause_seconds
        self._retry = retry_seconds
        self._changed = anyio.Event()

    def wake(self) -> None:
        """Say that there is new evidence."""
        self._changed.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._changed = anyio.Event()
            whole = await self._deliver_all()
            with anyio.move_on_after(None if whole else self._retry):
                await self._changed.wait()
            await anyio.sleep(self._pause)

    async def _deliver_all(self) -> bool:
        """Bring everything; return whether nothing is left."""
        after: Bytes32 | None = None
        whole = True
        while True:
            try:
                page = await self._database.read(partial(_undelivered, self._watcher.url, after))
            except PenstockError as error:
                log.warning("evidence_unread", watcher=self._watcher.url, reason=str(error))
                return False
            if not page:
                return whole
            for watch in page:
                whole &= await self._deliver(watch)
                after = watch.channel_id

    async def _deliver(self, watch: Watch) -> bool:
        try:
            receipt, signature = await self._watcher.deliver(watch.channel, watch.evidence)
            await self._database.run(
                lambda uow: uow.receipts.put(self._watcher.url, watch.evidence, receipt, signature)
            )
        except PenstockError as error:
            log.warning(
                "evidence_undelivered", watcher=self._watcher.url, channel_id=str(watch.channel_id), reason=str(error)
            )
            return False
        return True


def _undelivered(url: str, after: Bytes32 | None, uow: UnitOfWork) -> list[Watch]:
    return uow.receipts.undelivered(url, after, _PAGE)
