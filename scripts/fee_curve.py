"""Draw what a transaction offers until its deadline, by the code itself: ``.venv/bin/python scripts/fee_curve.py``.

With ``--check`` it compares docs/fee-curve.svg instead of writing it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from penstock.chain.fees import Fees, FeeSettings, ceiling, is_worth_replacing, offer, progress, replacement

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "fee-curve.svg"

GWEI = 10**9
BLOCK_SECONDS = 12
BLOCKS = 60
DEADLINE = BLOCKS * BLOCK_SECONDS
MARKET, CAP = Fees(20 * GWEI, GWEI), 100 * GWEI
SETTINGS = FeeSettings()

WIDTH, HEIGHT = 760, 380
LEFT, TOP, RIGHT, BOTTOM = 64, 28, 20, 52
STYLE = """
  .page { fill: #ffffff } .frame { stroke: #8a8f98; fill: none } .grid { stroke: #e3e6ea }
  text { font: 13px sans-serif; fill: #3b3f46 } .fee { stroke: #0b6bcb; fill: none; stroke-width: 2 }
  .tip { stroke: #c2571a; fill: none; stroke-width: 2 } .feeText { fill: #0b6bcb } .tipText { fill: #c2571a }
  .last { fill: #0b6bcb; opacity: 0.09 }
"""


def versions() -> list[tuple[int, Fees]]:
    """Return the block and the fees of each version that is signed while no block takes the transaction."""
    signed = [(0, offer(MARKET, CAP, progress(0, 0, DEADLINE, BLOCK_SECONDS, SETTINGS)))]
    for block in range(1, BLOCKS):
        at = progress(0, block * BLOCK_SECONDS, DEADLINE, BLOCK_SECONDS, SETTINGS)
        old, wanted = signed[-1][1], offer(MARKET, CAP, at)
        fees = replacement(old, wanted, ceiling(CAP, at)) if is_worth_replacing(old, wanted) else None
        if fees is not None:
            signed.append((block, fees))
    return signed


def x(block: int) -> int:
    """Return where a block stands."""
    return LEFT + block * (WIDTH - LEFT - RIGHT) // BLOCKS


def y(fee: int) -> int:
    """Return where a fee (wei per unit of gas) stands."""
    return HEIGHT - BOTTOM - fee * (HEIGHT - TOP - BOTTOM) // CAP


def steps(points: list[tuple[int, int]]) -> str:
    """Return a path that goes on level until the next version."""
    path = f"M{x(points[0][0])} {y(points[0][1])}"
    for block, fee in points[1:]:
        path += f" H{x(block)} V{y(fee)}"
    return f"{path} H{x(BLOCKS)}"


def picture() -> str:
    """Return the whole picture."""
    signed = versions()
    full = next(block for block, fees in signed if fees.max_fee == CAP)
    lines = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share * CAP // 4)}" y2="{y(share * CAP // 4)}"/>'
        f'<text x="{LEFT - 8}" y="{y(share * CAP // 4) + 4}" text-anchor="end">{25 * share}%</text>'
        for share in range(5)
    ]
    ticks = [
        f'<text x="{x(block)}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{BLOCKS - block}</text>'
        for block in range(0, BLOCKS + 1, 10)
    ]
    fee = steps([(block, fees.max_fee) for block, fees in signed])
    tip = steps([(block, fees.priority_fee) for block, fees in signed])
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
                'aria-label="What a transaction offers until its deadline">'
            ),
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
            f'<rect class="last" x="{x(full)}" y="{TOP}" width="{x(BLOCKS) - x(full)}" height="{y(0) - TOP}"/>',
            *lines,
            *ticks,
            f'<path class="fee" d="{fee}"/>',
            f'<path class="tip" d="{tip}"/>',
            f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{y(0) - TOP}"/>',
            f'<text class="feeText" x="{x(22)}" y="{y(CAP * 35 // 100)}">max fee</text>',
            f'<text class="tipText" x="{x(30)}" y="{y(CAP * 5 // 100)}">tip</text>',
            f'<text x="{x(full) - 8}" y="{TOP + 18}" text-anchor="end">the whole budget</text>',
            (
                f'<text x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 10}" text-anchor="middle">'
                "blocks before the deadline</text>"
            ),
            f'<text x="{LEFT}" y="{TOP - 10}">of the budget, for a unit of gas</text>',
            "</svg>\n",
        ]
    )


def main(arguments: list[str]) -> int:
    """Write the picture, or compare it under ``--check``; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/fee_curve.py", description="Draw the fee curve.")
    parser.add_argument("--check", action="store_true", help="compare instead of write")
    if not parser.parse_args(arguments).check:
        PICTURE.write_text(picture(), encoding="utf-8")
        return 0
    if PICTURE.read_text(encoding="utf-8") != picture():
        print(f"fee-curve: {PICTURE.name} is not what the code offers; run scripts/fee_curve.py", file=sys.stderr)
        return 1
    print("the curve is the code's")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
