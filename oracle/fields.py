"""Reading JSON that may be hostile: each check returns the value with its type, or says which field is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

from oracle.digests import checksum_address
from oracle.errors import InvalidInput
from oracle.model import Address

LARGEST = (1 << 63) - 1
"""What every database and most readers of JSON hold exactly enough."""

MOST_DEPTH = 32

T = TypeVar("T")

_BRACKET = re.compile(r"[\[\]{}]")
_STRING = re.compile(r'"(?:[^"\\]++|\\[\s\S]?)*+"?')
"""A string, or what follows a quote that none closes: it matches at every quote, so it takes linear time."""


def parse_json(name: str, text: str | bytes) -> Any:
    """The value of JSON text that may be hostile: UTF-8, no key twice, no NaN, no deep nesting.

    Raises: InvalidInput naming `name`.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode()
        _check_depth(decoded)
        return json.loads(decoded, object_pairs_hook=_once, parse_constant=_no_constant)
    except ValueError as error:
        raise InvalidInput(name, f"is not JSON: {error}") from error


def _check_depth(text: str) -> None:
    """Python's own guard is the recursion limit, which web3 (by py_ecc) raises until deep nesting kills the process."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has a key twice")
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def refuse(name: str, problem: str) -> NoReturn:
    """Say that the field `name` cannot be used. Raises: InvalidInput."""
    raise InvalidInput(name, problem)


def object_of(name: str, value: Any, needed: Sequence[str] = (), optional: Sequence[str] = ()) -> Mapping[str, Any]:
    """An object with all of the keys `needed` and no others than `optional` ones. Raises: InvalidInput."""
    if not isinstance(value, Mapping):
        refuse(name, "must be an object")
    if missing := [key for key in needed if key not in value]:
        refuse(f"{name}.{missing[0]}", "is missing")
    if unknown := [key for key in value if key not in (*needed, *optional)]:
        refuse(f"{name}.{str(unknown[0])[:60]}", "is not a field known here")
    return value


def list_of(name: str, value: Any, read: Callable[[Any, str], T], most: int) -> tuple[T, ...]:
    """A list of at most `most` items, each read by `read(item, its name)`. Raises: InvalidInput."""
    if not isinstance(value, list) or len(value) > most:
        refuse(name, f"must be a list of at most {most}")
    return tuple(read(item, f"{name}[{i}]") for i, item in enumerate(value))


def integer(name: str, value: Any, least: int = 0, most: int = LARGEST) -> int:
    """An integer (true and 1.0 are none) within `least` and `most`. Raises: InvalidInput."""
    if type(value) is not int or not least <= value <= most:
        refuse(name, f"must be an integer within {least}..{most}")
    return value


def optional_integer(name: str, value: Any) -> int | None:
    """An integer that is not negative, or null. Raises: InvalidInput."""
    return None if value is None else integer(name, value)


def boolean(name: str, value: Any) -> bool:
    """True or false. Raises: InvalidInput."""
    if not isinstance(value, bool):
        refuse(name, "must be true or false")
    return value


def text_of(name: str, value: Any, most: int) -> str:
    """Text of at most `most` characters that UTF-8 can write. Raises: InvalidInput."""
    if not isinstance(value, str) or len(value) > most:
        refuse(name, f"must be text of at most {most} characters")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        refuse(name, "has half a surrogate pair, which no file can hold")
    return value


def address_of(name: str, value: Any) -> Address:
    """An address in its one spelling, with the EIP-55 checksum. Raises: InvalidInput."""
    try:
        address = checksum_address(text_of(name, value, 42))
    except ValueError as error:
        raise InvalidInput(name, str(error)) from error
    if address != value:
        refuse(name, f"must have its checksum: {address}")
    return address


def ascending(name: str, keys: Sequence[Any]) -> None:
    """Accept keys that ascend strictly, so that a list has one order. Raises: InvalidInput."""
    if any(first >= second for first, second in pairwise(keys)):
        refuse(name, "must be in ascending order, none twice")
