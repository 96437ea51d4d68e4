"""How far the chain was followed, and whether that is recent enough to sign on."""

from __future__ import annotations

from collections.abc import Callable

from penstock.node.errors import ChainStale
from penstock.node.records import Block


class Head:
    """The newest block that was followed.

    A block's own time tells a stuck endpoint; the time since it was last seen tells a stopped follower even on a
    local chain whose clock was moved ahead.

    Parameters
    ----------
    clock
        Seconds since the epoch.
    maximum_lag_seconds
        How old the newest block may be.
    """

    def __init__(self, clock: Callable[[], float], maximum_lag_seconds: float) -> None:
        self._clock = clock
        self._maximum = maximum_lag_seconds
        self._seen_at = 0.0
        self.block: Block | None = None

    def follow(self, block: Block) -> None:
        """Note that ``block`` is the newest one."""
        self.block = block
        self._seen_at = self._clock()

    @property
    def lag_seconds(self) -> int:
        """Return the age of what is known, in whole seconds; the time since the epoch before the first block."""
        known = min(self.block.time, self._seen_at) if self.block else 0
        return max(0, int(self._clock() - known))

    @property
    def is_fresh(self) -> bool:
        """Tell whether something new may be signed."""
        return self.lag_seconds <= self._maximum

    def check_fresh(self) -> Block:
        """Return the newest block; raises `ChainStale` if it is too old."""
        if self.block is None or not self.is_fresh:
            raise ChainStale(self.lag_seconds, int(self._maximum))
        return self.block
