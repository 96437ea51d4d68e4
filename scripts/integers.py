"""Refute a question about bit vectors as one about integers, where sums keep their laws.

Usage: scripts/integers.py <query.smt2>

Prints "unsat" if the integers allow no answer, else "unknown". A solver of bit vectors takes minutes for four parts
that add up to the whole, and longer the more bits they have; one of integers sees it at once, whatever their size.
A term that is no sum, product or quotient by a constant stands for any integer of its width: that loses answers
"unsat", and never adds one.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import z3

# z3's older and newer solver of arithmetic. The older is mostly ten times as quick, the newer is better at products;
# either is lost now and then with one seed, and at once through with the next.
SOLVERS = (2, 6)
FIRST_LIMIT_MS = 500
LAST_LIMIT_MS = 1 << 20

Comparison = Callable[[z3.ArithRef, z3.ArithRef], z3.BoolRef]

UNSIGNED: dict[int, Comparison] = {
    z3.Z3_OP_ULT: operator.lt,
    z3.Z3_OP_ULEQ: operator.le,
    z3.Z3_OP_UGT: operator.gt,
    z3.Z3_OP_UGEQ: operator.ge,
}
SIGNED: dict[int, Comparison] = {
    z3.Z3_OP_SLT: operator.lt,
    z3.Z3_OP_SLEQ: operator.le,
    z3.Z3_OP_SGT: operator.gt,
    z3.Z3_OP_SGEQ: operator.ge,
}
CONNECTIVES: dict[int, Callable[..., z3.BoolRef]] = {
    z3.Z3_OP_TRUE: lambda: z3.BoolVal(True),  # noqa: FBT003 (z3's own signature)
    z3.Z3_OP_FALSE: lambda: z3.BoolVal(False),  # noqa: FBT003
    z3.Z3_OP_AND: z3.And,
    z3.Z3_OP_OR: z3.Or,
    z3.Z3_OP_NOT: z3.Not,
    z3.Z3_OP_IMPLIES: z3.Implies,
    z3.Z3_OP_XOR: z3.Xor,
    z3.Z3_OP_ITE: z3.If,
}
BITWISE = {z3.Z3_OP_BAND, z3.Z3_OP_BOR, z3.Z3_OP_BXOR, z3.Z3_OP_BMUL}
TRANSPARENT = BITWISE | {z3.Z3_OP_BNOT, z3.Z3_OP_EXTRACT, z3.Z3_OP_CONCAT}


@dataclass(frozen=True, slots=True)
class Figure:
    """What a term of `width` bits is, but for a multiple of 2^width: an integer between `low` and `high`."""

    value: z3.ArithRef
    low: int
    high: int
    width: int

    @property
    def is_constant(self) -> bool:
        """Say whether it is one integer only."""
        return self.low == self.high

    def unsigned(self) -> Figure:
        """Return the same with a value between 0 and 2^width - 1."""
        return self._from(0)

    def signed(self) -> Figure:
        """Return the same with a value between -2^(width - 1) and 2^(width - 1) - 1."""
        return self._from(-(1 << self.width - 1))

    def _from(self, least: int) -> Figure:
        modulus = 1 << self.width
        most = least + modulus - 1
        if self.is_constant:
            return _constant((self.low - least) % modulus + least, self.width)
        if least <= self.low and self.high <= most:
            return self
        if self.low < least - modulus or most + modulus < self.high:
            return Figure((self.value - least) % modulus + least, least, most, self.width)
        value = self.value
        if self.low < least:
            value = z3.If(self.value < least, self.value + modulus, value)
        if most < self.high:
            value = z3.If(self.value > most, self.value - modulus, value)
        return Figure(value, least, most, self.width)


def _constant(value: int, width: int) -> Figure:
    return Figure(z3.IntVal(value), value, value, width)


def _sum(parts: list[Figure], width: int) -> Figure:
    value = z3.Sum([part.value for part in parts])
    return Figure(value, sum(part.low for part in parts), sum(part.high for part in parts), width)


def _times(factor: int, figure: Figure) -> Figure:
    ends = (factor * figure.low, factor * figure.high)
    return Figure(factor * figure.value, min(ends), max(ends), figure.width)


def _joined(parts: list[Figure], width: int) -> Figure:
    shifted = []
    shift = width
    for part in parts:
        shift -= part.width
        shifted.append(_times(1 << shift, part.unsigned()))
    return _sum(shifted, width)


def _extracted(figure: Figure, lowest: int, width: int) -> Figure:
    # What is known but for multiples of a power of two is so for a smaller one.
    return replace(_quotient(figure, 1 << lowest) if lowest else figure, width=width)


def _product(parts: list[Figure], width: int) -> Figure:
    low, high = 1, 1
    for part in parts:
        ends = [one * other for one in (low, high) for other in (part.low, part.high)]
        low, high = min(ends), max(ends)
    return Figure(z3.Product([part.value for part in parts]), low, high, width)


def _quotient(figure: Figure, divisor: int) -> Figure:
    whole = figure.unsigned()
    return Figure(whole.value / divisor, whole.low // divisor, whole.high // divisor, whole.width)


def _remainder(figure: Figure, divisor: int) -> Figure:
    return Figure(figure.unsigned().value % divisor, 0, divisor - 1, figure.width)


ARITHMETIC: dict[int, Callable[[z3.BitVecRef, list[Figure]], Figure]] = {
    z3.Z3_OP_BNUM: lambda term, _: _constant(term.as_signed_long(), term.size()),
    z3.Z3_OP_BADD: lambda term, parts: _sum(parts, term.size()),
    z3.Z3_OP_BSUB: lambda term, parts: _sum([parts[0], *(_times(-1, part) for part in parts[1:])], term.size()),
    z3.Z3_OP_BMUL: lambda term, parts: _product(parts, term.size()),
    z3.Z3_OP_BNEG: lambda _, parts: _times(-1, parts[0]),
    z3.Z3_OP_BNOT: lambda term, parts: _sum([_constant(-1, term.size()), _times(-1, parts[0])], term.size()),
    z3.Z3_OP_CONCAT: lambda term, parts: _joined(parts, term.size()),
    z3.Z3_OP_ZERO_EXT: lambda term, parts: replace(parts[0].unsigned(), width=term.size()),
    z3.Z3_OP_SIGN_EXT: lambda term, parts: replace(parts[0].signed(), width=term.size()),
    z3.Z3_OP_EXTRACT: lambda term, parts: _extracted(parts[0], term.params()[1], term.size()),
}
DIVISIONS: dict[int, Callable[[Figure, int], Figure]] = {
    z3.Z3_OP_BUDIV: _quotient,
    z3.Z3_OP_BUDIV_I: _quotient,
    z3.Z3_OP_BUREM: _remainder,
    z3.Z3_OP_BUREM_I: _remainder,
}


class Translation:
    """The integers' counterpart of formulas and terms, each translated once."""

    def __init__(self) -> None:
        self.axioms: list[z3.BoolRef] = []
        # By z3's number for what is translated, which stands beside: z3 gives a number anew once its owner is gone.
        self._claims: dict[int, tuple[z3.BoolRef, z3.BoolRef]] = {}
        self._figures: dict[int, tuple[z3.BitVecRef, Figure]] = {}

    def claim(self, formula: z3.BoolRef) -> z3.BoolRef:
        """Return what `formula` says of the integers: true wherever the bits make it so, false wherever they do not."""
        if formula.get_id() not in self._claims:
            self._claims[formula.get_id()] = formula, self._claim(formula)
        return self._claims[formula.get_id()][1]

    def figure(self, term: z3.BitVecRef) -> Figure:
        """Return the integer that a term of bits stands for."""
        if term.get_id() not in self._figures:
            self._figures[term.get_id()] = term, self._figure(term)
        return self._figures[term.get_id()][1]

    def check(self, formulas: Iterable[z3.BoolRef], *, limit_ms: int, solver: int = SOLVERS[0], seed: int = 0) -> Any:
        """Ask z3 once whether integers can be as the formulas say; unless they can, no bits can."""
        asked = z3.SimpleSolver()
        asked.set(**{"arith.solver": solver, "random_seed": seed, "timeout": limit_ms})
        asked.add([self.claim(formula) for formula in formulas])
        asked.add(self.axioms)
        return asked.check()

    def _claim(self, formula: z3.BoolRef) -> z3.BoolRef:
        kind, parts = formula.decl().kind(), formula.children()
        if kind in CONNECTIVES:
            return CONNECTIVES[kind](*map(self.claim, parts))
        if kind in UNSIGNED:
            return UNSIGNED[kind](*(self.figure(part).unsigned().value for part in parts))
        if kind in SIGNED:
            return SIGNED[kind](*(self.figure(part).signed().value for part in parts))
        if kind in {z3.Z3_OP_EQ, z3.Z3_OP_DISTINCT} and len(parts) == 2:  # noqa: PLR2004 (a pair)
            equal = self._equal(*parts)
            return equal if kind == z3.Z3_OP_EQ else z3.Not(equal)
        return z3.FreshBool()

    def _equal(self, left: z3.ExprRef, right: z3.ExprRef) -> z3.BoolRef:
        if z3.is_bool(left):
            return self.claim(left) == self.claim(right)
        if not z3.is_bv(left):
            return z3.FreshBool()
        one, other = self.figure(left), self.figure(right)
        modulus = 1 << one.width
        if one.high - other.low < modulus and other.high - one.low < modulus:
            return one.value == other.value
        return one.unsigned().value == other.unsigned().value

    def _figure(self, term: z3.BitVecRef) -> Figure:
        kind, width, parts = term.decl().kind(), term.size(), term.children()
        if kind in BITWISE and (condition := _condition_in(term)) is not None:
            branches = [_given(term, condition, value) for value in (z3.BoolVal(True), z3.BoolVal(False))]  # noqa: FBT003
            return self._choice(condition, *branches)
        if kind == z3.Z3_OP_ITE:
            return self._choice(*parts)
        figures = [self.figure(part) for part in parts if z3.is_bv(part)]
        if kind in ARITHMETIC:
            return ARITHMETIC[kind](term, figures)
        if kind in DIVISIONS and (divisor := figures[1].unsigned()).is_constant and divisor.low != 0:
            return DIVISIONS[kind](figures[0], divisor.low)
        return self._any(kind, figures, width)

    def _choice(self, condition: z3.BoolRef, then: z3.BitVecRef, otherwise: z3.BitVecRef) -> Figure:
        one, other = self.figure(then), self.figure(otherwise)
        value = z3.If(self.claim(condition), one.value, other.value)
        return Figure(value, min(one.low, other.low), max(one.high, other.high), one.width)

    def _any(self, kind: int, figures: list[Figure], width: int) -> Figure:
        """Return any integer of that width; of a bitwise "or" or "and" it is known what it cannot be."""
        value = z3.FreshInt()
        self.axioms += [value >= 0, value < 1 << width]
        parts = [part.unsigned().value for part in figures]
        if kind == z3.Z3_OP_BOR:
            self.axioms += [value >= part for part in parts]
            self.axioms.append(value <= z3.Sum(parts))
        if kind == z3.Z3_OP_BAND:
            self.axioms += [value <= part for part in parts]
        return Figure(value, 0, (1 << width) - 1, width)


