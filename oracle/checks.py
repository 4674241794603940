"""Declared checks: what a developer says of answers that no hash can fix, for an application that is more than files.

A check is data, never code. Its patterns are RE2's: whatever a stranger writes, a match takes linear time and bounded
memory. Pure: `oracle.probes.check` compares answers with checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from oracle.errors import InvalidInput
from oracle.fields import integer, list_of, object_of, refuse, text_of

MOST_CHECKS = 64
MOST_BODY_BYTES = 256 * 1024
"""A longer answer fails its check."""
MOST_TESTS = 16
_MOST_PATTERN = 500
_MOST_PATH = 1_024
_MOST_TEXT = 1_000
_MOST_MEMORY = 1 << 20
_YEAR_S = 366 * 86_400
_BODY_STATUS = 200
_PATH = re.compile(
    r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+(\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class JsonTest:
    """What stands at a JSON pointer (RFC 6901): `equals` a value, `like` a pattern found in a text, or there at all."""

    at: str
    equals: Scalar = None
    like: str = ""
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Freshness:
    """A moment that must not lie more than `within_s` back: at a JSON pointer (Unix seconds or milliseconds, or ISO
    8601), or in the header `last-modified`."""

    within_s: int
    at: str | None = None
    header: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A GET of `path` (as in a URL, with its query) and what must hold of the answer: all that is given."""

    path: str
    status: int = _BODY_STATUS
    sha256: str = ""
    text: str = ""
    json: tuple[JsonTest, ...] = ()
    fresh: Freshness | None = None

    def to_json(self) -> dict[str, Any]:
        """The check as a manifest holds it: only what is given."""
        value: dict[str, Any] = {"path": self.path, "status": self.status}
        if self.sha256:
            value["sha256"] = self.sha256
        if self.text:
            value["text"] = self.text
        if self.json:
            value["json"] = [_test_to_json(test) for test in self.json]
        if self.fresh:
            value["fresh"] = _fresh_to_json(self.fresh)
        return value


@lru_cache(maxsize=1_024)
def pattern(text: str) -> Any:
    """The compiled pattern; it is searched for in bytes.

    Raises: ValueError saying what is wrong with it.
    """
    options = re2.Options()
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(text.encode(), options)
    except re2.error as error:
        told = error.args[0] if error.args else b""
        raise ValueError(told.decode(errors="replace") if isinstance(told, bytes) else str(told)) from error


def check_from_json(value: Any, name: str = "check") -> Check:
    """A check from its JSON.

    Raises: InvalidInput naming the field, `name` first.
    """
    fields = object_of(name, value, ("path",), ("status", "sha256", "text", "json", "fresh"))
    check = Check(
        path=_path(f"{name}.path", fields["path"]),
        status=_status(f"{name}.status", fields.get("status", _BODY_STATUS)),
        sha256=_sha256(f"{name}.sha256", fields["sha256"]) if "sha256" in fields else "",
        text=_pattern(f"{name}.text", fields["text"]) if "text" in fields else "",
        json=list_of(f"{name}.json", fields.get("json", []), _test, MOST_TESTS),
        fresh=_fresh(f"{name}.fresh", fields["fresh"]) if "fresh" in fields else None,
    )
    if check.status != _BODY_STATUS and (check.sha256 or check.text or check.json or check.fresh):
        refuse(name, f"asks for more than a status of an answer other than {_BODY_STATUS}, whose body is not read")
    return check


def checks_from_json(value: Any, name: str = "checks") -> tuple[Check, ...]:
    """The checks of a manifest, or of the file that `release build` is given.

    Raises: InvalidInput naming the field, `name` first.
    """
    checks = list_of(name, value, check_from_json, MOST_CHECKS)
    if len({check.path for check in checks}) < len(checks):
        refuse(name, "has a path twice; put all that must hold of it into one check")
    return checks


def _path(name: str, value: Any) -> str:
    path = text_of(name, value, _MOST_PATH)
    if not _PATH.fullmatch(path):
        refuse(name, "must be a URL's path from its first slash on, with its query if any, percent-encoded")
    segments = path.partition("?")[0].split("/")[1:]
    if "." in segments or ".." in segments or "" in segments[:-1]:
        refuse(name, 'must hold no ".", ".." or double slash')
    if path.startswith("/.well-known/mirrorbond"):
        refuse(name, "is where each host publishes its own documents")
    return path


def _status(name: str, value: Any) -> int:
    status = integer(name, value, 200, 599)
    if 300 <= status < 400:
        refuse(name, "must not be a redirect, which is followed; name where it leads")
    return status


def _sha256(name: str, value: Any) -> str:
    digest = text_of(name, value, 64)
    if not _SHA256.fullmatch(digest):
        refuse(name, "must be 64 lower-case hexadecimal digits")
    return digest


def _pattern(name: str, value: Any) -> str:
    text = text_of(name, value, _MOST_PATTERN)
    if not text:
        refuse(name, "must not be empty")
    try:
        pattern(text)
    except ValueError as error:
        raise InvalidInput(name, f"is no pattern of RE2: {error}") from error
    return text


def _test(value: Any, name: str) -> JsonTest:
    fields = object_of(name, value, ("at",), ("equals", "like", "exists"))
    if len(fields) != 2:
        refuse(name, "must have exactly one of equals, like and exists")
    at = _pointer(f"{name}.at", fields["at"])
    if "like" in fields:
        return JsonTest(at, like=_pattern(f"{name}.like", fields["like"]))
    if "exists" in fields:
        if fields["exists"] is not True:
            refuse(f"{name}.exists", "must be true")
        return JsonTest(at, exists=True)
    return JsonTest(at, equals=_scalar(f"{name}.equals", fields["equals"]))


def _scalar(name: str, value: Any) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(name, value, -(1 << 53), 1 << 53)
    if not isinstance(value, str):
        refuse(name, "must be text, a whole number, true, false or null")
    return text_of(name, value, _MOST_TEXT)


def _pointer(name: str, value: Any) -> str:
    pointer = text_of(name, value, _MOST_TEXT)
    if pointer and not pointer.startswith("/"):
        refuse(name, "must be a JSON pointer: empty, or beginning with a slash")
    return pointer


def _fresh(name: str, value: Any) -> Freshness:
    fields = object_of(name, value, ("within_s",), ("at", "header"))
    if len(fields) != 2:
        refuse(name, "must have exactly one of at and header")
    within_s = integer(f"{name}.within_s", fields["within_s"], 1, _YEAR_S)
    if "at" in fields:
        return Freshness(within_s, at=_pointer(f"{name}.at", fields["at"]))
    if fields["header"] != "last-modified":
        refuse(f"{name}.header", "must be last-modified")
    return Freshness(within_s, header="last-modified")


def _test_to_json(test: JsonTest) -> Mapping[str, Any]:
    if test.like:
        return {"at": test.at, "like": test.like}
    return {"at": test.at, "exists": True} if test.exists else {"at": test.at, "equals": test.equals}


def _fresh_to_json(fresh: Freshness) -> Mapping[str, Any]:
    where = {"header": fresh.header} if fresh.at is None else {"at": fresh.at}
    return {**where, "within_s": fresh.within_s}
