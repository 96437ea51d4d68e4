"""Amounts as people write them, in whole tokens, and as the protocol counts them, in smallest units."""

from __future__ import annotations

from penstock.cli.errors import AmountMalformed

_DIGITS_MAX = 60


def parse_amount(text: str, decimals: int) -> int:
    """Read ``2.50`` as smallest units; whether the figure can be paid is for the protocol to say.

    Raises
    ------
    AmountMalformed
        Not a plain decimal number, or with more decimals than the token has.
    """
    whole, point, fraction = text.partition(".")
    plain = (whole + fraction).isascii() and (whole + fraction).isdigit() and len(text) <= _DIGITS_MAX
    if not plain or not whole or (point and not fraction) or len(fraction) > decimals:
        raise AmountMalformed(text[:_DIGITS_MAX], decimals)
    return int(whole + fraction.ljust(decimals, "0"))


def show_amount(units: int, decimals: int) -> str:
    """Write smallest units as whole tokens, every decimal shown: ``2.500000``."""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    sign = "-" if units < 0 else ""
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return f"{sign}{int(whole):,}" + (f".{fraction}" if decimals else "")