def _condition_in(term: z3.ExprRef) -> z3.BoolRef | None:
    """Return a condition that a bitwise term hangs on, as ``b ^ ((a ^ b) * (c ? 1 : 0))`` on ``c``."""
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        part = waiting.pop()
        if part.decl().kind() == z3.Z3_OP_ITE:
            return part.arg(0)
        if part.decl().kind() in TRANSPARENT and part.get_id() not in seen:
            seen.add(part.get_id())
            waiting += part.children()
    return None


def _given(term: z3.BitVecRef, condition: z3.BoolRef, value: z3.BoolRef) -> z3.BitVecRef:
    return z3.simplify(z3.substitute(term, (condition, value)))


def refutes(query: str) -> bool:
    """Say whether no integers satisfy the query, and so no bits do; while z3 does not know it is asked for longer."""
    parsed = z3.Solver()
    parsed.from_string(query)
    translation = Translation()
    limit, answer = FIRST_LIMIT_MS, z3.unknown
    while answer == z3.unknown and limit <= LAST_LIMIT_MS:
        for solver in SOLVERS:
            answer = translation.check(parsed.assertions(), limit_ms=limit, solver=solver, seed=limit)
            if answer != z3.unknown:
                break
        limit *= 2
    return bool(answer == z3.unsat)


def main(path: str) -> int:
    """Print what the usage says."""
    query, end, rest = Path(path).read_text(encoding="utf-8").partition("(check-sat)")
    if not end or rest.split() not in ([], ["(get-model)"]):
        sys.exit(f"penstock: {path} does not end with the only question that it asks")
    sys.stdout.write("unsat\n" if refutes(query) else "unknown\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
