from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.storage.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        database.migrate()
        yield database
