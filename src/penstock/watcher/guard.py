"""The policy loop: on every block, tell the chain what it needs to hear about each closing channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from penstock.chain import calls
from penstock.node.outside import Outbox
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Block, Intent, Transaction, TransactionStatus, Watch
from penstock.protocol.messages import Channel
from penstock.protocol.onchain import Closing
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.watch_policy import Action, Challenge, Collect, Settle, decide
from penstock.watcher.metrics import Metrics
from penstock.watcher.plan import attempt_key, intent_key, is_due, window_seconds

log = structlog.get_logger("penstock.watcher")

_PAYOUT_GAS_MAX = 5_000_000
"""Far more than any honest token takes: anyone may open channels with a token whose transfers burn all gas."""

_PURPOSES: dict[type[Action], str] = {Challenge: "challenge", Collect: "collect", Settle: "settle"}


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
        self, database: Database, outbox: Outbox, contract: Address, metrics: Metrics, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._contract = contract
        self._metrics = metrics
        self._clock = clock
        self._unanswered: set[Bytes32] = set()

    async def answer(self, head: Block) -> None:
        """Look at every closing channel as of ``head``; called for each new block.

        Raises
        ------
        StorageUnavailable
            Nothing was decided; the next block's look decides it.
        """

        def work(uow: UnitOfWork) -> list[Finding]:
            return [finding for watch in uow.watched.closing() if (finding := self.look(uow, watch, head))]

        findings = await self._database.run(work)
        self._metrics.closing.set(len(findings))
        self.report(findings, head)
        self._unanswered &= {finding.channel_id for finding in findings}

    def look(self, uow: UnitOfWork, watch: Watch, head: Block) -> Finding | None:
        """Look at one channel and store the transaction it needs, in the caller's transaction; None if not closing."""
        onchain = uow.chain.onchain(watch.channel_id)
        if not isinstance(onchain.phase, Closing):
            return None
        action = decide(onchain, watch.evidence, head.time)
        answered = decide(onchain, watch.evidence, onchain.phase.deadline - 1) is None
        sent = self._send(uow, watch, action, head) if action else None
        return Finding(watch.channel_id, onchain.phase.deadline, action, answered, sent)

    def _send(self, uow: UnitOfWork, watch: Watch, action: Action, head: Block) -> str | None:
        first = intent_key(watch.channel_id, action)
        tries = [t for t in uow.transactions.by_channel(watch.channel_id) if _is_try(t, first)]
        if not all(_is_fruitless(t, head) for t in tries):
            return None
        if not is_due([t.created_at for t in tries], window_seconds(action, head.time), self._clock()):
            return None
        key = attempt_key(first, len(tries) + 1)
        deadline = None if isinstance(action, Settle) else action.deadline
        purpose = _PURPOSES[type(action)]
        gas_max = None if isinstance(action, Challenge) else _PAYOUT_GAS_MAX
        data = _calldata(watch.channel, action)
        self._outbox.enqueue(uow, Intent(key, purpose, self._contract, data, watch.channel_id, deadline, gas_max))
        return key

    def report(self, findings: Sequence[Finding], head: Block) -> None:
        """Count and log what a committed look found."""
        for finding in findings:
            if finding.sent:
                self._report_sent(finding, head)
            self._report_progress(finding, head)

    def _report_sent(self, finding: Finding, head: Block) -> None:
        action = finding.action
        assert action is not None
        self._metrics.sent.labels(_PURPOSES[type(action)]).inc()
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
            log.info("answered", channel=str(channel_id), margin_seconds=margin)
        elif not finding.answered and margin > 0:
            self._unanswered.add(channel_id)
        elif not finding.answered and channel_id in self._unanswered:
            self._unanswered.remove(channel_id)
            self._metrics.missed.inc()
            log.error("deadline missed", channel=str(channel_id), deadline=finding.deadline)


def _calldata(channel: Channel, action: Action) -> bytes:
    match action:
        case Challenge(evidence=state):
            return calls.challenge(channel, state)
        case Collect(evidence=voucher):
            return calls.collect(channel, voucher)
        case Settle():
            return calls.settle(channel)


def _is_try(transaction: Transaction, first: str) -> bool:
    key = transaction.intent.key
    return key == first or key.startswith(first + ":")


def _is_fruitless(transaction: Transaction, head: Block) -> bool:
    """Tell whether a try ended although the chain, seen at ``head``, still needs the action.

    A revert counts as soon as its block was followed, not only when it is deep: a short window has no time to
    wait, and if a reorg brings the first one back, the second one has nothing to do.
    """
    if transaction.status is TransactionStatus.MINED and transaction.outcome and transaction.outcome.failure:
        return transaction.outcome.block_number <= head.number
    return transaction.final
