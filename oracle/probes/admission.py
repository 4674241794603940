"""A mirror counts once every file but the cold ones has been read from it, and every check has held."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from oracle.manifest import Manifest, ReleaseFile
from oracle.model import PRIMARY, Digest, MirrorId, Reason
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import fetch_all
from oracle.probes.integrity import Expected, Judgement, expect
from oracle.probes.question import Question, check_question, cold_question, file_question

MOST_ADDRESSES = 4
_CONCURRENCY = 4  # at each address: a newcomer is not to be flooded
_CHUNK = 32
_LEAST_BYTES_S = 128 * 1024
_LONGEST_DNS_S = 5.0
_T = TypeVar("_T")
Cold = Callable[[], ReleaseFile | None]
Step = Sequence[tuple[Located, Question]]
"""What is asked together, and at which address."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mirror that wants to count (or the source itself, as PRIMARY), the release (digest of its manifest) that it
    should hold, and the path to begin with: where the last read failed."""

    mirror: MirrorId
    url: str
    release: Digest
    timeout_ms: int = 10_000
    max_file_bytes: int = 64 * 1024 * 1024
    first: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome of a complete read: `reason` UP if every file was right, else the first fault, at `path`."""

    mirror: MirrorId
    release: Digest
    reason: Reason
    detail: str = ""
    files_read: int = 0
    bytes_read: int = 0
    requests: int = 0
    path: str = ""


def read_completely(
    candidate: Candidate,
    manifest: Manifest,
    *,
    budget_s: float,
    max_bytes: int = 4 * 1024**3,
    expected_of: Callable[[ReleaseFile], Expected] = expect,
    cold: Cold | None = None,
    in_browser: Callable[[], bool] = lambda: False,
    allow_loopback: bool = False,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> Admission:
    """Ask for every file of the release, for its checks and, when all else was right, for the file that `cold` gives;
    stop at the first fault. Of a name with several addresses each is asked for everything, at most `MOST_ADDRESSES`,
    all at once: they take as long as one.

    For each file `in_browser` says whether it is asked for in a browser's words.

    NOT_MEASURED if the release has more than `max_bytes` or the `budget_s` seconds end first: not the mirror's fault.
    """
    end = time.monotonic() + budget_s
    limit_s = min(_LONGEST_DNS_S, budget_s / 3)
    places = _locate(candidate, limit_s, allow_loopback=allow_loopback, lookup=lookup)
    begun = Admission(candidate.mirror, candidate.release, Reason.UP)
    reason, detail = _may_begin(candidate, manifest, max_bytes, places[0])
    if reason is not Reason.UP:
        return replace(begun, reason=reason, detail=detail)
    return _read(begun, _steps(candidate, manifest, places, expected_of, cold, in_browser), candidate, end, ca_file)


def _locate(candidate: Candidate, limit_s: float, *, allow_loopback: bool, lookup: Lookup | None) -> list[Located]:
    """The addresses to read from, each as rounds ask them in turn; one only of a source."""
    located = partial(locate, [candidate.url], limit_s, allow_loopback=allow_loopback, lookup=lookup)
    turn = int(time.time())
    first = located(turn=turn)[0]
    if first.reason is not None or candidate.mirror == PRIMARY:
        return [first]
    others = (located(turn=turn + further)[0] for further in range(1, MOST_ADDRESSES))
    return list({place.address: place for place in (first, *others) if place.address}.values())


def _may_begin(candidate: Candidate, manifest: Manifest, max_bytes: int, located: Located) -> Judgement:
    if located.reason is not None:
        return located.reason, located.detail
    total = sum(file.length for file in manifest.files)
    if total > max_bytes:
        return Reason.NOT_MEASURED, f"the release has {total} bytes, a complete read at most {max_bytes}"
    longest = max((file.length for file in manifest.files), default=0)
    if longest > candidate.max_file_bytes:
        return Reason.NOT_MEASURED, f"a file has {longest} bytes, the fund allows {candidate.max_file_bytes}"
    return Reason.UP, ""


def _steps(
    candidate: Candidate,
    manifest: Manifest,
    places: Sequence[Located],
    expected_of: Callable[[ReleaseFile], Expected],
    cold: Cold | None,
    in_browser: Callable[[], bool],
) -> Iterator[Step]:
    """What failed the last time comes first, from every address: a fault that stays costs one request, not a whole
    read. It is asked in a browser's words, in which it may have failed."""
    most, first = candidate.max_file_bytes, candidate.first
    again = [file_question(expected_of(file), most, browser=True) for file in manifest.files if file.path == first]
    again += [check_question(check, time.time()) for check in manifest.checks if check.path == first]
    if again:
        yield [(place, question) for question in again for place in places]
    lacked_cold = any(file.path == first for file in manifest.cold)
    if lacked_cold:
        yield from _last(cold, places)
    files = [file for file in manifest.files if file.path != first]
    for some in _some(files, _CHUNK // len(places)):
        yield [(at, file_question(expected_of(file), most, browser=in_browser())) for file in some for at in places]
    # No more at a time than are asked at once: their ages count from when the question was made.
    for checks in _some([check for check in manifest.checks if check.path != first], _CONCURRENCY):
        yield [(place, check_question(check, time.time())) for check in checks for place in places]
    if not lacked_cold:
        yield from _last(cold, places)


def _read(so_far: Admission, steps: Iterable[Step], candidate: Candidate, end: float, ca_file: str | None) -> Admission:
    for step in steps:
        for question, reason, detail, requests, length in _asked(step, candidate, end, ca_file):
            so_far = replace(so_far, requests=so_far.requests + requests, bytes_read=so_far.bytes_read + length)
            if reason is not Reason.UP:
                told = f"{question.shown}: {detail}"[:200]
                return replace(so_far, reason=reason, detail=told, path=question.shown)
            so_far = replace(so_far, files_read=so_far.files_read + 1)
    return so_far


def _asked(
    step: Step, candidate: Candidate, end: float, ca_file: str | None
) -> Iterator[tuple[Question, Reason, str, int, int]]:
    requests = [question.request(located, _timeout_ms(candidate, question)) for located, question in step]
    made = [request for request in requests if request is not None]
    many = _CONCURRENCY * len({located.address for located, _ in step})
    responses = fetch_all(made, end - time.monotonic(), concurrency=many, ca_file=ca_file)
    for (_, question), response in zip(step, responses, strict=True):
        reason, detail = question.judge(response)
        if reason is Reason.TIMEOUT and time.monotonic() >= end:
            reason, detail = Reason.NOT_MEASURED, "the node's time for a complete read was over"
        yield question, reason, detail, response.attempts, response.length


def _timeout_ms(candidate: Candidate, question: Question) -> int:
    return candidate.timeout_ms + question.max_bytes * 1000 // _LEAST_BYTES_S


def _last(cold: Cold | None, places: Sequence[Located]) -> Iterator[Step]:
    """Drawn only when it is its turn: a cold file that is not asked for stays cold."""
    if cold is not None and (file := cold()) is not None:
        yield [(places[0], cold_question(file))]


def _some(things: Sequence[_T], many: int) -> Iterator[Sequence[_T]]:
    return (things[first : first + many] for first in range(0, len(things), many))
