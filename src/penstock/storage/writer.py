"""Group commit: one thread writes, and all works that came while it was busy share the next commit.

A commit waits for the disk; what many callers wait for at once costs each of them little. No timer is involved: a
group is what has gathered since the last commit began.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from penstock.storage.engines import reason_of, unavailable
from penstock.storage.errors import StorageUnavailable
from penstock.storage.unit_of_work import UnitOfWork

GROUP_MAX = 512
"""Works that share a commit at most, so that the first of them does not wait for too many others."""

Work = Callable[[UnitOfWork], Any]


class _Job:
    """A work, the future its caller waits for, and how it ended."""

    __slots__ = ("_error", "_future", "_result", "loop", "work")

    def __init__(
        self,
        work: Work,
        future: asyncio.Future[Any] | concurrent.futures.Future[Any],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.work = work
        self.loop = loop
        self._future = future
        self._result: Any = None
        self._error: BaseException | None = None

    @property
    def abandoned(self) -> bool:
        """Tell whether the caller has gone before the work began."""
        return self._future.cancelled()

    def succeed(self, result: Any) -> None:
        self._result = result

    def fail(self, error: BaseException) -> None:
        self._error = error

    def answer(self) -> None:
        """Hand the end to the caller, on the caller's own thread if that runs an event loop."""
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result)


class Writer:
    """The one thread that writes."""

    def __init__(self, engine: sa.Engine, barrier: Callable[[], None] | None) -> None:
        """Start the thread; ``barrier`` runs before each COMMIT."""
        self._engine = engine
        self._barrier = barrier or (lambda: None)
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="penstock-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work) -> Any:
        """Run ``work`` and return once it is durable; a caller that is cancelled stops nobody else."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._put(_Job(work, future, loop))
        return await future

    def run_sync(self, work: Work) -> Any:
        """Run ``work`` for a caller without an event loop."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._put(_Job(work, future, None))
        return future.result()

    def close(self) -> None:
        """Finish what was asked for so far, then end the thread."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> None:
        with self._closing:
            if self._closed:
                raise StorageUnavailable("it was closed")
            self._queue.put(job)

    def _serve(self) -> None:
        open_ = True
        while open_:
            jobs, open_ = self._gather()
            if jobs:
                self._commit(jobs)
                _answer(jobs)

    def _gather(self) -> tuple[list[_Job], bool]:
        """Wait for a job, then take all that are there; False once the end was reached."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == GROUP_MAX or self._queue.empty():
                return jobs, True
            job = self._queue.get()
        return jobs, False

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self._engine.connect() as connection:
                self._run_group(connection, jobs)
        except Exception as error:  # noqa: BLE001 (whatever it was, every caller must hear of it and the thread go on)
            for job in jobs:
                job.fail(StorageUnavailable(reason_of(error)))

    def _run_group(self, connection: sa.Connection, jobs: list[_Job]) -> None:
        try:
            with connection.begin():
                unit = UnitOfWork(connection)
                for job in jobs:
                    if not job.abandoned:
                        _perform(connection, unit, job)
                self._barrier()
        except BaseException:
            # In which state the connection is, nobody knows.
            connection.invalidate()
            raise


def _perform(connection: sa.Connection, unit: UnitOfWork, job: _Job) -> None:
    """Run one work under its own savepoint; what it raises is its caller's alone."""
    connection.exec_driver_sql("SAVEPOINT work")
    try:
        job.succeed(job.work(unit))
    except BaseException as error:  # noqa: BLE001 (the thread serves others too)
        job.fail(_named(error))
        _undo(connection, error)
    connection.exec_driver_sql("RELEASE SAVEPOINT work")


def _undo(connection: sa.Connection, cause: BaseException) -> None:
    try:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT work")
    except DBAPIError as failure:
        # A full disk or a lost connection took the whole transaction with it: say that, not that a savepoint is gone.
        raise cause if isinstance(cause, DBAPIError) else failure from None


def _named(error: BaseException) -> BaseException:
    if isinstance(error, StopIteration):
        # A future does not take it (PEP 479).
        return RuntimeError(f"a work raised {error!r}")
    return unavailable(error) or error


def _answer(jobs: Iterable[_Job]) -> None:
    """Wake every caller, those of one event loop together: each waking costs a system call."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, waiting in by_loop.items():
        if loop is None:
            _answer_all(waiting)
        else:
            # A loop that was closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_answer_all, waiting)


def _answer_all(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        job.answer()
