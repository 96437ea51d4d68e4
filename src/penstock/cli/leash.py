"""Run a program that dies with its supervisor: ``python leash.py SUPERVISOR_PID program arguments…``.

Asks the kernel to kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG), then becomes the program.
A step of its own rather than a ``preexec_fn``, which may deadlock in a process with threads. Imports nothing but
the standard library: it is run by path, without site-packages, in a few milliseconds. Elsewhere than on Linux it
only becomes the program, and a supervisor that is killed with SIGKILL leaves it running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(supervisor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The supervisor may have died before the call: then nobody will send the signal any more.
    if os.getppid() != supervisor:
        sys.exit(1)


def main() -> None:
    """Tie this process to its parent and become the program."""
    if sys.platform == "linux":
        _die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 (there is no shell on purpose)


if __name__ == "__main__":
    main()
