import gzip
import hashlib

import pytest

from oracle.model import Reason
from oracle.probes.exchange import Response
from oracle.probes.integrity import Expected, cap_of, expect, judge
from tests.fixtures.hostile import released

NOW, BEFORE, OTHER = b"now", b"the release before", b"bad"
FILE, PREVIOUS = released("a.txt", NOW), released("a.txt", BEFORE)
EXPECTED = Expected("a.txt", (FILE,), (PREVIOUS,))


def got(body: bytes, status: int = 200, decoded: bytes | None = None) -> Response:
    return Response(
        "http://x/a.txt",
        "1.2.3.4",
        status=status,
        sha256=hashlib.sha256(body).hexdigest(),
        length=len(body),
        decoded_sha256=None if decoded is None else hashlib.sha256(decoded).hexdigest(),
        headers={} if decoded is None else {"content-encoding": "gzip"},
    )


def failed(reason: Reason, length: int = 0) -> Response:
    return Response("http://x/a.txt", "1.2.3.4", length=length, reason=reason, detail="why")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (got(NOW), Reason.UP),
        (got(BEFORE), Reason.STALE_RELEASE),
        (got(OTHER), Reason.WRONG_BYTES),
        (got(b""), Reason.WRONG_BYTES),
        (got(NOW, status=404), Reason.HTTP_STATUS),
        (got(NOW, status=206), Reason.HTTP_STATUS),
        (got(b"", status=304), Reason.HTTP_STATUS),
        (got(gzip.compress(NOW, mtime=0), decoded=NOW), Reason.PROTOCOL),
        (got(gzip.compress(BEFORE, mtime=0), decoded=BEFORE), Reason.PROTOCOL),
        (got(gzip.compress(OTHER, mtime=0), decoded=OTHER), Reason.WRONG_BYTES),
        (failed(Reason.TIMEOUT), Reason.TIMEOUT),
        (failed(Reason.NOT_MEASURED), Reason.NOT_MEASURED),
        (failed(Reason.TOO_LARGE, len(BEFORE) + 1), Reason.WRONG_BYTES),
        (failed(Reason.TOO_LARGE, len(BEFORE)), Reason.TOO_LARGE),
    ],
)
def test_only_the_released_bytes_are_up(response: Response, reason: Reason) -> None:
    assert judge(response, EXPECTED)[0] is reason


def test_the_bytes_of_every_release_that_counts_are_right() -> None:
    both = Expected("a.txt", (FILE, PREVIOUS))
    assert judge(got(BEFORE), both)[0] is Reason.UP
    assert judge(got(OTHER), both)[0] is Reason.WRONG_BYTES


def test_a_file_that_did_not_change_is_up_even_when_the_release_before_is_stale() -> None:
    assert judge(got(NOW), Expected("a.txt", (FILE,), (FILE,)))[0] is Reason.UP


def test_bytes_of_no_release_that_is_known_are_wrong() -> None:
    assert judge(got(BEFORE), expect(FILE))[0] is Reason.WRONG_BYTES


@pytest.mark.parametrize(
    ("status", "reason"), [(404, Reason.NOT_MEASURED), (410, Reason.NOT_MEASURED), (403, Reason.HTTP_STATUS)]
)
def test_absence_says_nothing_where_a_release_that_counts_has_no_such_file(status: int, reason: Reason) -> None:
    assert judge(got(b"", status), Expected("a.txt", (FILE,), may_be_absent=True))[0] is reason
    assert judge(got(b"", status), EXPECTED)[0] is Reason.HTTP_STATUS


def test_an_answer_may_be_packed_where_that_was_asked_for() -> None:
    for body, reason in ((NOW, Reason.UP), (BEFORE, Reason.STALE_RELEASE), (OTHER, Reason.WRONG_BYTES)):
        assert judge(got(gzip.compress(body, mtime=0), decoded=body), EXPECTED, may_be_packed=True)[0] is reason


def test_a_released_file_that_is_packed_is_up_as_it_was_sent() -> None:
    """Many servers name the encoding of a `.gz` file; what is inside was never released."""
    packed = gzip.compress(NOW, mtime=0)
    held = Expected("a.gz", (released("a.gz", packed),), (released("a.gz", gzip.compress(BEFORE, mtime=0)),))
    for in_browser in (True, False):
        assert judge(got(packed, decoded=NOW), held, may_be_packed=in_browser)[0] is Reason.UP
        older = got(gzip.compress(BEFORE, mtime=0), decoded=BEFORE)
        assert judge(older, held, may_be_packed=in_browser)[0] is Reason.STALE_RELEASE
    assert judge(got(gzip.compress(packed, mtime=0), decoded=packed), held, may_be_packed=True)[0] is Reason.UP
    assert judge(got(gzip.compress(OTHER, mtime=0), decoded=OTHER), held, may_be_packed=True)[0] is Reason.WRONG_BYTES


def test_every_deduction_says_what_was_seen() -> None:
    for response in (got(OTHER), got(b"longer than it"), got(NOW, 500), got(gzip.compress(NOW, mtime=0), decoded=NOW)):
        assert 0 < len(judge(response, EXPECTED)[1]) <= 200


def test_enough_is_read_to_tell_released_bytes_from_longer_ones() -> None:
    assert len(BEFORE) < cap_of(EXPECTED, 10_000) < 2_000
    assert len(NOW) < cap_of(expect(FILE), 10_000) < 2_000
    assert cap_of(EXPECTED, 2) == 2
