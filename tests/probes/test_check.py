"""A declared check holds or does not: by status, bytes, text, JSON and age."""

import hashlib
import json
from typing import Any

import pytest

from oracle.checks import MOST_BODY_BYTES, check_from_json
from oracle.model import Reason
from oracle.probes.check import AHEAD_S, judge
from oracle.probes.exchange import Response

NOW_S = 1_800_000_000
ISO = "2027-01-15T07:59:00Z"  # a minute before NOW_S
HTTP = "Fri, 15 Jan 2027 07:59:00 GMT"


def got(body: bytes, status: int = 200, modified: str | None = None) -> Response:
    headers = {} if modified is None else {"last-modified": modified}
    sha256 = hashlib.sha256(body).hexdigest()
    return Response("http://x/", "1.2.3.4", status=status, body=body, sha256=sha256, headers=headers)


def held(document: Any, **check: Any) -> tuple[Reason, str]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return judge(got(body), check_from_json({"path": "/", **check}), NOW_S)


@pytest.mark.parametrize(
    ("document", "check"),
    [
        (b"anything", {}),
        (b"hello world", {"text": "w.r"}),
        (b"hello", {"sha256": hashlib.sha256(b"hello").hexdigest()}),
        ({"a": {"b": [1, {"c/d": "x~y"}]}}, {"json": [{"at": "/a/b/1/c~1d", "equals": "x~y"}]}),
        ({"a": 0}, {"json": [{"at": "/a", "equals": 0}, {"at": "/a", "exists": True}]}),
        ({"a": None}, {"json": [{"at": "/a", "equals": None}]}),
        ({"a": True}, {"json": [{"at": "/a", "equals": True}]}),
        ({"a": "v1.2"}, {"json": [{"at": "/a", "like": "^v1[.]"}]}),
        (7, {"json": [{"at": "", "equals": 7}]}),
        ({"t": NOW_S - 60}, {"fresh": {"at": "/t", "within_s": 60}}),
        ({"t": (NOW_S - 60) * 1000}, {"fresh": {"at": "/t", "within_s": 60}}),
        ({"t": NOW_S - 59.5}, {"fresh": {"at": "/t", "within_s": 60}}),
        ({"t": ISO}, {"fresh": {"at": "/t", "within_s": 60}}),
        ({"t": ISO.removesuffix("Z")}, {"fresh": {"at": "/t", "within_s": 60}}),
        ({"t": NOW_S + AHEAD_S}, {"fresh": {"at": "/t", "within_s": 1}}),
    ],
)
def test_a_check_that_holds_is_up(document: Any, check: dict[str, Any]) -> None:
    assert held(document, **check) == (Reason.UP, "")


@pytest.mark.parametrize(
    ("document", "check", "told"),
    [
        (b"hello", {"text": "world"}, "does not match world"),
        (b"hello", {"sha256": "00" * 32}, "declared is 0000"),
        (b"<html>", {"json": [{"at": "/a", "exists": True}]}, "not JSON"),
        (b"[" * 60_000, {"json": [{"at": "/a", "exists": True}]}, "deeper"),
        ({}, {"json": [{"at": "/a", "exists": True}]}, "/a is missing"),
        ([1], {"json": [{"at": "/1", "exists": True}]}, "/1 is missing"),
        ([1], {"json": [{"at": "/x", "exists": True}]}, "/x is missing"),
        ([1], {"json": [{"at": "/٠", "exists": True}]}, "is missing"),
        ({"a": 1}, {"json": [{"at": "/a/b", "exists": True}]}, "/a/b is missing"),
        ({"a": True}, {"json": [{"at": "/a", "equals": 1}]}, "another value"),
        ({"a": 1.0}, {"json": [{"at": "/a", "equals": 1}]}, "another value"),
        ({"a": "1"}, {"json": [{"at": "/a", "equals": 1}]}, "another value"),
        ({"a": 5}, {"json": [{"at": "/a", "like": "5"}]}, "does not match"),
        ({"t": NOW_S - 61}, {"fresh": {"at": "/t", "within_s": 60}}, "61 s old"),
        ({"t": NOW_S + AHEAD_S + 1}, {"fresh": {"at": "/t", "within_s": 60}}, "ahead of its time"),
        ({"t": "yesterday"}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({"t": True}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({"t": 10**300}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({"t": 10**400}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({"t": -(10**400)}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        (b'{"t": 1e999}', {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({"t": "99999999999999-01-01"}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
        ({}, {"fresh": {"at": "/t", "within_s": 60}}, "tells no time"),
    ],
)
def test_a_check_that_does_not_hold_says_what_does_not(document: Any, check: dict[str, Any], told: str) -> None:
    reason, detail = held(document, **check)
    assert reason is Reason.CHECK_FAILED
    assert told in detail
    assert len(detail) <= 200


def test_freshness_may_stand_in_a_header() -> None:
    fresh = {"fresh": {"header": "last-modified", "within_s": 60}}
    check = check_from_json({"path": "/", **fresh})
    assert judge(got(b"", modified=HTTP), check, NOW_S)[0] is Reason.UP
    assert judge(got(b"", modified=HTTP), check, NOW_S + 1)[0] is Reason.CHECK_FAILED
    assert judge(got(b"", modified="soon"), check, NOW_S)[0] is Reason.CHECK_FAILED
    assert judge(got(b""), check, NOW_S)[0] is Reason.CHECK_FAILED


@pytest.mark.parametrize("year", ["99999999999999", "10000", "0", "-1", "9" * 4_000])
def test_a_date_beyond_the_calendar_tells_no_time(year: str) -> None:
    check = check_from_json({"path": "/", "fresh": {"header": "last-modified", "within_s": 60}})
    reason, detail = judge(got(b"", modified=f"Fri, 15 Jan {year} 07:59:00 GMT"), check, NOW_S)
    assert reason is Reason.CHECK_FAILED
    assert "last-modified" in detail


def test_the_status_is_the_declared_one() -> None:
    missing = check_from_json({"path": "/secret", "status": 403})
    assert judge(got(b"", 403), missing, NOW_S)[0] is Reason.UP
    assert judge(got(b""), missing, NOW_S) == (Reason.CHECK_FAILED, "answered 200, not 403")


def test_no_answer_keeps_its_reason_and_too_much_fails() -> None:
    check = check_from_json({"path": "/"})
    silent = Response("http://x/", "1.2.3.4", reason=Reason.TIMEOUT, detail="why")
    assert judge(silent, check, NOW_S) == (Reason.TIMEOUT, "why")
    large = Response("http://x/", "1.2.3.4", status=200, reason=Reason.TOO_LARGE, length=MOST_BODY_BYTES + 1)
    assert judge(large, check, NOW_S)[0] is Reason.CHECK_FAILED
