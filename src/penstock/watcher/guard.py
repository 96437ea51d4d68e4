"""The policy loop: on every block, tell the chain what it needs to hear about each closing channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import structlog

from penstock.node.outside import Outbox
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Block, Transaction, TransactionStatus, Watch, attempt_key
from penstock.protocol.onchain import Closing, OnChain
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.watch_policy import Action, Challenge, Settle, decide
from penstock.watcher.batches import PURPOSES, Need, plan
from penstock.watcher.budget import BudgetSettings, at_stake
from penstock.watcher.metrics import Metrics
from penstock.watcher.plan import intent_key, is_due, window_seconds

log = structlog.get_logger("penstock.watcher")

_PACE_BLOCKS = 16
"""From so many blocks it is told how far they are apart."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at a closing channel.

    Attributes
    ----------
    action
        What the chain needs to be told, None if nothing.
    answered
        Whether the evidence held has nothing to add to what the chain knows.
    sent
        The key under which a transaction was stored just now, None if none was.
    """

    channel_id: Bytes32
    deadline: int
    action: Action | None
    answered: bool
    sent: str | None


class Guard:
    """Looks after all watched channels.

    Every look starts from the records: what was missed while the process was down, or what failed, is found by
    the next one. Nothing is kept in memory but what the metrics need.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        contract: Address,
        metrics: Metrics,
        clock: Callable[[], int],
        budgets: BudgetSettings | None = None,
        trusted_tokens: Collection[Address] = (),
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._contract = contract
        self._metrics = metrics
        self._clock = clock
        self._budgets = budgets or BudgetSettings()
        self._trusted_tokens = trusted_tokens
        self._unanswered: set[Bytes32] = set()
        self._heads: deque[Block] = deque(maxlen=_PACE_BLOCKS)

    async def answer(self, head: Block) -> None:
        """Look at every closing channel as of ``head``; called for each new block.

        Raises
        ------
        StorageUnavailable
            Nothing was decided; the next block's look decides it.
        """
        self._heads.append(head)
        findings = await self._database.run(lambda uow: self.look(uow, uow.watched.closing(), head))
        self._metrics.closing.set(len(findings))
        self.report(findings, head)
        self._unanswered &= {finding.channel_id for finding in findings}

    def look(self, uow: UnitOfWork, watches: Iterable[Watch], head: Block) -> list[Finding]:
        """Look at channels and store the transactions they need, in the caller's transaction.

        Return a finding for each that is closing.
        """
        looks = [(watch, uow.chain.onchain(watch.channel_id)) for watch in watches]
        closing = [(watch, seen, seen.phase) for watch, seen in looks if isinstance(seen.phase, Closing)]
        needs = [need for watch, onchain, _ in closing if (need := self._need(uow, watch, onchain, head))]
        for intent, items in plan(needs, self._contract, self._trusted_tokens):
            self._outbox.enqueue(uow, intent, items)
        sent = {need.watch.channel_id: need.key for need in needs}
        return [
            Finding(
                watch.channel_id,
                phase.deadline,
                decide(onchain, watch.evidence, head.time),
                decide(onchain, watch.evidence, phase.deadline - 1) is None,
                sent.get(watch.channel_id),
            )
            for watch, onchain, phase in closing
        ]

    def _need(self, uow: UnitOfWork, watch: Watch, onchain: OnChain, head: Block) -> Need | None:
        """Return what is to be sent for a closing channel now, None if nothing or if it is under way."""
        action = decide(onchain, watch.evidence, head.time)
        if action is None:
            return None
        first = intent_key(watch.channel_id, action)
        tries = uow.transactions.tries(watch.channel_id, first)
        if not all(_is_fruitless(t, head) for t in tries):
            return None
        if not is_due([t.created_at for t in tries], window_seconds(action, head.time), self._clock()):
            return None
        budget = None
        if not isinstance(action, Settle):
            budget = self._budgets.budget(watch.channel.token, at_stake(onchain, action))
        return Need(watch, action, attempt_key(first, len(tries) + 1), budget)

    def _block_seconds(self, head: Block) -> int:
        """Return how far the blocks that were answered lately are apart, at least 1."""
        first = self._heads[0] if self._heads else head
        return max(1, (head.time - first.time) // max(1, head.number - first.number))

    def report(self, findings: Sequence[Finding], head: Block) -> None:
        """Count and log what a committed look found."""
        for finding in findings:
            if finding.sent:
                self._report_sent(finding, head)
            self._report_progress(finding, head)

    def _report_sent(self, finding: Finding, head: Block) -> None:
        action = finding.action
        assert action is not None
        self._metrics.sent.labels(PURPOSES[type(action)]).inc()
        if isinstance(action, Challenge):
            self._metrics.challenges_sent.inc()
        log.info(
            "answering", key=finding.sent, channel=str(finding.channel_id), seconds_left=finding.deadline - head.time
        )

    def _report_progress(self, finding: Finding, head: Block) -> None:
        channel_id = finding.channel_id
        margin = finding.deadline - head.time
        if finding.answered and channel_id in self._unanswered:
            self._unanswered.remove(channel_id)
            self._metrics.margin.observe(max(margin, 0))
            self._metrics.margin_blocks.observe(max(margin, 0) // self._block_seconds(head))
            log.info("answered", channel=str(channel_id), margin_seconds=margin)
        elif not finding.answered and margin > 0:
            self._unanswered.add(channel_id)
        elif not finding.answered and channel_id in self._unanswered:
            self._unanswered.remove(channel_id)
            self._metrics.missed.inc()
            log.error("deadline missed", channel=str(channel_id), deadline=finding.deadline)


def _is_fruitless(transaction: Transaction, head: Block) -> bool:
    """Tell whether a try ended although the chain, seen at ``head``, still needs the action.

    A revert counts as soon as its block was followed, not only when it is deep: a short window has no time to
    wait, and if a reorg brings the first one back, the second one has nothing to do.
    """
    if transaction.status is TransactionStatus.MINED and transaction.outcome and transaction.outcome.failure:
        return transaction.outcome.block_number <= head.number
    return transaction.final
