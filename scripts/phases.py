"""Draw a channel's phases from the table that the code goes by: ``.venv/bin/python scripts/phases.py [--check]``.

The table is `penstock.protocol.onchain.MAY_FOLLOW`, the picture the Mermaid block of docs/contracts.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from penstock.protocol.messages import Channel, State
from penstock.protocol.onchain import (
    MAY_FOLLOW,
    Challenged,
    ChannelOpened,
    Closed,
    Closing,
    ClosingStarted,
    Collected,
    Deposited,
    Ended,
    Event,
    OnChain,
    Open,
    Phase,
    Settled,
    Unlocked,
    Unopened,
    Withdrawn,
    apply,
)
from penstock.protocol.primitives import Address, Bytes32

PAGE = Path(__file__).resolve().parent.parent / "docs" / "contracts.md"
BLOCK = re.compile(r"```mermaid\nstateDiagram-v2\n.*?```\n", re.DOTALL)

_ID = Bytes32(bytes(32))
_STATE = State(_ID, 1, 0)
_PAYER, _PAYEE, _TOKEN = (Address(bytes([n]) * 20) for n in (1, 2, 3))
_TERMS = Channel(_PAYER, _PAYEE, _PAYER, _PAYEE, _TOKEN, challenge_period_seconds=3600, one_way=False, salt=0)
_SAMPLES: tuple[Event, ...] = (
    ChannelOpened(_ID, _TERMS, 1, 0),
    Deposited(_ID, 1, 0),
    Withdrawn(_ID, 1, 0),
    Collected(_ID, 1),
    ClosingStarted(_ID, 1),
    Challenged(_ID, _STATE),
    Closed(_ID, 1, 0),
    Settled(_ID, 1, 0, 0, 0),
    Unlocked(_ID, _ID, 0, 0, 0, 0, 0),
)
_PHASES: tuple[Phase, ...] = (Unopened(), Open(), Closing(1, _STATE), Ended(1, 0))


def diagram() -> str:
    """Return the Mermaid block; one arrow for each pair of phases, labelled with its events."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for event in _SAMPLES:
        for phase in _PHASES:
            if isinstance(phase, MAY_FOLLOW[type(event)]):
                after = apply(OnChain(phase), event).phase
                arrows.setdefault((_name(phase), _name(after)), []).append(type(event).__name__)
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> None", *lines, "    Settled --> [*]", "```", ""])


def _name(phase: Phase) -> str:
    return phase.name.capitalize()


def main(arguments: list[str]) -> int:
    """Write the picture into the page, or compare it under ``--check``; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/phases.py", description="Draw a channel's phases.")
    parser.add_argument("--check", action="store_true", help="compare instead of write")
    check = parser.parse_args(arguments).check
    assert {type(event) for event in _SAMPLES} == set(MAY_FOLLOW), "an event without a sample"

    page = PAGE.read_text(encoding="utf-8")
    drawn, places = BLOCK.subn(lambda _: diagram(), page)
    if places != 1:
        print(f"phases: {PAGE.name} has {places} state diagrams, expected 1", file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(drawn, encoding="utf-8")
        return 0
    if drawn != page:
        print(f"phases: {PAGE.name} does not show the table; run scripts/phases.py", file=sys.stderr)
        return 1
    print("the diagram shows the table")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
