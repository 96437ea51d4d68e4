"""The node as its edges see it: run a use case, read the records, tell whether it can serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from penstock.node.context import Context
from penstock.node.delivery import Delivery
from penstock.node.outside import Chain
from penstock.node.ports import Database, UnitOfWork

C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Node:
    """All that an interface needs; made by `penstock.bootstrap`, or by a test from fakes."""

    context: Context
    database: Database
    chain: Chain
    delivery: Delivery

    async def write(self, handler: Callable[[UnitOfWork, Context, C], R], command: C) -> R:
        """Run a use case in one transaction; returns once it is durable.

        Raises
        ------
        StorageUnavailable
            Whether it was kept is unknown: the same command can be repeated.
        """
        reply = await self.database.run(lambda uow: handler(uow, self.context, command))
        self.delivery.wake()
        return reply

    async def read(self, query: Callable[[UnitOfWork, Context], R]) -> R:
        """Read the records; raises `StorageUnavailable`."""
        return await self.database.read(lambda uow: query(uow, self.context))
