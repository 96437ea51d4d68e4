"""Follow the chain block by block, exactly once each, through reorgs and outages (docs/protocol.md, section 3).

The cursor is anchored on block hashes and moves in the same database transaction as what its blocks changed, so
that a kill at any point loses nothing and applies nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import structlog

from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import ImplausibleLogs, ReorgTooDeep, RpcRefused
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import Header, Rpc
from penstock.node.ports import Database
from penstock.node.records import Block
from penstock.protocol.errors import ChainFault, PenstockError
from penstock.protocol.onchain import Event, EventRef
from penstock.protocol.primitives import Bytes32

log = structlog.get_logger("penstock.follower")

OnChange = Callable[[set[Bytes32], Block], Awaitable[None]]

_EACH_BLOCKS = 16
"""Up to so many new blocks are read one by one, their logs by the block's hash: exact, but two requests a block."""
_WINDOW_BLOCKS_MAX = 5_000
_PARALLEL_REQUESTS = 16
_BACKOFF_SECONDS_MAX = 10.0
_HINTED_SECONDS = 0.25
"""So long it waits in any case before it looks again: whoever pushes heads without end moves nothing faster."""
_PUSHED_POLLS = 10
"""While heads are pushed, only every so many intervals is looked without a push: streams fall silent, too."""
_CHAIN_FAULTS_MAX = 5
"""An endpoint that forgot a log or lags may right itself: reading again skips nothing, recording would."""


@dataclass(frozen=True, slots=True)
class FollowerSettings:
    """How to follow.

    Attributes
    ----------
    start_block
        The block that the contract came in; nothing of it is older.
    confirmations
        How many blocks, its own included, a deposit needs before it counts.
    poll_seconds
        How often to ask for a new block; below the chain's block time.
    keep
        How many block hashes are remembered: the deepest reorg that can be undone.
    """

    start_block: int
    confirmations: int
    poll_seconds: float = 1.0
    keep: int = 256

    def __post_init__(self) -> None:
        """Check our own settings against each other."""
        assert self.start_block >= 1, "the genesis block has no transactions"
        assert 1 <= self.confirmations < self.keep, "what is confirmed must lie within what is remembered"


@dataclass(frozen=True, slots=True)
class _Anchor:
    """The block that the next ones build on; the hash is unknown only before the first."""

    number: int
    hash: Bytes32 | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """Blocks in ascending order, not all of them in a backfill, and all events up to the last."""

    headers: list[Header]
    events: list[tuple[EventRef, Event]]


class _Moved(Exception):
    """The chain was reorganised while it was read: read again."""


