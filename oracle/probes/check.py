"""Does a declared check hold of an answer?"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from oracle.checks import Check, Freshness, JsonTest, pattern
from oracle.errors import InvalidInput
from oracle.fields import parse_json
from oracle.model import Reason
from oracle.probes.exchange import Response, clean
from oracle.probes.integrity import Judgement

AHEAD_S = 300
"""A moment may lie so far in the future: clocks differ."""
_MILLISECONDS_FROM = 100_000_000_000
_LATEST_S = 253_402_300_800
_NOT_THERE = object()


def judge(response: Response, check: Check, now_s: float) -> Judgement:
    """UP if all of the check holds; CHECK_FAILED with the part that does not; else why there is no answer."""
    if response.reason is Reason.TOO_LARGE:
        return Reason.CHECK_FAILED, f"more than {response.length} bytes, too many for a check"
    if response.reason is not None:
        return response.reason, response.detail
    if response.status != check.status:
        return Reason.CHECK_FAILED, f"answered {response.status}, not {check.status}"
    problem = _problem(response, check, now_s)
    return (Reason.CHECK_FAILED, clean(problem)) if problem else (Reason.UP, "")


def _problem(response: Response, check: Check, now_s: float) -> str:
    body = response.body or b""
    if check.sha256 and response.sha256 != check.sha256:
        return f"sha256 {response.sha256}, declared is {check.sha256}"
    if check.text and not pattern(check.text).search(body):
        return f"does not match {check.text}"
    if not check.json and not check.fresh:
        return ""
    document: Any = _NOT_THERE
    if check.json or (check.fresh and check.fresh.at is not None):
        try:
            document = parse_json("the answer", body)
        except InvalidInput as error:
            return str(error)
    for test in check.json:
        if problem := _test_problem(_at(document, test.at), test):
            return f"{test.at or 'the document'} {problem}"
    return _age_problem(response, document, check.fresh, now_s) if check.fresh else ""


def _test_problem(value: Any, test: JsonTest) -> str:
    if value is _NOT_THERE:
        return "is missing"
    if test.exists:
        return ""
    if test.like:
        return (
            ""
            if isinstance(value, str) and pattern(test.like).search(value.encode(errors="replace"))
            else (f"does not match {test.like}")
        )
    return "" if type(value) is type(test.equals) and value == test.equals else "has another value than declared"


def _at(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, _NOT_THERE)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            return _NOT_THERE
    return value


def _age_problem(response: Response, document: Any, fresh: Freshness, now_s: float) -> str:
    told = response.headers.get(fresh.header, "") if fresh.at is None else _at(document, fresh.at)
    moment_s = _http_date(told) if fresh.at is None else _moment(told)
    where = fresh.header or fresh.at or "the document"
    if moment_s is None:
        return f"{where} tells no time"
    age_s = now_s - moment_s
    if age_s > fresh.within_s:
        return f"{where} is {int(age_s)} s old, declared are at most {fresh.within_s} s"
    return f"{where} is {int(-age_s)} s ahead of its time" if age_s < -AHEAD_S else ""


def _moment(value: Any) -> float | None:
    """Unix seconds of a number (seconds, or milliseconds) or of an ISO 8601 text, in UTC if it names no zone."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) >= 1000 * _LATEST_S:  # before it is divided: an integer may be too long for that
            return None
        return value / 1000 if abs(value) >= _MILLISECONDS_FROM else float(value)
    if not isinstance(value, str):
        return None
    try:
        told = datetime.fromisoformat(value)
    except ValueError:
        return None
    return _seconds(told)


def _http_date(value: Any) -> float | None:
    try:
        return _seconds(parsedate_to_datetime(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(told: datetime) -> float | None:
    try:
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
