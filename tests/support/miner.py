"""Blocks at a steady pace, several a second, and reorgs that do not collide with them.

Anvil's own interval mining races with ``anvil_reorg``: blocks come out whose parent hash is not the block before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.anvil import Anvil

BLOCK_SECONDS = 0.2


class Miner(threading.Thread):
    """Mine until stopped; made by `mining`."""

    def __init__(self, anvil: Anvil) -> None:
        super().__init__(daemon=True)
        self._anvil = anvil
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._seconds = BLOCK_SECONDS

    def run(self) -> None:
        """Mine block after block."""
        while not self._stopped.wait(self._seconds):
            with self._turn:
                self._anvil.mine()

    def pace(self, seconds: float) -> None:
        """Mine a block every ``seconds`` from now on."""
        self._seconds = seconds

    def reorg(self, depth: int) -> None:
        """Replace the newest ``depth`` blocks by empty ones."""
        with self._turn:
            self._anvil.reorg(depth)

    def undo(self, block_number: int) -> int:
        """Replace this block and all after it by empty ones; return the last one's number."""
        with self._turn:
            height = self._anvil.height
            self._anvil.reorg(height - block_number + 1)
            return height

    def stop(self) -> None:
        """Mine no more."""
        self._stopped.set()
        self.join()


@contextmanager
def mining(anvil: Anvil) -> Iterator[Miner]:
    """Mine steadily while the context lasts, instead of one block for each transaction."""
    anvil.automine(enabled=False)
    miner = Miner(anvil)
    miner.start()
    try:
        yield miner
    finally:
        miner.stop()
