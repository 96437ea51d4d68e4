"""Several endpoints as one: what counts is what most of them say.

A read is believed once a quorum gave the same answer, so that one endpoint may lie, lag or lose an answer. "latest"
means the newest block that a quorum has reached. Of estimates of gas, which differ from node to node, the middle one
counts. A transaction is handed to all of them that are well.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from statistics import median_high
from typing import Any, TypeVar, cast

import structlog

from penstock.chain.errors import (
    CallReverted,
    EndpointsDisagree,
    QuorumImpossible,
    RateLimited,
    RpcFault,
    RpcRefused,
    RpcUnavailable,
    WrongChainId,
)
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import READ_ATTEMPTS, TIMEOUT_SECONDS, BlockId, Header, Rpc, public_url

log = structlog.get_logger("penstock.endpoints")

T = TypeVar("T")

_HEDGE_SECONDS = 0.5
"""After so long without an answer the next endpoint is asked too, and the slow one rests."""
_STALE_BLOCKS = 5
"""An endpoint so far behind the others is asked last."""
_REST_SECONDS = 2
_REST_DOUBLINGS = 5
"""So often the rest doubles: a minute is the longest."""


@dataclass
class Member:
    """One endpoint, and how well it does.

    Attributes
    ----------
    failures
        In a row.
    behind
        How many blocks it lacks of what most endpoints have.
    rests_until
        Asked last before then (seconds of the monotonic clock).
    foreign
        It serves another chain, and is not asked.
    """

    rpc: Rpc
    failures: int = 0
    behind: int = 0
    rests_until: float = 0.0
    chain_checked: bool = False
    foreign: bool = False

    def rank(self, now: float) -> tuple[bool, bool, int]:
        """Return what orders the endpoints: the best is the least."""
        return now < self.rests_until, self.behind > _STALE_BLOCKS, self.failures

    def rest(self, now: float, at_least_seconds: int = 0) -> None:
        """Rest after a failure, longer after each one in a row."""
        self.failures += 1
        seconds = _REST_SECONDS << min(self.failures - 1, _REST_DOUBLINGS)
        self.rests_until = now + max(seconds, at_least_seconds)


@dataclass(frozen=True, slots=True)
class _Vote:
    """What an endpoint said: a value, or a refusal, which says something too."""

    member: Member
    value: Any = None
    refusal: RpcRefused | CallReverted | None = None

    def same(self, other: _Vote) -> bool:
        """Tell whether both say the same; nodes word their refusals differently."""
        if self.refusal is None or other.refusal is None:
            return self.refusal is other.refusal and self.value == other.value
        if isinstance(self.refusal, CallReverted) and isinstance(other.refusal, CallReverted):
            return self.refusal.data == other.refusal.data
        return type(self.refusal) is type(other.refusal)

    def result(self) -> Any:
        """Return the value, or raise the refusal."""
        if self.refusal is not None:
            raise self.refusal
        return self.value


class RpcPool(Rpc):
    """Several endpoints behind the methods of one.

    Parameters
    ----------
    quorum
        How many must say the same; None for more than half of them.
    """

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        quorum: int | None = None,
        metrics: EndpointMetrics | None = None,
    ) -> None:
        self.members = [Member(Rpc(url, timeout_seconds, attempts=1)) for url in urls]
        self._attempts = READ_ATTEMPTS
        self.url = ", ".join(member.rpc.url for member in self.members)
        self.chain_id = chain_id
        self.quorum = _needed(urls, quorum)
        self._metrics = metrics or EndpointMetrics()
        self._head: Header | None = None

    async def close(self) -> None:
        """Close all connections."""
        for member in self.members:
            await member.rpc.close()

    async def served_chain_id(self) -> int:
        """Return the chain that a quorum serves; raises `WrongChainId` if an endpoint serves another one."""
        for member in self.members:
            with suppress(RpcFault):
                await self._check_chain(member)
        foreign = [member for member in self.members if member.foreign]
        if len(self.members) - len(foreign) < self.quorum:
            raise WrongChainId(foreign[0].rpc.url, self.chain_id, foreign[0].rpc.chain_id)
        return self.chain_id

    async def head(self) -> Header:
        """Return the newest block that a quorum has reached and agrees about."""
        header = await self.block("latest")
        if header is None:
            raise EndpointsDisagree(self.url, "eth_getBlockByNumber", "the newest block is gone again")
        self._head = header
        return header

    async def block(self, block: BlockId) -> Header | None:
        """Return a block's header, None if a quorum has no such block."""

        async def ask() -> Header | None:
            number = block if isinstance(block, int) else await self._reached(block)
            return await self._agree(lambda rpc: rpc.block(number), "eth_getBlockByNumber")

        return await self._again(ask)

    async def send_raw(self, raw: bytes) -> None:
        """Hand a signed transaction to all endpoints; one that takes it is enough. Raises as `Rpc.send_raw`."""
        votes = await self._hear(lambda rpc: rpc.send_raw(raw), "eth_sendRawTransaction", enough=1)
        if not votes:
            raise RpcUnavailable(self.url, "eth_sendRawTransaction", "no endpoint answers")
        if all(vote.refusal is not None for vote in votes):
            votes[0].result()

    async def read_once(self, parse: Callable[[Any], T], method: str, *params: Any) -> T:
        """Ask as many as it takes, once each."""
        if method == "eth_estimateGas":
            return cast("T", await self._estimate(lambda rpc: rpc.read_once(parse, method, *params)))
        if "latest" in params:
            head = self._head or await self.head()
            params = tuple(hex(head.number) if each == "latest" else each for each in params)
        return await self._agree(lambda rpc: rpc.read_once(parse, method, *params), method)

    # Asking ------------------------------------------------------------------------------------------------------

    async def _reached(self, tag: BlockId) -> int:
        """Return the highest block number that a quorum has reached."""
        heard = await self._hear(lambda rpc: rpc.block(tag), "eth_getBlockByNumber", self.quorum)
        votes = [vote for vote in heard if vote.value is not None]
        numbers = sorted((vote.value.number for vote in votes), reverse=True)
        if len(numbers) < self.quorum:
            raise EndpointsDisagree(
                self.url, "eth_getBlockByNumber", f"{len(numbers)} of {self.quorum} endpoints serve"
            )
        reached: int = numbers[self.quorum - 1]
        if tag == "latest":
            for vote in votes:
                vote.member.behind = max(reached - vote.value.number, 0)
                self._metrics.behind.labels(vote.member.rpc.url).set(vote.member.behind)
        return reached

    async def _estimate(self, ask: Callable[[Rpc], Awaitable[Any]]) -> int:
        """Return the middle one of the estimates; that it reverts, which ends an intent, a quorum must say."""
        votes = await self._hear(ask, "eth_estimateGas", self.quorum)
        refused = [vote for vote in votes if vote.refusal is not None]
        if len(refused) >= self.quorum:
            refused[0].result()
        gas = [int(vote.value) for vote in votes if vote.refusal is None]
        if len(gas) < self.quorum:
            raise EndpointsDisagree(self.url, "eth_estimateGas", f"{len(gas)} of {self.quorum} endpoints estimate it")
        return median_high(gas)

    async def _hear(self, ask: Callable[[Rpc], Awaitable[Any]], method: str, enough: int) -> list[_Vote]:
        """Ask all endpoints that are well at once; when ``enough`` have answered, the others have a moment more."""
        ranked, now = self._ranked(), time.monotonic()
        well = [member for member in ranked if member.rests_until <= now]
        members = well if len(well) >= self.quorum else ranked
        tasks = {asyncio.ensure_future(self._ask_member(member, ask, method)): member for member in members}
        heard: list[_Vote] = []
        waiting = set(tasks)
        try:
            while waiting:
                pause = _HEDGE_SECONDS if len(heard) >= enough else None
                done, waiting = await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                heard += [vote for task in done if (vote := task.result()) is not None]
                if not done:
                    break
        finally:
            await _give_up({task: tasks[task] for task in waiting}, slow=bool(heard))
        return heard

    async def _agree(self, ask: Callable[[Rpc], Awaitable[T]], method: str) -> T:
        heard: list[_Vote] = []
        async with self._asking(ask, method, at_first=self.quorum) as votes:
            async for vote in votes:
                heard.append(vote)
                agreeing = [each for each in heard if each.same(vote)]
                if len(agreeing) >= self.quorum:
                    self._note_others(heard, vote, method)
                    return cast("T", vote.result())
        answered = ", ".join(each.member.rpc.url for each in heard) or "nobody"
        raise EndpointsDisagree(self.url, method, f"no {self.quorum} endpoints say the same; answered: {answered}")

    def _note_others(self, heard: Sequence[_Vote], winner: _Vote, method: str) -> None:
        for each in heard:
            if not each.same(winner):
                self._metrics.disagreements.labels(each.member.rpc.url).inc()
                log.warning("an endpoint says something else", url=each.member.rpc.url, method=method)

    @asynccontextmanager
    async def _asking(
        self, ask: Callable[[Rpc], Awaitable[Any]], method: str, at_first: int
    ) -> AsyncIterator[AsyncIterator[_Vote]]:
        """Ask the best endpoints, and the next one for each that fails, is slow, or is not enough."""
        waiting = self._ranked()
        tasks: dict[asyncio.Task[_Vote | None], Member] = {}
        slow: set[asyncio.Task[_Vote | None]] = set()

        def ask_next() -> None:
            if waiting:
                member = waiting.pop(0)
                tasks[asyncio.ensure_future(self._ask_member(member, ask, method))] = member

        async def votes() -> AsyncGenerator[_Vote]:
            for _ in range(at_first):
                ask_next()
            while tasks:
                done, _ = await asyncio.wait(tasks, timeout=_HEDGE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    slow.update(tasks)
                    ask_next()
                for task in done:
                    del tasks[task]
                    vote = task.result()
                    if vote is not None:
                        yield vote
                    # Those that were asked may still be enough: another one only if nobody is waited for.
                    if vote is None or not tasks:
                        ask_next()

        asked = votes()
        try:
            yield asked
        finally:
            await asked.aclose()
            await _give_up({task: member for task, member in tasks.items() if task in slow}, slow=True)
            await _give_up({task: member for task, member in tasks.items() if task not in slow}, slow=False)

    async def _ask_member(self, member: Member, ask: Callable[[Rpc], Awaitable[Any]], method: str) -> _Vote | None:
        """Return what one endpoint says, None if nothing."""
        try:
            await self._check_chain(member)
            if member.foreign:
                return None
            value = await ask(member.rpc)
        except RpcUnavailable as error:
            member.rest(time.monotonic(), error.retry_after_seconds if isinstance(error, RateLimited) else 0)
            self._metrics.failures.labels(member.rpc.url).inc()
            log.debug("an endpoint fails", url=member.rpc.url, method=method, reason=str(error))
            return None
        except (RpcRefused, CallReverted) as refusal:
            return _Vote(member, refusal=refusal)
        member.failures = 0
        return _Vote(member, value)

    async def _check_chain(self, member: Member) -> None:
        """See which chain an endpoint serves, before anything that it says counts; raises as `Rpc.served_chain_id`."""
        if member.chain_checked:
            return
        member.rpc.chain_id = await member.rpc.served_chain_id()
        member.chain_checked = True
        member.foreign = member.rpc.chain_id != self.chain_id
        if member.foreign:
            log.error("an endpoint of another chain is not asked", url=member.rpc.url, serves=member.rpc.chain_id)

    def _ranked(self) -> list[Member]:
        now = time.monotonic()
        return sorted((member for member in self.members if not member.foreign), key=lambda member: member.rank(now))


async def _give_up(tasks: Mapping[asyncio.Task[_Vote | None], Member], *, slow: bool) -> None:
    """Cancel what is not waited for any more; an endpoint that was slow rests."""
    for task, member in tasks.items():
        task.cancel()
        if slow:
            member.rest(time.monotonic())
    await asyncio.gather(*tasks, return_exceptions=True)


def open_rpc(
    urls: Sequence[str],
    chain_id: int,
    timeout_seconds: float = TIMEOUT_SECONDS,
    quorum: int | None = None,
    metrics: EndpointMetrics | None = None,
) -> Rpc:
    """Return a client of one endpoint or of several; nothing is asked yet."""
    if len(urls) > 1:
        return RpcPool(urls, chain_id, timeout_seconds, quorum, metrics)
    rpc = Rpc(urls[0], timeout_seconds)
    rpc.chain_id = chain_id
    return rpc


async def connect_rpc(urls: Sequence[str], expected_chain_id: int | None = None, quorum: int | None = None) -> Rpc:
    """Return a client of one endpoint or of several that serve the expected chain, or any if None is expected.

    Raises
    ------
    QuorumImpossible
        There are not so many endpoints, or none.
    WrongChainId
        They serve another one.
    EndpointsDisagree
        None is expected, and no quorum of them serves the same.
    RpcUnavailable, RpcRefused
        They do not serve.
    """
    needed = _needed(urls, quorum)
    if not 1 <= needed <= len(urls):
        raise QuorumImpossible(len(urls), needed)
    if len(urls) == 1:
        return await Rpc.connect(urls[0], expected_chain_id)
    chain_id = await _served_by_most(urls, needed) if expected_chain_id is None else expected_chain_id
    rpc = RpcPool(urls, chain_id, quorum=quorum)
    try:
        await rpc.served_chain_id()
    except BaseException:
        await rpc.close()
        raise
    return rpc


def _needed(urls: Sequence[str], quorum: int | None) -> int:
    """Return how many must say the same: more than half where nobody said how many."""
    return len(urls) // 2 + 1 if quorum is None else quorum


async def _served_by_most(urls: Sequence[str], needed: int) -> int:
    served: Counter[int] = Counter()
    for url in urls:
        rpc = Rpc(url)
        try:
            served[await rpc.served_chain_id()] += 1
        except RpcFault as fault:
            log.debug("an endpoint does not say its chain", url=rpc.url, why=str(fault))
        finally:
            await rpc.close()
    ((chain_id, count),) = served.most_common(1) or [(0, 0)]
    if count < needed:
        said = ", ".join(f"chain {each} from {times}" for each, times in served.items()) or "nothing"
        raise EndpointsDisagree(", ".join(map(public_url, urls)), "eth_chainId", f"they say {said}")
    return chain_id
