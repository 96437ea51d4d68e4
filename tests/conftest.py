"""Settings for every test."""

from __future__ import annotations

import os

import structlog
from hypothesis import settings

# A change is judged by the same examples every time it is looked at; whoever develops meets new ones in every run.
# How long one takes judges the machine, not the code.
settings.register_profile("penstock", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("penstock")

# As the processes do it: a rich trace takes seconds.
_console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _console])
