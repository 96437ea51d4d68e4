"""Which transaction carries out a decision, and when to try again, decided without I/O.

An action that the chain still needs is sent under a key of its own, so that deciding twice sends once. A
transaction that ended without the effect (it reverted, its simulation did, or a reorg deeper than the
confirmations undid it) is followed by another one under the next key.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.protocol.primitives import Bytes32
from penstock.protocol.watch_policy import Action, Challenge, Collect, Settle

_PAUSE_SECONDS_MAX = 60
_TRIES_PER_WINDOW = 10


def intent_key(channel_id: Bytes32, action: Action) -> str:
    """Return the key under which ``action`` is sent the first time; the same action gives the same key."""
    match action:
        case Challenge(evidence=signed):
            return f"challenge:{channel_id}:{signed.state.sequence}"
        case Collect(evidence=signed):
            return f"collect:{channel_id}:{signed.voucher.paid}"
        case Settle():
            return f"settle:{channel_id}"


def pause_seconds(attempts: int, window_seconds: int | None) -> int:
    """Return how long to wait after the ``attempts``-th try before the next one.

    Doubles from two seconds to a minute. ``window_seconds`` is what is left until the deadline, None without
    one: a short window never goes by waiting, ten tries fit into it.
    """
    pause = min(1 << min(attempts, 16), _PAUSE_SECONDS_MAX)
    if window_seconds is None:
        return pause
    return min(pause, max(1, window_seconds // _TRIES_PER_WINDOW))


def window_seconds(action: Action, block_time: int) -> int | None:
    """Return the seconds between the newest block and the action's deadline, None if it has none."""
    return None if isinstance(action, Settle) else action.deadline - block_time


def is_due(ended_at: Sequence[int], window: int | None, now: int) -> bool:
    """Tell whether to try (again): ``ended_at`` holds when each earlier, fruitless try was made."""
    return not ended_at or now >= ended_at[-1] + pause_seconds(len(ended_at), window)
