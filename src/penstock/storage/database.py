"""The database as the rest sees it: works go in, durable results come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, cast

from sqlalchemy.exc import DBAPIError

from penstock.storage import migrations
from penstock.storage.engines import READERS, open_engines, unavailable
from penstock.storage.unit_of_work import UnitOfWork
from penstock.storage.writer import Writer

T = TypeVar("T")


class Database:
    """Records on SQLite or PostgreSQL; implements `penstock.node.ports.Database`.

    Writes are serial, one after another on one thread, so a work needs no locks. Reads run beside them, each on a
    snapshot of what was committed before it began. A work must not call its own `Database`.

    Parameters
    ----------
    url
        ``sqlite:///<file>`` or ``postgresql+psycopg://…``.
    barrier
        Runs before each COMMIT: what must be on disk before the records say so (the signer's marks). If it raises,
        nothing is committed.

    Raises
    ------
    InvalidDatabaseUrl
        Another kind of database.
    """

    def __init__(self, url: str, barrier: Callable[[], None] | None = None) -> None:
        """Prepare the connections and start the writer; nothing is opened before the first work."""
        self._engines = open_engines(url)
        self._writer = Writer(self._engines.writing, barrier)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="penstock-reader")

    def migrate(self) -> None:
        """Bring the schema up to this version's; call it before the first work.

        Raises
        ------
        SchemaTooNew
            A newer version wrote the database.
        StorageUnavailable
            The database does not answer.
        """
        self._guarded(lambda: migrations.upgrade(self._engines.writing))

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a writing work; returns once it is durable.

        An exception of ``work`` undoes that work alone and is raised here. A cancelled caller's work is left out if
        it has not begun, and completed otherwise.

        Raises
        ------
        StorageUnavailable
            The commit failed: whether it was kept is unknown, repeat it.
        """
        return cast("T", await self._writer.run(work))

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a reading work on a snapshot, beside the writer.

        Raises
        ------
        StorageUnavailable
            The database does not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_sync, work)

    def run_sync(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a writing work for a caller without an event loop; as `run`."""
        return cast("T", self._writer.run_sync(work))

    def read_sync(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a reading work in the caller's thread; as `read`."""

        def on_snapshot() -> T:
            with self._engines.reading.connect() as connection, connection.begin():
                return work(UnitOfWork(connection))

        return self._guarded(on_snapshot)

    def close(self) -> None:
        """Finish the works under way and close all connections."""
        self._writer.close()
        self._readers.shutdown()
        self._engines.dispose()

    def __enter__(self) -> Self:
        """Return itself; nothing is opened yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _guarded(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except DBAPIError as error:
            failure = unavailable(error)
            if failure is None:
                raise
            raise failure from error
