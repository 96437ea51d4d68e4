"""Whether a TCP port is free, and which ones are."""

from __future__ import annotations

import errno
import random
import socket

from penstock.cli.errors import PortBusy

_SERVER_PORTS = range(15_000, 32_768)


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
    """Return ``count`` different ports that nobody listens on at this moment.

    They lie below those that systems give to outgoing connections: one of these could take a port before its
    server does, or while its server restarts.
    """
    found: list[int] = []
    candidates = list(_SERVER_PORTS)
    random.shuffle(candidates)
    while len(found) < count:
        port = candidates.pop()
        try:
            check_free(host, port, "a server", "none")
        except PortBusy:
            continue
        found.append(port)
    return found
