"""Bodies are read strictly: what two parsers would read differently is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.errors import MalformedJson
from penstock.api.strict import parse_body
from penstock.protocol.errors import MalformedField, PenstockError
from penstock.protocol.wire import ProposalJson


@dataclass
class Inner:
    number: int
    flag: bool = False


@dataclass
class Outer:
    name: str
    inner: Inner
    many: list[Inner] = field(default_factory=list)
    maybe: str | None = None


def test_a_whole_object_is_read_with_its_defaults() -> None:
    raw = b'{"name": "a", "inner": {"number": 5}, "many": [{"number": 6, "flag": true}], "unknown": 1}'

    assert parse_body(raw, Outer) == Outer("a", Inner(5), [Inner(6, flag=True)])


@pytest.mark.parametrize(
    ("raw", "field_name", "got"),
    [
        (b"[]", "the body", "array"),
        (b"{}", "name", "missing"),
        (b'{"name": "a"}', "inner", "missing"),
        (b'{"name": 1, "inner": {"number": 5}}', "name", "int"),
        (b'{"name": "a", "inner": {"number": true}}', "inner.number", "bool"),
        (b'{"name": "a", "inner": {"number": "5"}}', "inner.number", "str"),
        (b'{"name": "a", "inner": {"number": 5, "flag": 1}}', "inner.flag", "int"),
        (b'{"name": "a", "inner": {"number": 5}, "many": [{"number": 1}, {}]}', "many[1].number", "missing"),
        (b'{"name": "a", "inner": {"number": 5}, "maybe": 1}', "maybe", "int"),
    ],
)
def test_a_member_of_another_type_is_named(raw: bytes, field_name: str, got: str) -> None:
    with pytest.raises(MalformedField) as caught:
        parse_body(raw, Outer)

    assert (caught.value.field, caught.value.got) == (field_name, got)


def test_a_key_that_stands_twice_is_named() -> None:
    with pytest.raises(MalformedJson, match="'number' stands twice"):
        parse_body(b'{"name": "a", "inner": {"number": 5, "number": 6}}', Outer)


@given(st.binary(max_size=200))
def test_no_bytes_get_past_the_named_errors(raw: bytes) -> None:
    with pytest.raises(PenstockError):
        parse_body(raw, ProposalJson)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)
_NEARLY = st.fixed_dictionaries(
    {"base": _ANY, "state": st.fixed_dictionaries({"sequence": _ANY, "paid": _ANY}), "signature": _ANY, "causes": _ANY}
)


@given(_ANY | _NEARLY)
def test_no_json_gets_past_the_named_errors(data: object) -> None:
    with suppress(PenstockError):
        assert isinstance(parse_body(json.dumps(data).encode(), ProposalJson), ProposalJson)
