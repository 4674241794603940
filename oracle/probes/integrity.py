"""Are these the released bytes?"""

from __future__ import annotations

from oracle.manifest import ReleaseFile
from oracle.model import Reason
from oracle.probes.exchange import Response

_ROOM = 1_024
Judgement = tuple[Reason, str]


def judge(
    response: Response, expected: ReleaseFile, previous: ReleaseFile | None = None, *, previous_counts: bool = False
) -> Judgement:
    """What an answer says of the server that should hold `expected`, with a sentence for people.

    `previous` is the same path in the release before; its bytes are STALE_RELEASE, or UP while `previous_counts`.
    """
    if response.reason is Reason.TOO_LARGE and response.length > _longest(expected, previous):
        return Reason.WRONG_BYTES, f"longer than the {expected.length} bytes released"
    if response.reason is not None:
        return response.reason, response.detail
    if response.status != 200:
        return Reason.HTTP_STATUS, f"answered {response.status}"
    if response.sha256 == expected.sha256:
        return Reason.UP, ""
    if previous is not None and response.sha256 == previous.sha256:
        return (Reason.UP, "the release before") if previous_counts else (Reason.STALE_RELEASE, "the release before")
    if response.decoded_sha256 in {file.sha256 for file in (expected, previous) if file is not None}:
        encoding = response.headers.get("content-encoding", "")
        return Reason.PROTOCOL, f"released bytes, but {encoding}-encoded, which was not asked for"
    if response.length != expected.length:
        return Reason.WRONG_BYTES, f"{response.length} bytes, released are {expected.length}"
    return Reason.WRONG_BYTES, f"sha256 {response.sha256}, released is {expected.sha256}"


def cap_of(expected: ReleaseFile, previous: ReleaseFile | None, most: int) -> int:
    """How many bytes to read at most, never over `most`: enough to tell released bytes from longer ones, and from
    their own compressed form, which may be a little longer."""
    longest = _longest(expected, previous)
    return min(most, longest + longest // 1_000 + _ROOM)


def _longest(expected: ReleaseFile, previous: ReleaseFile | None) -> int:
    return max(expected.length, previous.length if previous is not None else 0)
