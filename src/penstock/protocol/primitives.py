"""Value types that cannot hold a wrong value: addresses, 32-byte words, bounded integers."""

from __future__ import annotations

from typing import Self

from penstock.protocol.crypto import keccak
from penstock.protocol.errors import AmountOutOfRange, MalformedField

UINT32_MAX = 2**32 - 1
UINT40_MAX = 2**40 - 1
UINT64_MAX = 2**64 - 1
UINT88_MAX = 2**88 - 1
UINT96_MAX = 2**96 - 1
UINT128_MAX = 2**128 - 1
INT128_MIN = -(2**127)
INT128_MAX = 2**127 - 1
DEPOSIT_MAX = 2**95 - 1
"""The most either side may deposit, in the token's smallest unit (docs/protocol.md, section 2)."""


def parse_hex(text: object, field: str, size: int) -> bytes:
    """Read exactly ``size`` bytes of 0x-hex.

    Raises
    ------
    MalformedField
        Not a string, no ``0x``, not hex, or another length.
    """
    expected = f"0x and {2 * size} hex digits"
    if not isinstance(text, str) or not text.startswith("0x"):
        raise MalformedField(field, repr(text)[:80], expected)
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        raw = b""
    # bytes.fromhex skips white space, so the text's length is compared as well.
    if len(raw) != size or len(text) != 2 + 2 * size:
        raise MalformedField(field, repr(text)[:80], expected)
    return raw


class _Word(bytes):
    """Bytes of one fixed size."""

    __slots__ = ()
    size = 0

    def __new__(cls, value: bytes) -> Self:
        """Check the size; a wrong one is our own bug, since `parse` guards the door."""
        assert len(value) == cls.size, f"{cls.__name__} takes {cls.size} bytes, not {len(value)}"
        return super().__new__(cls, value)

    @classmethod
    def parse(cls, text: object, field: str) -> Self:
        """Read 0x-hex from outside; raises `MalformedField`."""
        return cls(parse_hex(text, field, cls.size))

    def __str__(self) -> str:
        """Return 0x-hex."""
        return "0x" + self.hex()

    __repr__ = __str__


class Bytes32(_Word):
    """A 32-byte word: a digest, a root, a channel id, a cause id."""

    __slots__ = ()
    size = 32


class Address(_Word):
    """A 20-byte account address, printed with its EIP-55 checksum."""

    __slots__ = ()
    size = 20

    @classmethod
    def parse(cls, text: object, field: str) -> Self:
        """Read an address; one in mixed case must carry the right EIP-55 checksum.

        Raises
        ------
        MalformedField
            Not 20 bytes of 0x-hex, or a wrong checksum.
        """
        address = cls(parse_hex(text, field, cls.size))
        digits = str(text)[2:]
        mixed = digits not in (digits.lower(), digits.upper())
        if mixed and str(address) != text:
            raise MalformedField(field, str(text), f"the EIP-55 checksum {address!s}")
        return address

    def __str__(self) -> str:
        """Return 0x-hex with the EIP-55 checksum."""
        digits = self.hex()
        marks = keccak(digits.encode()).hex()
        return "0x" + "".join(d.upper() if m >= "8" else d for d, m in zip(digits, marks, strict=False))

    __repr__ = __str__


ZERO_ADDRESS = Address(bytes(20))
ZERO_WORD = Bytes32(bytes(32))


def check_range(value: int, field: str, minimum: int, maximum: int) -> int:
    """Return ``value`` if it is an integer within the bounds, both included; raises `AmountOutOfRange`.

    Whatever the types promise: neither a float nor a truth value is money.
    """
    if type(value) is not int or not minimum <= value <= maximum:
        raise AmountOutOfRange(field, value, minimum, maximum)
    return value


def parse_int(text: object, field: str, minimum: int, maximum: int) -> int:
    """Read a decimal string into an integer within the bounds, both included.

    Raises
    ------
    MalformedField
        Not a string of decimal digits in its one canonical form (no sign but ``-``, no leading zero).
    AmountOutOfRange
        Outside the bounds.
    """
    # 80 characters hold every 256-bit figure; longer input would cost quadratic time to convert.
    digits = text.removeprefix("-") if isinstance(text, str) else ""
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 80  # noqa: PLR2004
    if not plain or str(int(digits)) != digits or text == "-0":
        raise MalformedField(field, repr(text)[:80], "a whole number as a decimal string")
    return check_range(int(str(text)), field, minimum, maximum)
