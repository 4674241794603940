"""A mirror counts once every file but the cold ones has been read from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from oracle.manifest import Manifest, ReleaseFile, url_path
from oracle.model import Address, Digest, MirrorId, Reason
from oracle.probes import ownership
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Request
from oracle.probes.integrity import Judgement, cap_of, judge

_CONCURRENCY = 4  # a newcomer is not to be flooded
_CHUNK = 32
_LEAST_BYTES_S = 128 * 1024
_LONGEST_DNS_S = 5.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mirror that wants to count, and the release (digest of its manifest) that it should hold."""

    mirror: MirrorId
    url: str
    operator: Address
    release: Digest
    timeout_ms: int = 10_000
    max_file_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome of a complete read: `reason` UP if every file was right, else the first fault."""

    mirror: MirrorId
    release: Digest
    reason: Reason
    detail: str = ""
    files_read: int = 0
    bytes_read: int = 0


def read_completely(
    candidate: Candidate,
    manifest: Manifest,
    *,
    budget_s: float,
    max_bytes: int = 4 * 1024**3,
    previous: Manifest | None = None,
    allow_loopback: bool = False,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> Admission:
    """Ask the host for its owner, then for every file of the release; stop at the first fault.

    NOT_MEASURED if the release has more than `max_bytes` or the `budget_s` seconds end first: not the mirror's fault.
    """
    end = time.monotonic() + budget_s
    limit_s = min(_LONGEST_DNS_S, budget_s / 3)
    located = locate([candidate.url], limit_s, allow_loopback=allow_loopback, lookup=lookup)[0]
    reason, detail = _may_begin(candidate, manifest, max_bytes, located)
    if reason is Reason.UP:
        question = ownership.request_for(located, candidate.timeout_ms)
        answer = fetch_all([question], end - time.monotonic(), ca_file=ca_file)[0]
        reason, detail = ownership.judge(answer, candidate.operator)
    if reason is not Reason.UP:
        return Admission(candidate.mirror, candidate.release, reason, detail)
    return _read(candidate, manifest, previous, located, end, ca_file)


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


def _read(
    candidate: Candidate,
    manifest: Manifest,
    previous: Manifest | None,
    located: Located,
    end: float,
    ca_file: str | None,
) -> Admission:
    before = {file.path: file for file in previous.files} if previous is not None else {}
    files_read = bytes_read = 0
    for chunk in _chunks(manifest.files):
        requests = [_request(candidate, located, file, before) for file in chunk]
        responses = fetch_all(requests, end - time.monotonic(), concurrency=_CONCURRENCY, ca_file=ca_file)
        for file, response in zip(chunk, responses, strict=True):
            bytes_read += response.length
            reason, detail = judge(response, file, before.get(file.path))
            if reason is Reason.TIMEOUT and time.monotonic() >= end:
                reason, detail = Reason.NOT_MEASURED, "the node's time for a complete read was over"
            if reason is not Reason.UP:
                told = f"{file.path}: {detail}"[:200]
                return Admission(candidate.mirror, candidate.release, reason, told, files_read, bytes_read)
            files_read += 1
    return Admission(candidate.mirror, candidate.release, Reason.UP, "", files_read, bytes_read)


def _request(candidate: Candidate, located: Located, file: ReleaseFile, before: Mapping[str, ReleaseFile]) -> Request:
    if located.base is None:
        raise ValueError("not located")
    return Request(
        located.base.join(url_path(file.path)),
        located.address,
        timeout_ms=candidate.timeout_ms + file.length * 1000 // _LEAST_BYTES_S,
        max_bytes=cap_of(file, before.get(file.path), candidate.max_file_bytes),
        retries=1,
        dns_ms=located.dns_ms,
    )


def _chunks(files: Iterable[ReleaseFile]) -> Iterable[list[ReleaseFile]]:
    rest = iter(files)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
