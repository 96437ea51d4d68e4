"""An empty database for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.storage.database import Database
from tests.support.postgres import Postgres, run_postgres, text_of


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with run_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table, which nobody else uses."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated database without any row."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'records.db'}"
        with Database(address) as database:
            database.migrate()
        return address
    return text_of(request.getfixturevalue("migrated"))


@pytest.fixture
def migrated(postgres: Postgres) -> sa.URL:
    """The address of the migrated database on PostgreSQL, without any row."""
    return postgres.emptied()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database(url) as opened:
        yield opened
