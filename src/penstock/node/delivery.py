"""Bring the newest evidence of every channel to the watchers (docs/protocol.md, section 4).

What is to be delivered is read from the records (evidence without a receipt), so nothing is forgotten by a restart,
and only the newest of many states is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from penstock.node.outside import Courier
from penstock.node.ports import Database
from penstock.node.records import Watch
from penstock.protocol.errors import PenstockError

_PAGE = 32
"""So many channels are under way to a watcher at once: their receipts share a commit."""
_RETRY_SECONDS_MAX = 30.0

log = structlog.get_logger(__name__)


class Delivery:
    """Deliver to several watchers, independently of each other.

    Parameters
    ----------
    pause_seconds
        How long evidence is gathered before it is sent, and the first pause after a failure, which then doubles.
    """

    def __init__(self, database: Database, couriers: Sequence[Courier], pause_seconds: float) -> None:
        self._database = database
        self._pause = pause_seconds
        self._wakes = {courier.url: asyncio.Event() for courier in couriers}
        self.couriers = tuple(couriers)

    def wake(self) -> None:
        """Note that there may be something to deliver."""
        for event in self._wakes.values():
            event.set()

    async def backlog(self) -> dict[str, int]:
        """Return, by watcher, the number of channels whose newest evidence it has not receipted."""
        urls = list(self._wakes)
        return await self._database.read(lambda uow: {url: uow.receipts.backlog(url) for url in urls})

    async def run(self, courier: Courier) -> None:
        """Deliver to one watcher until cancelled."""
        event = self._wakes[courier.url]
        failures = 0
        while True:
            # Cleared before looking: what comes in meanwhile sets it again.
            event.clear()
            failures = 0 if await self._deliver_all(courier) else failures + 1
            if failures:
                await asyncio.sleep(min(self._pause * 2**failures, _RETRY_SECONDS_MAX))
            else:
                await event.wait()
                await asyncio.sleep(self._pause)

    async def _deliver_all(self, courier: Courier) -> bool:
        """Deliver what waits; return whether the watcher took all of it."""
        after, complete = None, True
        while True:
            cursor = after
            waiting = await self._database.read(
                lambda uow, cursor=cursor: uow.receipts.undelivered(courier.url, cursor, _PAGE)  # type: ignore[misc]
            )
            if not waiting:
                return complete
            taken = await asyncio.gather(*(self._deliver(courier, watch) for watch in waiting))
            # One that was refused must not hold up the others: what comes after it is sent first.
            complete = complete and all(taken)
            after = waiting[-1].channel_id

    async def _deliver(self, courier: Courier, watch: Watch) -> bool:
        try:
            receipt, signature = await courier.deliver(watch.channel, watch.evidence)
            await self._database.run(lambda uow: uow.receipts.put(courier.url, watch.evidence, receipt, signature))
        except PenstockError as error:
            log.warning("not delivered", watcher=courier.url, channel=str(watch.channel_id), why=str(error))
            return False
        return True
