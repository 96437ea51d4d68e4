"""Connections: one that writes and some that read, on SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError

from penstock.storage.errors import InvalidDatabaseUrl, StorageUnavailable

READERS = 4
"""Reading connections, and threads that use them."""
_BUSY_SECONDS = 10.0
_CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Engines:
    """The two ways into one database."""

    writing: sa.Engine
    reading: sa.Engine

    def dispose(self) -> None:
        """Close all connections."""
        self.reading.dispose()
        self.writing.dispose()


def unavailable(error: BaseException) -> StorageUnavailable | None:
    """Return the named form of a failure of the database itself; None for anything else, our own bugs included."""
    # Drivers raise the bare base class for a file that is damaged or no database at all.
    if isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError:
        return StorageUnavailable(reason_of(error))
    return None


def reason_of(error: BaseException) -> str:
    """Return why the database failed, in one line, without the statement and its parameters."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__


def open_engines(url: str) -> Engines:
    """Prepare connections to ``url``; none is opened yet.

    Raises
    ------
    InvalidDatabaseUrl
        Neither a SQLite file nor PostgreSQL through psycopg.
    """
    try:
        address = sa.make_url(url)
    except ArgumentError as error:
        raise InvalidDatabaseUrl("not a URL") from error
    match address.drivername:
        # In memory every connection would have a database of its own.
        case "sqlite" if address.database and address.database != ":memory:":
            return _sqlite(address)
        case "postgresql+psycopg" if address.database:
            return _postgresql(address)
        case _:
            raise InvalidDatabaseUrl(address.render_as_string(hide_password=True))


def _sqlite(address: sa.URL) -> Engines:
    arguments = {"timeout": _BUSY_SECONDS}
    writing = sa.create_engine(address, connect_args=arguments, pool_size=1, max_overflow=0)
    reading = sa.create_engine(address, connect_args=arguments, pool_size=READERS, max_overflow=0)
    for engine, begin, extra in ((writing, "BEGIN IMMEDIATE", ()), (reading, "BEGIN", ("query_only = ON",))):
        _prepare_sqlite(engine, begin, ("foreign_keys = ON", "temp_store = MEMORY", "synchronous = FULL", *extra))
    # Readers must not meet a database that is not in WAL mode yet, so only the writer, who comes first, switches it on.
    sa.event.listen(writing, "connect", lambda raw, _: raw.execute("PRAGMA journal_mode = WAL"))
    return Engines(writing, reading)


def _prepare_sqlite(engine: sa.Engine, begin: str, pragmas: tuple[str, ...]) -> None:
    """Take the transactions away from the sqlite3 module, whose own ones begin too late for SAVEPOINT."""

    def connected(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    def began(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", began)


def _postgresql(address: sa.URL) -> Engines:
    arguments = {"connect_timeout": _CONNECT_SECONDS}
    writing = sa.create_engine(address, connect_args=arguments, pool_size=1, max_overflow=0)
    reading = sa.create_engine(address, connect_args=arguments, pool_size=READERS, max_overflow=0)
    snapshot = reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(writing, snapshot)
