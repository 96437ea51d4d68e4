"""How long the client waits and how often it looks, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Every waiting time of the client, in seconds.

    Attributes
    ----------
    request_seconds
        For one HTTP request, from connecting to the answer's last byte.
    answer_seconds
        For an answer, over all attempts at the same request.
    chain_seconds
        For the chain to show a deposit, a withdrawal or a close.
    poll_seconds
        Between two looks at the chain while waiting for it.
    refresh_seconds
        How old the last look at the chain may be before a signature is preceded by another one.
    stale_seconds
        How old it may be at most when the chain cannot be read.
    confirmations
        How deep a block must be for its deposits to count; the block itself is the first. The node may want more,
        and opening waits for that too.
    """

    request_seconds: float = 10.0
    answer_seconds: float = 20.0
    chain_seconds: float = 120.0
    poll_seconds: float = 0.5
    refresh_seconds: float = 5.0
    stale_seconds: float = 60.0
    confirmations: int = 1
