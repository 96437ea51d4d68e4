"""One watcher, put together: what its interface serves and what runs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from penstock.node.head import Head
from penstock.node.ports import Database
from penstock.node.records import Watch
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError, UnknownChannel
from penstock.protocol.primitives import Address, Bytes32
from penstock.watcher.gas import GasMoney
from penstock.watcher.intake import Intake
from penstock.watcher.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the watcher can do its work.

    Attributes
    ----------
    reasons
        Why it cannot; empty while it can.
    watched, closing
        Numbers of channels, None while the records do not answer.
    """

    reasons: tuple[str, ...]
    watched: int | None
    closing: int | None


@dataclass(frozen=True, slots=True)
class Watcher:
    """All that the interface needs; made by `penstock.watcher.process`, or by a test."""

    domain: Domain
    address: Address
    database: Database
    intake: Intake
    head: Head
    gas: GasMoney
    metrics: Metrics
    clock: Callable[[], int]

    async def show(self, channel_id: Bytes32) -> Watch:
        """Return the evidence held for a channel; raises `UnknownChannel` and `StorageUnavailable`."""
        watch = await self.database.read(lambda uow: uow.watched.get(channel_id))
        if watch is None:
            raise UnknownChannel(str(channel_id))
        return watch

    async def health(self) -> Health:
        """Look whether chain, records and gas money are there."""
        reasons = []
        if not self.head.is_fresh:
            known = f"{self.head.lag_seconds} seconds old" if self.head.block else "not known yet"
            reasons.append(f"the newest block is {known}")
        if self.gas.covered == 0:
            reasons.append("the account cannot pay for a single dispute")
        try:
            watched, closing = await self.database.read(lambda uow: (uow.watched.count(), len(uow.watched.closing())))
        except PenstockError as error:
            return Health((*reasons, str(error)), None, None)
        self.metrics.watched.set(watched)
        self.metrics.closing.set(closing)
        return Health(tuple(reasons), watched, closing)
