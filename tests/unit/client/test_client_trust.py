"""A contract that a node names must be the one that ships, byte for byte but for its immutables."""

from __future__ import annotations

import pytest

from penstock.chain.artifacts import artifact
from penstock.client.trust import is_shipped_code

CODE = artifact("Channels").runtime
HOLE = b"\x7f" + bytes(32)


def test_immutables_may_be_anything() -> None:
    assert HOLE in CODE
    assert is_shipped_code(CODE)
    assert is_shipped_code(CODE.replace(HOLE, b"\x7f" + b"\n" * 32))


@pytest.mark.parametrize("at", [0, 100, len(CODE) // 2, len(CODE) - 1])
def test_any_other_byte_must_be_ours(at: int) -> None:
    changed = CODE[:at] + bytes((CODE[at] ^ 1,)) + CODE[at + 1 :]

    assert not is_shipped_code(changed)


@pytest.mark.parametrize("code", [b"", CODE[:-1], CODE + b"\0", b"\0" + CODE, artifact("DevUSDC").runtime])
def test_other_code_is_not_ours(code: bytes) -> None:
    assert not is_shipped_code(code)
