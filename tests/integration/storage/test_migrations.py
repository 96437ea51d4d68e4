"""The packaged revisions lead to the very schema that the code is written for."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from penstock.node.records import Priority, Wishes
from penstock.storage.database import Database
from penstock.storage.errors import SchemaTooNew, StorageUnavailable
from penstock.storage.tables import metadata
from tests.support.parties import PAYER, TOKEN, cause_id, make_position

FIRST_TRANSACTIONS: list[tuple[str, sa.types.TypeEngine[Any]]] = [
    *((name, sa.BigInteger()) for name in ("id", "nonce", "gas_limit", "signed_at_block", "created_at")),
    *((name, sa.String()) for name in ("key", "purpose", "status", "max_fee_per_gas", "max_priority_fee_per_gas")),
    *((name, sa.LargeBinary()) for name in ("sender", "receiver", "data", "raw")),
    ("hashes", sa.JSON()),
]


def test_the_revisions_give_the_metadata(empty_url: str) -> None:
    with Database(empty_url) as database:
        database.migrate()

    engine = sa.create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_on_sqlite_even_the_statements_are_the_same(tmp_path: Path) -> None:
    migrated, created = tmp_path / "migrated.db", tmp_path / "created.db"
    with Database(f"sqlite:///{migrated}") as database:
        database.migrate()
    engine = sa.create_engine(f"sqlite:///{created}")
    metadata.create_all(engine)
    engine.dispose()

    assert schema(migrated) == schema(created)


def schema(path: Path) -> dict[str, list[str]]:
    """Return each statement in parts between commas: the order of constraints does not matter, nor quotes of names."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: parts(sql.replace('"', "")) for name, sql in rows if name != "alembic_version"}


def parts(sql: str) -> list[str]:
    body, _, tail = re.sub(r"\s+", " ", sql).rpartition(")")
    return [*sorted(part.strip() for part in re.split(r",(?![^(]*\))", body)), tail]


def test_transactions_of_the_first_schema_go_on(empty_url: str) -> None:
    engine = sa.create_engine(empty_url)
    old = sa.Table("transactions", sa.MetaData(), *(sa.Column(name, type_) for name, type_ in FIRST_TRANSACTIONS))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "penstock.storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        account = {"sender": bytes(PAYER.address), "receiver": bytes(TOKEN), "data": b"", "created_at": 7}
        waiting = {"id": 1, "key": "a", "purpose": "settle", "status": "queued", "hashes": []} | account
        signing = {"nonce": 3, "gas_limit": 1, "max_fee_per_gas": "5", "max_priority_fee_per_gas": "1", "raw": b"r"}
        signed = {"id": 2, "key": "b", "purpose": "settle", "status": "signed", "hashes": [str(cause_id(1))]}
        connection.execute(old.insert(), waiting)
        connection.execute(old.insert(), signed | account | signing | {"signed_at_block": 9})
    engine.dispose()

    with Database(empty_url) as database:
        database.migrate()
        queued, in_flight = database.read_sync(
            lambda uow: (uow.transactions.queued(), uow.transactions.in_flight(PAYER.address))
        )

    assert [(t.intent.key, t.sender, t.intent.priority, t.intent.budget) for t in queued] == [
        ("a", None, Priority.ROUTINE, None)
    ]
    assert [(t.intent.key, t.sender, t.hashes, t.empty_hashes, t.wishes) for t in in_flight] == [
        ("b", PAYER.address, (cause_id(1),), (), Wishes())
    ]


def test_migrating_again_changes_nothing(url: str) -> None:
    position = make_position()
    with Database(url) as database:
        database.run_sync(lambda uow: uow.channels.add(position.channel_id, position.channel, 1))
        database.migrate()

        assert database.read_sync(lambda uow: uow.channels.get(position.channel_id)) is not None


def test_two_processes_may_start_at_once(empty_url: str) -> None:
    program = "import sys; from penstock.storage import Database; d = Database(sys.argv[1]); d.migrate(); d.close()"
    both = [subprocess.Popen([sys.executable, "-c", program, empty_url]) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]


def test_a_database_of_a_newer_version_is_refused(empty_url: str) -> None:
    with Database(empty_url) as database:
        database.migrate()
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with Database(empty_url) as database, pytest.raises(SchemaTooNew) as caught:
        database.migrate()

    assert caught.value.values() == {"found": "9999", "known": "0002"}


def test_a_file_that_cannot_be_opened_has_a_name(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'missing' / 'records.db'}") as database:
        with pytest.raises(StorageUnavailable):
            database.migrate()
        with pytest.raises(StorageUnavailable):
            database.run_sync(lambda uow: uow.channels.get(cause_id(1)))
        with pytest.raises(StorageUnavailable):
            database.read_sync(lambda uow: uow.channels.get(cause_id(1)))


def test_a_file_that_is_no_database_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"not a database" * 100)

    with Database(f"sqlite:///{tmp_path / 'records.db'}") as database, pytest.raises(StorageUnavailable):
        database.migrate()


def test_sqlite_is_safe_against_power_loss(tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    def note(connection: sa.Connection) -> None:
        for pragma in ("journal_mode", "synchronous", "foreign_keys"):
            seen[pragma] = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()

    with Database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        database.migrate()
        sa.event.listen(sa.Engine, "commit", note)
        try:
            database.run_sync(lambda uow: uow.watched.count())
        finally:
            sa.event.remove(sa.Engine, "commit", note)

    assert seen == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
