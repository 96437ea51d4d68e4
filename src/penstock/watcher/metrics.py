"""What an operator's dashboard reads: Prometheus metrics of one watcher."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock.node.head import Head

_MINUTE = 60
_HOUR = 60 * _MINUTE
_BLOCK_BUCKETS = (0, 1, 2, 5, 10, 50, 100, 300, 1000, 7200)
_MARGIN_BUCKETS = (0, 10, _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 6 * _HOUR, 24 * _HOUR, 7 * 24 * _HOUR)


class Metrics:
    """The metrics of one watcher, in a registry of their own."""

    def __init__(self, head: Head, registry: CollectorRegistry | None = None) -> None:
        """Start at zero, beside what else is in the registry; the head's lag is read when somebody asks."""
        self.registry = registry or CollectorRegistry()
        self.watched = Gauge("penstock_watcher_channels", "Channels with evidence held", registry=self.registry)
        self.closing = Gauge(
            "penstock_watcher_closing_channels", "Watched channels whose challenge period runs or is over, unsettled",
            registry=self.registry,
        )  # fmt: skip
        self.evidence = Counter(
            "penstock_watcher_evidence", "Evidence received, by what became of it", ["outcome"], registry=self.registry
        )
        self.refused = Counter("penstock_watcher_refusals", "Refusals by error code", ["code"], registry=self.registry)
        self.sent = Counter(
            "penstock_watcher_transactions", "Transactions decided on", ["action"], registry=self.registry
        )
        self.challenges_sent = Counter(
            "penstock_watcher_challenges_sent", "Stale closes answered, retries included", registry=self.registry
        )
        self.margin = Histogram(
            "penstock_watcher_challenge_margin_seconds", "Time left to the deadline when an answer was on chain",
            registry=self.registry, buckets=_MARGIN_BUCKETS,
        )  # fmt: skip
        self.margin_blocks = Histogram(
            "penstock_watcher_challenge_margin_blocks", "Blocks left to the deadline when an answer was on chain",
            registry=self.registry, buckets=_BLOCK_BUCKETS,
        )  # fmt: skip
        self.missed = Counter(
            "penstock_watcher_deadlines_missed", "Deadlines that passed before our answer was on chain",
            registry=self.registry,
        )  # fmt: skip
        Gauge("penstock_watcher_head_number", "Newest block followed", registry=self.registry).set_function(
            lambda: head.block.number if head.block else 0
        )
        Gauge(
            "penstock_watcher_head_lag_seconds", "Age of the newest block followed", registry=self.registry
        ).set_function(lambda: head.lag_seconds)
        self.gas_balance = Gauge("penstock_watcher_gas_balance_wei", "Money left for gas", registry=self.registry)
        self.disputes_covered = Gauge(
            "penstock_watcher_disputes_covered", "Disputes that the gas money pays for at today's fees",
            registry=self.registry,
        )  # fmt: skip
