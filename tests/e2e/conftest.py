"""One ``penstock up`` for all tests that do not end it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.penstock import Up, running_up


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up") / "home", "--challenge-period", "3") as running:
        yield running
        running.end()
