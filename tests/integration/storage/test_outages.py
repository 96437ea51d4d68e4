"""A disk that is full, a file that is locked, a server that goes away: named, survived, nothing by half."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.protocol.causes import Pay
from penstock.storage import engines
from penstock.storage.database import Database
from penstock.storage.errors import StorageUnavailable
from penstock.storage.unit_of_work import UnitOfWork
from tests.support.parties import cause_id

CHANNEL = cause_id(1)
MANY = 200


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "records.db"
    with Database(f"sqlite:///{path}") as database:
        database.migrate()
    return path


def apply_many(first: int, uow: UnitOfWork) -> None:
    uow.causes.apply(CHANNEL, 1, [Pay(cause_id(n), 1) for n in range(first, first + MANY)])


def applied(database: Database, numbers: range) -> int:
    ids = [cause_id(n) for n in numbers]
    return len(database.read_sync(lambda uow: uow.causes.records(CHANNEL, ids)).applied)


@contextmanager
def small_disk(pages: int) -> Iterator[None]:
    """Let new connections find room for so many pages only."""

    def limit(raw: sqlite3.Connection, _: object) -> None:
        raw.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(sa.Engine, "connect", limit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", limit)


def fill(database: Database) -> int:
    """Write until the disk is full; return the highest number that was acknowledged."""
    for first in range(1, 100 * MANY, MANY):
        try:
            database.run_sync(partial(apply_many, first))
        except StorageUnavailable as error:
            if "full" in error.reason:
                return first - 1
            raise
    raise AssertionError("the disk was never full")


def test_a_full_disk_is_survived(file: Path) -> None:
    with Database(f"sqlite:///{file}") as database:
        with small_disk(pages=60):
            kept = fill(database)

        assert kept > 0
        assert applied(database, range(1, kept + 1)) == kept
        assert applied(database, range(kept + 1, kept + MANY + 1)) == 0
        database.run_sync(partial(apply_many, kept + 1))
        assert applied(database, range(1, kept + MANY + 1)) == kept + MANY


def test_a_locked_file_is_waited_for_then_named_then_used_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_BUSY_SECONDS", 0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with Database(f"sqlite:///{file}") as database:
        with pytest.raises(StorageUnavailable, match="locked"):
            database.run_sync(partial(apply_many, 1))
        assert applied(database, range(1, 3)) == 0

        other.execute("ROLLBACK")
        other.close()
        database.run_sync(partial(apply_many, 1))
        assert applied(database, range(1, MANY + 1)) == MANY


def test_a_lost_server_connection_is_replaced(migrated: sa.URL) -> None:
    url = migrated.render_as_string(hide_password=False)

    def lose_it(uow: UnitOfWork) -> None:
        apply_many(1, uow)
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as other:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            other.execute(sa.text(f"{others} AND pid <> pg_backend_pid()"))
        engine.dispose()

    with Database(url) as database:
        with pytest.raises(StorageUnavailable):
            database.run_sync(lose_it)
        database.run_sync(partial(apply_many, MANY + 1))

        assert applied(database, range(1, MANY + 1)) == 0
        assert applied(database, range(MANY + 1, 2 * MANY + 1)) == MANY
