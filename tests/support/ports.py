"""Ports for the servers of tests that restart on the one they had."""

from __future__ import annotations

import itertools
import os

from penstock.cli.errors import PortBusy
from penstock.cli.ports import check_free

# Below the ports of outgoing connections, and so many for each of pytest's workers: a port that was seen free may not
# be another worker's before its server has started, or one test asks the other's server.
_FIRST = 15_000
_PER_WORKER = 2_000

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_candidates = itertools.cycle(range(_FIRST + _worker * _PER_WORKER, _FIRST + (_worker + 1) * _PER_WORKER))


def free_port() -> int:
    """Return a port on which nobody listens, another one each time."""
    for port in _candidates:
        try:
            check_free("127.0.0.1", port, "a test", "none")
        except PortBusy:
            continue
        return port
    raise AssertionError