class Follower:
    """Record every event of the contract, and tell which channels it changed.

    Attributes
    ----------
    head
        The newest block followed; None before the first.
    fault
        Why the last try failed, None after a good one: for health.
    """

    def __init__(
        self,
        rpc: Rpc,
        contract: ChannelsContract,
        database: Database,
        settings: FollowerSettings,
        metrics: EndpointMetrics | None = None,
    ) -> None:
        self._rpc = rpc
        self._contract = contract
        self._database = database
        self._settings = settings
        self._metrics = metrics or EndpointMetrics()
        self._window = _WINDOW_BLOCKS_MAX
        self._wake = asyncio.Event()
        self._pushed = False
        self.head: Block | None = None
        self.fault: str | None = None

    async def run(self, on_change: OnChange) -> None:
        """Follow for ever; ``on_change`` hears of each advance, and once at the start with no channels.

        It is called after the commit and may be missed in a crash: whoever listens looks at the records, not at
        what it heard. Outages of the endpoint or the database are logged and waited out.

        Raises
        ------
        ImpossibleEvent, ImplausibleLogs, ReorgTooDeep
            The chain contradicted itself several times in a row. Going on would skip something: nothing is recorded
            until a person has looked.
        """
        pause, faults, started, polled = self._settings.poll_seconds, 0, False, False
        while True:
            try:
                if not started:
                    await self._resume(on_change)
                    started = True
                advanced = await self.step(on_change)
            except PenstockError as fault:
                self.fault = str(fault)
                faults = faults + 1 if isinstance(fault, ChainFault) else 0
                if faults == _CHAIN_FAULTS_MAX:
                    raise
                log.warning("following waits", reason=str(fault), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _BACKOFF_SECONDS_MAX)
                continue
            self.fault = None
            pause, faults = self._settings.poll_seconds, 0
            self._pushed &= not (advanced and polled)
            polled = not advanced and not await self._wait(pause * (_PUSHED_POLLS if self._pushed else 1))

    def hint(self, pushed: bool) -> None:  # noqa: FBT001 (a callback has no names)
        """Look now, somebody says that there is a new head; ``pushed`` is False when nobody will say so any more."""
        self._pushed = pushed
        self._wake.set()

    async def _wait(self, seconds: float) -> bool:
        """Wait for a hint, not longer than ``seconds``; return whether there was one."""
        least = min(seconds, _HINTED_SECONDS)
        await asyncio.sleep(least)
        try:
            async with asyncio.timeout(seconds - least):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def step(self, on_change: OnChange) -> bool:
        """Look once; return whether there was something new, and perhaps is more."""
        head = await self._rpc.head()
        cursor = await self._database.read(lambda uow: uow.chain.cursor())
        anchor = _Anchor(cursor.number, cursor.hash) if cursor else _Anchor(self._settings.start_block - 1, None)
        if cursor and not await self._continues(anchor, head):
            anchor = await self._common(min(cursor.number, head.number))
            self._metrics.reorgs.observe(cursor.number - anchor.number)
            log.warning("reorganised", depth=cursor.number - anchor.number, common_block=anchor.number)
        if head.number <= anchor.number:
            return False
        try:
            reading = await self._read(anchor, head)
        except _Moved:
            return False
        await self._record(anchor, reading, on_change)
        return True

    async def _resume(self, on_change: OnChange) -> None:
        settings = self._settings
        await self._database.run(lambda uow: uow.chain.recheck(settings.confirmations, settings.keep))
        self.head = await self._database.read(lambda uow: uow.chain.cursor())
        if self.head:
            await on_change(set(), self.head)

    async def _record(self, anchor: _Anchor, reading: _Reading, on_change: OnChange) -> None:
        settings = self._settings
        blocks = [Block(header.number, header.hash, header.time) for header in reading.headers]
        touched = await self._database.run(
            lambda uow: uow.chain.advance(
                blocks,
                reading.events,
                after=anchor.number,
                confirmations=settings.confirmations,
                keep=settings.keep,
            )
        )
        self.head = blocks[-1]
        log.debug("followed", block=self.head.number, events=len(reading.events), channels=len(touched))
        await on_change(touched, self.head)

    # Reorgs ------------------------------------------------------------------------------------------------------

    async def _continues(self, anchor: _Anchor, head: Header) -> bool:
        """Tell whether the head's chain holds the block we stopped at, as far as it reaches."""
        if head.number < anchor.number:
            # An endpoint behind the others shows a piece of the same chain; that undoes nothing.
            stored = await self._database.read(lambda uow: uow.chain.block_hash(head.number))
            return stored is None or stored == head.hash
        if head.number == anchor.number:
            return head.hash == anchor.hash
        if head.number == anchor.number + 1:
            return head.parent_hash == anchor.hash
        header = await self._rpc.block(anchor.number)
        return header is not None and header.hash == anchor.hash

    async def _common(self, highest: int) -> _Anchor:
        """Return the highest block that we followed and the chain still holds; raises `ReorgTooDeep`."""
        numbers = range(highest, max(highest - self._settings.keep, 0), -1)
        hashes = await self._database.read(lambda uow: {number: uow.chain.block_hash(number) for number in numbers})
        followed = {number: known for number, known in hashes.items() if known is not None}
        for number, known in followed.items():
            header = await self._rpc.block(number)
            if header is not None and header.hash == known:
                return _Anchor(number, known)
        raise ReorgTooDeep(min(followed, default=highest))

    # Reading -----------------------------------------------------------------------------------------------------

    async def _read(self, anchor: _Anchor, head: Header) -> _Reading:
        last = min(head.number, anchor.number + self._window)
        if last - anchor.number <= _EACH_BLOCKS:
            return await self._read_each(anchor, last)
        try:
            reading = await self._read_window(anchor, last, head)
        except RpcRefused as refusal:
            # Most often the endpoint's own limit on ranges; it ends in reading block by block.
            self._window = max(self._window // 2, _EACH_BLOCKS)
            log.info("a smaller window", blocks=self._window, reason=refusal.reason)
            raise _Moved from refusal
        self._window = min(2 * self._window, _WINDOW_BLOCKS_MAX)
        return reading

    async def _read_each(self, anchor: _Anchor, last: int) -> _Reading:
        headers: list[Header] = []
        events: list[tuple[EventRef, Event]] = []
        previous = anchor.hash
        for number in range(anchor.number + 1, last + 1):
            header = _linked(await self._rpc.block(number), previous)
            found = await self._contract.events_in(header.hash)
            _check_places(found, [header])
            headers.append(header)
            events.extend(found)
            previous = header.hash
        return _Reading(headers, events)

    async def _read_window(self, anchor: _Anchor, last: int, head: Header) -> _Reading:
        """Read many blocks at once: all events, but headers only where a reorg may still come."""
        first = anchor.number + 1
        recent = range(max(first, head.number - self._settings.keep + 1), last + 1)
        headers = await self._headers(sorted({first, last, *recent}))
        _linked(headers[0], anchor.hash)
        for before, after in pairwise(headers):
            if after.number == before.number + 1:
                _linked(after, before.hash)
        events = await self._contract.events_between(first, last)
        # The last block still being the same one, the logs came from the chain that the headers are of.
        if await self._rpc.block(last) != headers[-1]:
            raise _Moved
        _check_places(events, headers)
        return _Reading(headers, events)

    async def _headers(self, numbers: list[int]) -> list[Header]:
        headers: list[Header | None] = []
        for at in range(0, len(numbers), _PARALLEL_REQUESTS):
            headers += await asyncio.gather(*map(self._rpc.block, numbers[at : at + _PARALLEL_REQUESTS]))
        found = [header for header in headers if header is not None]
        if len(found) < len(numbers):
            raise _Moved
        return found


def _linked(header: Header | None, parent: Bytes32 | None) -> Header:
    if header is None or parent not in (None, header.parent_hash):
        raise _Moved
    return header


def _check_places(events: Iterable[tuple[EventRef, Event]], headers: list[Header]) -> None:
    """Check that each event stands in a block that was read, where that is known; raises `ImplausibleLogs`."""
    hashes = {header.number: header.hash for header in headers}
    low, high = headers[0].number, headers[-1].number
    for where, _ in events:
        if not low <= where.block_number <= high:
            raise ImplausibleLogs(where.block_number, f"blocks {low} to {high} were asked for")
        expected = hashes.get(where.block_number, where.block_hash)
        if where.block_hash != expected:
            raise ImplausibleLogs(where.block_number, f"they name block {where.block_hash}, it is {expected}")
