"""Columns keep values exactly, and padded ones in the order of numbers."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from penstock.protocol.primitives import INT128_MIN, UINT64_MAX, UINT128_MAX
from penstock.storage.tables import AMOUNT_DIGITS, SEQUENCE_DIGITS, Amount, Padded

DIALECT: sa.Dialect = sqlite.dialect()
PADDED = Padded(AMOUNT_DIGITS)
SEQUENCES = Padded(SEQUENCE_DIGITS)


@given(st.integers(0, UINT128_MAX), st.integers(0, UINT128_MAX))
def test_padded_text_sorts_like_the_numbers(one: int, other: int) -> None:
    first, second = (PADDED.process_bind_param(value, DIALECT) for value in (one, other))

    assert first is not None
    assert second is not None
    assert (first < second) == (one < other)
    assert PADDED.process_result_value(first, DIALECT) == one


def test_the_highest_values_fill_their_columns() -> None:
    assert len(str(PADDED.process_bind_param(UINT128_MAX, DIALECT))) == AMOUNT_DIGITS
    assert len(str(SEQUENCES.process_bind_param(UINT64_MAX, DIALECT))) == SEQUENCE_DIGITS
    assert len(str(Amount().process_bind_param(INT128_MIN, DIALECT))) == AMOUNT_DIGITS + 1


@given(st.integers(INT128_MIN, UINT128_MAX))
def test_an_amount_comes_back(value: int) -> None:
    written = Amount().process_bind_param(value, DIALECT)

    assert Amount().process_result_value(written, DIALECT) == value
