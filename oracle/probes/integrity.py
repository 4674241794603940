"""Are these the released bytes?"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.manifest import ReleaseFile
from oracle.model import Reason
from oracle.probes.exchange import Response

_ROOM = 1_024
_ABSENT = frozenset({404, 410})
Judgement = tuple[Reason, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What may stand at a path: the file of the release that the mirror is held to, first of `right`, and those of
    other releases that count; `stale` are those of releases whose grace is over. `may_be_absent` where one of the
    releases that count has no such file: then its absence says nothing."""

    path: str
    right: tuple[ReleaseFile, ...]
    stale: tuple[ReleaseFile, ...] = ()
    may_be_absent: bool = False

    @property
    def length(self) -> int:
        """How long the file is that is asked for."""
        return self.right[0].length

    @property
    def longest(self) -> int:
        """The most bytes that any release has there."""
        return max(file.length for file in (*self.right, *self.stale))


def expect(file: ReleaseFile) -> Expected:
    """A file that only one release has."""
    return Expected(file.path, (file,))


def judge(response: Response, expected: Expected, *, may_be_packed: bool = False) -> Judgement:
    """What an answer says of the server that should hold a file, with a sentence for people. Whoever was asked in a
    browser's words may have packed it."""
    if response.reason is Reason.TOO_LARGE and response.length > expected.longest:
        return Reason.WRONG_BYTES, f"longer than the {expected.length} bytes released"
    if response.reason is not None:
        return response.reason, response.detail
    if response.status in _ABSENT and expected.may_be_absent:
        return Reason.NOT_MEASURED, f"answered {response.status}: not every release that counts has this file"
    if response.status != 200:
        return Reason.HTTP_STATUS, f"answered {response.status}"
    return _judge_bytes(_unpacked(response, expected) if may_be_packed else response, expected)


def _unpacked(response: Response, expected: Expected) -> Response:
    """What is inside of the body if that is a released file; but a released file that is itself packed is as it was
    sent, whatever is inside."""
    known = {file.sha256 for file in (*expected.right, *expected.stale)}
    if response.decoded_sha256 in known and response.sha256 not in known:
        return response._replace(sha256=response.decoded_sha256)
    return response


def _judge_bytes(response: Response, expected: Expected) -> Judgement:
    first = expected.right[0]
    if response.sha256 == first.sha256:
        return Reason.UP, ""
    if any(response.sha256 == file.sha256 for file in expected.right):
        return Reason.UP, "another release that counts"
    if any(response.sha256 == file.sha256 for file in expected.stale):
        return Reason.STALE_RELEASE, "a release before"
    if response.decoded_sha256 in {file.sha256 for file in (*expected.right, *expected.stale)}:
        encoding = response.headers.get("content-encoding", "")
        return Reason.PROTOCOL, f"released bytes, but {encoding}-encoded, which was not asked for"
    if response.length != first.length:
        return Reason.WRONG_BYTES, f"{response.length} bytes, released are {first.length}"
    return Reason.WRONG_BYTES, f"sha256 {response.sha256}, released is {first.sha256}"


def cap_of(expected: Expected, most: int) -> int:
    """How many bytes to read at most, never over `most`: enough to tell released bytes from longer ones, and from
    their own compressed form, which may be a little longer."""
    longest = expected.longest
    return min(most, longest + longest // 1_000 + _ROOM)
