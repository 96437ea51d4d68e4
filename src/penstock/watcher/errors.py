"""Faults of the watcher's process."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import PenstockError


@dataclass(eq=False)
class CannotListen(PenstockError):
    """The address that the watcher should serve at cannot be taken."""

    host: str
    port: int
    reason: str
    message = "cannot listen on {host}:{port}: {reason}"
    remedy = "End the program that uses the port, or choose another one: [watcher] host and port."
