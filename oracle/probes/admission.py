"""A mirror counts once every file but the cold ones has been read from it, and every check has held."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from oracle.manifest import Manifest, ReleaseFile
from oracle.model import Digest, MirrorId, Reason
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import fetch_all
from oracle.probes.integrity import Expected, Judgement, expect
from oracle.probes.question import Question, check_question, cold_question, file_question

_CONCURRENCY = 4  # a newcomer is not to be flooded
_CHUNK = 32
_LEAST_BYTES_S = 128 * 1024
_LONGEST_DNS_S = 5.0


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
    cold: Callable[[], ReleaseFile | None] | None = None,
    allow_loopback: bool = False,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> Admission:
    """Ask for every file of the release, for its checks and, when all else was right, for the file that `cold` gives;
    stop at the first fault.

    NOT_MEASURED if the release has more than `max_bytes` or the `budget_s` seconds end first: not the mirror's fault.
    """
    end = time.monotonic() + budget_s
    limit_s = min(_LONGEST_DNS_S, budget_s / 3)
    located = locate([candidate.url], limit_s, allow_loopback=allow_loopback, lookup=lookup)[0]
    begun = Admission(candidate.mirror, candidate.release, Reason.UP)
    reason, detail = _may_begin(candidate, manifest, max_bytes, located)
    if reason is not Reason.UP:
        return replace(begun, reason=reason, detail=detail)
    files = _chunks(_questions(candidate, manifest, expected_of), 1 if candidate.first else _CHUNK)
    chunks = chain(files, _last(cold))
    return _read(begun, chunks, candidate, located, end, ca_file)


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


def _questions(
    candidate: Candidate, manifest: Manifest, expected_of: Callable[[ReleaseFile], Expected]
) -> Iterator[Question]:
    """What failed the last time comes first: a fault that stays costs one request, not a whole read."""
    ordered = sorted(manifest.files, key=lambda file: file.path != candidate.first)
    yield from (file_question(expected_of(file), candidate.max_file_bytes) for file in ordered)
    yield from (check_question(check, time.time()) for check in manifest.checks)


def _read(
    so_far: Admission,
    chunks: Iterable[Sequence[Question]],
    candidate: Candidate,
    located: Located,
    end: float,
    ca_file: str | None,
) -> Admission:
    for chunk in chunks:
        for question, reason, detail, requests, length in _asked(chunk, candidate, located, end, ca_file):
            so_far = replace(so_far, requests=so_far.requests + requests, bytes_read=so_far.bytes_read + length)
            if reason is not Reason.UP:
                told = f"{question.shown}: {detail}"[:200]
                return replace(so_far, reason=reason, detail=told, path=question.shown)
            so_far = replace(so_far, files_read=so_far.files_read + 1)
    return so_far


def _asked(
    chunk: Sequence[Question], candidate: Candidate, located: Located, end: float, ca_file: str | None
) -> Iterator[tuple[Question, Reason, str, int, int]]:
    requests = [question.request(located, _timeout_ms(candidate, question)) for question in chunk]
    made = [request for request in requests if request is not None]
    responses = fetch_all(made, end - time.monotonic(), concurrency=_CONCURRENCY, ca_file=ca_file)
    for question, response in zip(chunk, responses, strict=True):
        reason, detail = question.judge(response)
        if reason is Reason.TIMEOUT and time.monotonic() >= end:
            reason, detail = Reason.NOT_MEASURED, "the node's time for a complete read was over"
        yield question, reason, detail, response.attempts, response.length


def _timeout_ms(candidate: Candidate, question: Question) -> int:
    return candidate.timeout_ms + question.max_bytes * 1000 // _LEAST_BYTES_S


def _last(cold: Callable[[], ReleaseFile | None] | None) -> Iterator[list[Question]]:
    """Drawn only when it is its turn: a cold file that is not asked for stays cold."""
    if cold is not None and (file := cold()) is not None:
        yield [cold_question(file)]


def _chunks(questions: Iterable[Question], first: int) -> Iterator[list[Question]]:
    rest = iter(questions)
    yield list(islice(rest, first))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
