"""What the integers refute, no bits can be."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from z3 import z3util

from scripts.integers import refutes

WIDTHS = st.integers(1, 5)
Function = Callable[..., Any]

OPERATIONS: tuple[Function, ...] = (
    *(operator.add, operator.sub, operator.mul),
    *(operator.and_, operator.or_, operator.xor),
    *(z3.UDiv, z3.URem, z3.LShR, operator.lshift),
    *(operator.truediv, operator.mod, z3.SRem, operator.rshift, z3.RotateLeft),
)
NEGATIONS: tuple[Function, ...] = (operator.neg, operator.invert)
EXTENSIONS: tuple[Function, ...] = (z3.ZeroExt, z3.SignExt)
CONNECTIVES: tuple[Function, ...] = (z3.And, z3.Or, z3.Implies, z3.Xor, operator.eq)
COMPARISONS: tuple[Function, ...] = (
    operator.eq,
    operator.ne,
    z3.ULT,
    z3.ULE,
    z3.UGT,
    z3.UGE,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)


def leaves(width: int) -> st.SearchStrategy[Any]:
    variables = [z3.BitVec(f"{name}{width}", width) for name in "ab"]
    return st.sampled_from(variables) | st.integers(0, (1 << width) - 1).map(lambda value: z3.BitVecVal(value, width))


@st.composite
def resized(draw: st.DrawFn, width: int, depth: int) -> Any:
    """Draw a term that is made of one of another width, or of two that together have it."""
    other = draw(WIDTHS.filter(lambda drawn: drawn != width))
    term = draw(terms(other, depth))
    if other > width:
        low = draw(st.integers(0, other - width))
        return z3.Extract(low + width - 1, low, term)
    if draw(st.booleans()):
        return z3.Concat(draw(terms(width - other, depth)), term)
    return draw(st.sampled_from(EXTENSIONS))(width - other, term)


@st.composite
def terms(draw: st.DrawFn, width: int, depth: int) -> Any:
    """Draw a term of `width` bits over two variables of each width."""
    if depth == 0:
        return draw(leaves(width))
    form = draw(st.sampled_from(["operation", "operation", "negation", "choice", "masked", "resized"]))
    if form == "resized":
        return draw(resized(width, depth - 1))
    below = terms(width, depth - 1)
    if form == "choice":
        return z3.If(draw(formulas(depth - 1)), draw(below), draw(below))
    if form == "masked":
        bit = z3.If(draw(formulas(depth - 1)), z3.BitVecVal(1, width), z3.BitVecVal(0, width))
        left, right = draw(below), draw(below)
        return right ^ ((left ^ right) * bit)
    if form == "negation":
        return draw(st.sampled_from(NEGATIONS))(draw(below))
    return draw(st.sampled_from(OPERATIONS))(draw(below), draw(below))


@st.composite
def formulas(draw: st.DrawFn, depth: int) -> Any:
    if depth == 0 and draw(st.booleans()):
        return draw(st.sampled_from([z3.Bool("p"), z3.Bool("q")]))
    if depth == 0 or draw(st.booleans()):
        width = draw(WIDTHS)
        return draw(st.sampled_from(COMPARISONS))(draw(terms(width, depth)), draw(terms(width, depth)))
    left, right = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    return draw(st.sampled_from([draw(st.sampled_from(CONNECTIVES))(left, right), z3.Not(left)]))


def query(*claims: Any) -> str:
    solver = z3.Solver()
    solver.add(*claims)
    return str(solver.sexpr())


@given(formulas(3), st.data())
@settings(max_examples=500, deadline=None)
def test_what_is_so_for_some_bits_is_so_for_the_integers(formula: Any, data: st.DataObject) -> None:
    given_bits = []
    for variable in z3util.get_vars(formula):
        if z3.is_bool(variable):
            given_bits.append((variable, z3.BoolVal(data.draw(st.booleans()))))
        else:
            bits = data.draw(st.integers(0, (1 << variable.size()) - 1))
            given_bits.append((variable, z3.BitVecVal(bits, variable.size())))
    holds = z3.is_true(z3.simplify(z3.substitute(formula, *given_bits)))

    claims = [variable == bits for variable, bits in given_bits]
    assert not refutes(query(*claims, formula if holds else z3.Not(formula)))


def split(width: int) -> tuple[Any, Any]:
    """Return a whole and what the contract's way of splitting it makes of it, in sum."""
    left, balance, locked = (z3.BitVec(name, width) for name in ("left", "balance", "locked"))
    share = z3.If(z3.ULT(left, balance), left, balance)
    paid = z3.If(z3.UGT(locked, share), z3.BitVecVal(0, width), share - locked)
    return left, paid + (share - paid) + (left - share)


@pytest.mark.parametrize("width", [16, 96, 256])
def test_four_parts_that_do_not_add_up_are_refuted_whatever_their_size(width: int) -> None:
    left, parts = split(width)

    assert refutes(query(left != parts))
    assert not refutes(query(left != parts + 1))


def test_the_lesser_of_two_without_a_branch_is_understood() -> None:
    a, b = z3.BitVecs("a b", 256)
    least = b ^ ((a ^ b) * z3.If(z3.ULT(a, b), z3.BitVecVal(1, 256), z3.BitVecVal(0, 256)))

    assert refutes(query(z3.UGT(least, a)))
    assert not refutes(query(z3.ULT(least, a)))


def test_a_share_is_never_more_than_the_whole() -> None:
    amount, share = z3.BitVec("amount", 96), z3.BitVec("share", 14)
    whole = z3.ZeroExt(160, amount)
    given = z3.UDiv(whole * z3.ZeroExt(242, share), z3.BitVecVal(10_000, 256))

    assert refutes(query(z3.ULE(share, 10_000), z3.UGT(given, whole)))
    assert not refutes(query(z3.UGT(share, 10_000), z3.UGT(given, whole)))
    assert not refutes(query(z3.UDiv(amount * 10_000, z3.BitVecVal(10_000, 96)) != amount))  # The product overflows.
