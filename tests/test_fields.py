"""Hostile JSON is refused field by field, and never half accepted."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from oracle.errors import InvalidInput
from oracle.fields import (
    LARGEST,
    address_of,
    ascending,
    boolean,
    integer,
    list_of,
    object_of,
    optional_integer,
    parse_json,
    text_of,
)

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": 1, "a": 2}',
        '{"a": [{"b": 1, "b": 1}]}',
        "NaN",
        "[Infinity]",
        "[" * 100_000,
        b"\xff",
        "1" * 5_000,
    ],
    ids=["empty", "cut", "key twice", "key twice inside", "NaN", "Infinity", "deep", "not UTF-8", "digits"],
)
def test_what_is_not_plain_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput, match=r"body: is not JSON"):
        parse_json("body", text)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', '"[\\"", [[', "[1,{}, "])
def test_deep_nesting_never_reaches_the_parser(opening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """web3 raises the recursion limit so far that the parser would bring the process down."""
    monkeypatch.setattr("oracle.fields.json.loads", pytest.fail)
    with pytest.raises(InvalidInput, match="nested deeper"):
        parse_json("body", opening * 50_000)


@pytest.mark.parametrize("tail", ['"' + '\\"' * 1_000_000, '"' + "\\" * 999_999, '"\\\n' * 300_000])
def test_text_that_never_ends_takes_no_longer_than_it_is_long(tail: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidInput, match="is not JSON"):
        parse_json("body", "[" * 33 + tail)
    assert time.process_time() - started < 5


def test_brackets_in_text_are_no_nesting() -> None:
    texts = ["[" * 500, "{" * 500, '\\"[' * 50, "\\"]
    assert parse_json("body", json.dumps(texts)) == texts
    assert len(parse_json("body", json.dumps([{"a": [1]}] * 5_000))) == 5_000


def test_plain_json_is_read() -> None:
    assert parse_json("body", '{"a": [1, null, "x"]}') == {"a": [1, None, "x"]}


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, LARGEST + 1])
def test_an_integer_is_one_and_in_range(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"n: must be an integer"):
        integer("n", value)


def test_an_integer_may_be_missing_only_where_that_is_said() -> None:
    assert (optional_integer("n", None), optional_integer("n", 5), integer("n", 5, 5, 5)) == (None, 5, 5)
    with pytest.raises(InvalidInput):
        optional_integer("n", -1)


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_truth_is_true_or_false(value: Any) -> None:
    with pytest.raises(InvalidInput, match="must be true or false"):
        boolean("b", value)


@pytest.mark.parametrize(
    ("value", "problem"), [(5, "must be text"), ("abcd", "at most 3"), ("a\ud800", "surrogate"), (b"a", "must be text")]
)
def test_text_is_short_and_can_be_written(value: Any, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        text_of("t", value, 3)


@pytest.mark.parametrize(
    ("value", "named"),
    [([], "o"), (None, "o"), ({"a": 1}, "o.b"), ({"a": 1, "b": 2, "d": 3}, "o.d")],
    ids=["list", "null", "missing", "unknown"],
)
def test_an_object_has_exactly_its_fields(value: Any, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        object_of("o", value, ("a", "b"), ("c",))
    assert caught.value.name == named


def test_an_object_may_have_its_optional_fields() -> None:
    assert object_of("o", {"a": 1, "c": 2}, ("a",), ("c",)) == {"a": 1, "c": 2}


@pytest.mark.parametrize("value", [{}, "ab", [1, 2, 3]])
def test_a_list_is_one_and_bounded(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"l: must be a list of at most 2"):
        list_of("l", value, lambda item, _: item, 2)


def test_an_item_of_a_list_is_named_by_its_index() -> None:
    with pytest.raises(InvalidInput) as caught:
        list_of("l", [1, "x"], lambda item, name: integer(name, item), 2)
    assert caught.value.name == "l[1]"


@pytest.mark.parametrize("value", [ADDRESS.lower(), ADDRESS[:-1], "", 5, f"{ADDRESS}\n"])
def test_an_address_has_one_spelling(value: Any) -> None:
    assert address_of("a", ADDRESS) == ADDRESS
    with pytest.raises(InvalidInput):
        address_of("a", value)


@pytest.mark.parametrize("keys", [[2, 1], [1, 1]])
def test_a_list_has_one_order(keys: list[int]) -> None:
    ascending("k", [1, 2, 5])
    with pytest.raises(InvalidInput, match="ascending"):
        ascending("k", keys)
