"""What every test of the command line relies on."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    # A run inside the test's process would leave every later test logging to a stream that is closed by then.
    monkeypatch.setattr(import_module("penstock.cli.main"), "configure_logs", lambda _: None)
