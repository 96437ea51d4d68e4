"""Whether the contract that a node names is the one this package knows: a deposit goes nowhere else."""

from __future__ import annotations

import re
from functools import cache

from penstock.chain.artifacts import artifact

_PUSH32 = b"\x7f"
_WORD = 32


def is_shipped_code(code: bytes) -> bool:
    """Tell whether ``code`` is the shipped contract's, whatever its immutables say.

    Immutables are the bounds of the challenge period and the cached parts of the EIP-712 domain; the domain is
    compared by `ChannelsContract.connect`.
    """
    return _pattern().fullmatch(code) is not None


@cache
def _pattern() -> re.Pattern[bytes]:
    # The compiler leaves an immutable as a push of 32 zero bytes. There is no metadata at the end (foundry.toml).
    parts = artifact("Channels").runtime.split(_PUSH32 + bytes(_WORD))
    hole = re.escape(_PUSH32) + b".{%d}" % _WORD
    return re.compile(hole.join(re.escape(part) for part in parts), re.DOTALL)
