"""Whether a TCP port is free, and which ones are."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from penstock.cli.errors import PortBusy


def check_free(host: str, port: int, purpose: str, option: str) -> None:
    """Check that nothing listens on ``port``.

    Parameters
    ----------
    purpose, option
        Who wants the port and which option chooses another one; both go into the error.

    Raises
    ------
    PortBusy
        Another program listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger after an earlier run do not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortBusy(purpose, host, port, option) from None


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Return ``count`` different ports that nobody listens on at this moment."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for each in sockets:
            each.bind((host, 0))
        return [each.getsockname()[1] for each in sockets]
