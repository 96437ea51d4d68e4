"""What an operator's dashboard reads of the chain side: Prometheus metrics; all money in wei."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock.node.records import FINAL_STATUSES, Outcome, Transaction, TransactionStatus

_REORG_BUCKETS = (1, 2, 3, 5, 8, 16, 32, 64)
_BLOCK_BUCKETS = (1, 2, 3, 5, 10, 20, 50, 100, 500)
_PERCENT_BUCKETS = (1, 2, 5, 10, 20, 50, 80, 100)
_OPEN = tuple(status for status in TransactionStatus if status not in FINAL_STATUSES)


class EndpointMetrics:
    """The metrics of the endpoints; without a registry they are counted for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Start at zero."""
        registry = registry or CollectorRegistry()
        self.behind = Gauge(
            "penstock_endpoint_head_lag_blocks", "Blocks behind what most endpoints have", ["url"], registry=registry
        )
        self.failures = Counter("penstock_endpoint_failures", "Requests without an answer", ["url"], registry=registry)
        self.disagreements = Counter(
            "penstock_endpoint_disagreements", "Answers unlike those of the others", ["url"], registry=registry
        )
        self.streams = Gauge(
            "penstock_endpoint_stream_connected", "1 while the endpoint pushes new heads", ["url"], registry=registry
        )
        self.sightings = Counter("penstock_closes_sighted", "Closes seen before a block held them", registry=registry)
        self.reorgs = Histogram(
            "penstock_reorg_depth_blocks", "Followed blocks that a reorg undid",
            registry=registry, buckets=_REORG_BUCKETS,
        )  # fmt: skip


class SenderMetrics:
    """The metrics of one sender; without a registry they are counted for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Start at zero."""
        registry = registry or CollectorRegistry()
        self._intents = Gauge("penstock_intents", "Intents that are not final", ["status"], registry=registry)
        self._age = Gauge("penstock_intents_oldest_seconds", "Age of the oldest", ["status"], registry=registry)
        self._deadline = Gauge(
            "penstock_intents_deadline_seconds", "Chain time left to the nearest deadline of those not in a block",
            registry=registry,
        )  # fmt: skip
        self.bumps = Counter("penstock_fee_bumps", "Replacements with higher fees", ["purpose"], registry=registry)
        self.at_limit = Counter(
            "penstock_fee_limit_reached", "Replacements left out, the budget having no room", registry=registry
        )
        self._fees = Counter("penstock_fees_paid_wei", "Fees of mined transactions", ["purpose"], registry=registry)
        self._share = Histogram(
            "penstock_fee_budget_used_percent", "Fee paid of the intent's budget",
            registry=registry, buckets=_PERCENT_BUCKETS,
        )  # fmt: skip
        self._blocks = Histogram(
            "penstock_inclusion_blocks", "Blocks from a version's signing to its inclusion",
            registry=registry, buckets=_BLOCK_BUCKETS,
        )  # fmt: skip
        self.balance = Gauge("penstock_account_balance_wei", "Money for gas", ["account"], registry=registry)
        self.short = Gauge(
            "penstock_account_short", "1 if the account could not pay for a transaction", ["account"], registry=registry
        )
        self.gaps = Counter("penstock_nonce_gaps", "Missing nonces that were filled", registry=registry)
        self.foreign = Counter("penstock_nonces_taken", "Nonces used by a transaction not ours", registry=registry)

    def mined(self, transaction: Transaction, outcome: Outcome) -> None:
        """Count what a block took."""
        paid, budget = outcome.gas_used * outcome.gas_price, transaction.intent.budget
        self._fees.labels(transaction.intent.purpose).inc(paid)
        if budget:
            self._share.observe(100 * paid // budget)
        if transaction.signed:
            self._blocks.observe(max(outcome.block_number - transaction.signed.signed_at_block, 0))

    def count(self, unfinished: Sequence[Transaction], head_time: int, now: int) -> None:
        """Count what is not final; ``head_time`` is the chain's clock, ``now`` ours (seconds since the epoch)."""
        for status in _OPEN:
            ages = [now - t.created_at for t in unfinished if t.status is status]
            self._intents.labels(status).set(len(ages))
            self._age.labels(status).set(max(ages, default=0))
        left = [
            t.intent.deadline - head_time
            for t in unfinished
            if t.intent.deadline is not None and t.status is not TransactionStatus.MINED
        ]
        self._deadline.set(min(left) if left else float("inf"))
