"""Numbers for Prometheus, in a registry of their own: several nodes may live in one process."""

from __future__ import annotations

from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from penstock.node.head import Head
from penstock.protocol.errors import PenstockError

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters and gauges of one node."""

    def __init__(self, head: Head, registry: CollectorRegistry | None = None) -> None:
        """Start at zero, beside what else is in the registry; the head's lag is read when somebody asks."""
        self.registry = registry or CollectorRegistry()
        self._accepted = Counter(
            "penstock_states_accepted",
            "States co-signed, by whether it was a repeated answer",
            ["repeated"],
            registry=self.registry,
        )
        self._refused = Counter("penstock_refusals", "Refusals by error code", ["code"], registry=self.registry)
        self._latency = Histogram(
            "penstock_request_seconds",
            "Time from request to answer",
            ["method", "route", "status"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._backlog = Gauge(
            "penstock_watcher_backlog",
            "Channels whose newest evidence a watcher has not receipted",
            ["watcher"],
            registry=self.registry,
        )
        Gauge("penstock_head_lag_seconds", "Age of the newest followed block", registry=self.registry).set_function(
            lambda: head.lag_seconds
        )
        Gauge("penstock_head_number", "Number of the newest followed block", registry=self.registry).set_function(
            lambda: head.block.number if head.block else 0
        )

    def accepted(self, *, repeated: bool) -> None:
        """Count a co-signature."""
        self._accepted.labels(str(repeated).lower()).inc()

    def refused(self, error: PenstockError) -> None:
        """Count a refusal."""
        self._refused.labels(error.code).inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note how long an answer took."""
        self._latency.labels(method, route, str(status)).observe(seconds)

    def delivered(self, backlog: dict[str, int]) -> None:
        """Note what waits for each watcher."""
        for watcher, count in backlog.items():
            self._backlog.labels(watcher).set(count)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


def metrics_of(request: Request) -> Metrics:
    """Return the metrics of the application that serves this request."""
    metrics: Metrics = request.app.state.metrics
    return metrics
