"""``python -m bench``: updates per second over HTTP, as ratios measured in the same minute (docs/performance.md).

The clock of a shared machine drifts, so no rate counts alone: the ceiling is measured before and after each server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace

import uvloop

from bench import ceiling, load
from bench.naive import serve_naive
from bench.servers import Server, running, serve_penstock
from bench.workload import Lane, make_lanes, to_requests

_NAIVE_SHARE = 4
"""The naive path gets so many times fewer payments, so that it does not take the minute for itself."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the node's throughput.")
    parser.add_argument("--channels", type=int, default=64, help="channels, each over a connection of its own")
    parser.add_argument("--payments", type=int, default=120, help="payments in each channel")
    options = parser.parse_args()
    lanes = make_lanes(options.channels, options.payments)
    few = [Lane(lane.channel_id, lane.channel, lane.proposals[: options.payments // _NAIVE_SHARE]) for lane in lanes]
    ceilings = [ceiling.measure(lanes[:16])]
    single = _measure(serve_penstock, lanes)
    ceilings.append(ceiling.measure(lanes[:16]))
    naive = _measure(serve_naive, few)
    ceilings.append(ceiling.measure(lanes[:16]))
    half = _measure(serve_penstock, lanes, single.rate / 2)
    top = statistics.fmean(ceilings)
    _print(top, single, naive, half)


def _measure(server: Server, lanes: list[Lane], rate: float | None = None) -> load.Result:
    first, *others = [to_requests(lane) for lane in lanes]
    with running(server, lanes) as under_load:
        # The socket listens before the server is up: this returns when it is.
        uvloop.run(load.run(under_load.port, [first[:1]]))
        before = under_load.cpu_seconds
        result = uvloop.run(load.run(under_load.port, others, rate))
        return replace(result, cpu_seconds=under_load.cpu_seconds - before)


def _print(top: float, single: load.Result, naive: load.Result, half: load.Result) -> None:
    rows = [
        ("ceiling: accept alone, one core", f"{top:,.0f}/s", f"{1e6 / top:.0f} µs each"),
        ("one update per HTTP request", f"{single.rate:,.0f}/s", f"{single.rate / top:.2f} of the ceiling, want 0.45"),
        (
            "  computing time of each",
            f"{single.cpu_microseconds:,.0f} µs",
            f"the naive path {naive.cpu_microseconds:,.0f} µs",
        ),
        ("  p99 at half that rate", f"{half.percentile(0.99):.1f} ms", "want 15 ms at most"),
        (
            "the naive path",
            f"{naive.rate:,.0f}/s",
            f"the node does {single.rate / naive.rate:.1f} times as much, want 18",
        ),
    ]
    for name, value, remark in rows:
        sys.stdout.write(f"{name:34} {value:>12}   {remark}\n")


if __name__ == "__main__":
    main()
