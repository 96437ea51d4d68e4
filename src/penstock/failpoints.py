"""Places at which a test has the process die, to see that nothing is lost there (docs/transactions.md lists them).

``PENSTOCK_FAILPOINT=sent`` kills the process (SIGKILL) when it comes to the place ``sent``; ``sent:3`` the third time.
Unset, as always outside of tests, a place costs one comparison.
"""

from __future__ import annotations

import os
import signal

_NAME, _, _TIMES = os.environ.get("PENSTOCK_FAILPOINT", "").partition(":")
_left = int(_TIMES or 1)


def failpoint(name: str) -> None:
    """Die here if this place was chosen."""
    if name == _NAME:
        _count_down()


def _count_down() -> None:
    global _left  # noqa: PLW0603 (one process, one death)
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
