"""One writer, one commit for many: each work alone in its faults, all together in their durability."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.protocol.messages import State
from penstock.protocol.primitives import Bytes32
from penstock.storage.database import Database
from penstock.storage.errors import InvalidDatabaseUrl, StorageUnavailable
from penstock.storage.unit_of_work import UnitOfWork
from penstock.storage.writer import GROUP_MAX
from tests.support.parties import cause_id, co_signed

CHANNEL = cause_id(1)
SIGNED = co_signed(State(CHANNEL, 1, 1))

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def record(sequence: int) -> Callable[[UnitOfWork], int]:
    """Return a work that leaves one state behind."""

    def work(uow: UnitOfWork) -> int:
        state = State(CHANNEL, sequence, sequence)
        uow.states.complete(type(SIGNED)(state, SIGNED.payer_signature, SIGNED.payee_signature), sequence)
        return sequence

    return work


def recorded(database: Database, channel_id: Bytes32 = CHANNEL) -> list[int]:
    history = database.read_sync(lambda uow: uow.states.history(channel_id, None, 10_000))
    return sorted(state.signed.state.sequence for state in history)


@contextmanager
def held_writer(database: Database) -> Iterator[threading.Event]:
    """Keep the writer busy with one work, so that all that comes meanwhile shares the next commit."""
    started, release = threading.Event(), threading.Event()

    def hold(uow: UnitOfWork) -> None:
        started.set()
        assert release.wait(30)

    caller = threading.Thread(target=database.run_sync, args=(hold,))
    caller.start()
    assert started.wait(30)
    try:
        yield release
    finally:
        release.set()
        caller.join()


@contextmanager
def at_commit(action: Callable[[sa.Connection], None]) -> Iterator[None]:
    """Do something at every COMMIT, just before the database hears of it."""
    sa.event.listen(sa.Engine, "commit", action)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "commit", action)


async def test_many_concurrent_works_are_all_kept_and_share_commits(database: Database) -> None:
    commits: list[object] = []
    sequences = range(1, GROUP_MAX + 2)  # one more than a group takes

    with at_commit(commits.append), held_writer(database) as release:
        tasks = [asyncio.ensure_future(database.run(record(n))) for n in sequences]
        await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*tasks)

    assert results == list(sequences)
    assert recorded(database) == results
    assert len(commits) == 3  # of the held work, of a full group, and of the one left


async def test_a_failing_work_is_undone_alone(database: Database) -> None:
    def half_done(uow: UnitOfWork) -> None:
        record(50)(uow)
        raise LookupError("in the middle")

    def broken_statement(uow: UnitOfWork) -> None:
        record(60)(uow)
        uow.channels.add(CHANNEL, None, 1)  # type: ignore[arg-type]

    with held_writer(database) as release:
        works = (record(1), half_done, record(2), broken_statement, record(3))
        tasks = [asyncio.ensure_future(database.run(work)) for work in works]
        await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [int, LookupError, int, AttributeError, int]
    assert recorded(database) == [1, 2, 3]


async def test_a_statement_the_database_refuses_is_undone_alone(database: Database) -> None:
    def twice(uow: UnitOfWork) -> None:
        record(7)(uow)
        uow.causes.issue(CHANNEL, None)  # type: ignore[arg-type]

    with held_writer(database) as release:
        tasks = [asyncio.ensure_future(database.run(work)) for work in (record(1), twice, record(2))]
        await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

    assert results[0] == 1
    assert isinstance(results[1], Exception)
    assert results[2] == 2
    assert recorded(database) == [1, 2]


async def test_even_an_exit_in_a_work_reaches_only_its_caller(database: Database) -> None:
    def leave(uow: UnitOfWork) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.run(leave)
    assert await database.run(record(1)) == 1


async def test_a_failed_commit_fails_every_waiter_and_keeps_nothing(database: Database) -> None:
    commits: list[sa.Connection] = []

    def fail_second(connection: sa.Connection) -> None:
        commits.append(connection)
        if len(commits) > 1:  # the first is the held work's own
            raise OSError("no space left on device")

    with at_commit(fail_second), held_writer(database) as release:
        tasks = [asyncio.ensure_future(database.run(record(n))) for n in range(1, 6)]
        await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

    assert {str(result) for result in results} == {"the database is unavailable: no space left on device"}
    assert recorded(database) == []

    assert await database.run(record(9)) == 9
    assert recorded(database) == [9]


async def test_the_barrier_runs_before_each_commit(url: str) -> None:
    seen: list[list[int]] = []
    with Database(url, barrier=lambda: seen.append(recorded(database))) as database:
        await database.run(record(1))
        await database.run(record(2))

    assert seen == [[], [1]]


async def test_nothing_is_committed_past_a_failing_barrier(url: str) -> None:
    faults = [OSError("the marks cannot be written")]

    def barrier() -> None:
        if faults:
            raise faults.pop()

    with Database(url, barrier) as database:
        with pytest.raises(StorageUnavailable, match="marks"):
            await database.run(record(1))
        assert recorded(database) == []
        assert await database.run(record(2)) == 2
        assert recorded(database) == [2]


async def test_a_cancelled_caller_disturbs_nobody(database: Database) -> None:
    with held_writer(database) as release:
        tasks = [asyncio.ensure_future(database.run(record(n))) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

    assert results[0] == 1
    assert isinstance(results[1], asyncio.CancelledError)
    assert results[2] == 3
    assert recorded(database) == [1, 3]


async def test_a_caller_cancelled_in_the_middle_leaves_its_work_whole(database: Database) -> None:
    started, release = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        started.set()
        assert release.wait(30)
        record(5)(uow)

    task = asyncio.ensure_future(database.run(slow))
    await asyncio.to_thread(started.wait, 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    release.set()

    assert await database.run(record(6)) == 6
    assert recorded(database) == [5, 6]


async def test_a_caller_whose_loop_is_gone_disturbs_nobody(database: Database) -> None:
    def leave_at_once() -> None:
        async def ask() -> None:
            asyncio.ensure_future(database.run(record(1)))  # noqa: RUF006 (nobody is to wait for it)
            await asyncio.sleep(0)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask())
        loop.set_exception_handler(lambda *_: None)
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        loop.close()

    with held_writer(database):
        await asyncio.to_thread(leave_at_once)

    assert await database.run(record(2)) == 2


async def test_a_reader_sees_only_what_was_committed(database: Database) -> None:
    await database.run(record(1))

    def look_from_inside(uow: UnitOfWork) -> tuple[int, list[int]]:
        record(2)(uow)
        return len(uow.states.history(CHANNEL, None, 10)), recorded(database)

    assert await database.run(look_from_inside) == (2, [1])
    assert await database.read(lambda uow: len(uow.states.history(CHANNEL, None, 10))) == 2


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises((StorageUnavailable, sa.exc.DBAPIError), match=r"(?i)read.?only"):
        await database.read(record(1))
    assert recorded(database) == []


async def test_a_closed_database_says_so(database: Database) -> None:
    database.close()

    with pytest.raises(StorageUnavailable, match="closed"):
        await database.run(record(1))
    with pytest.raises(StorageUnavailable, match="closed"):
        database.run_sync(record(1))
    database.close()


async def test_closing_finishes_what_was_asked_for(url: str) -> None:
    database = Database(url)
    tasks = [asyncio.ensure_future(database.run(record(n))) for n in range(1, 21)]
    await asyncio.sleep(0)

    database.close()

    assert await asyncio.gather(*tasks) == list(range(1, 21))


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "postgresql://host/name", "mysql://root:secret@host/name"],
)
async def test_other_databases_are_refused_without_repeating_a_password(address: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as caught:
        Database(address)

    assert "secret" not in str(caught.value)


async def test_no_other_process_writes_between_a_works_reading_and_writing(tmp_path: Path) -> None:
    def read_then_write(uow: UnitOfWork) -> None:
        assert uow.states.get(CHANNEL, 1) is None
        other = sqlite3.connect(tmp_path / "records.db", timeout=0, isolation_level=None)
        with contextlib.closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        record(1)(uow)

    with Database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        database.migrate()
        await database.run(read_then_write)
