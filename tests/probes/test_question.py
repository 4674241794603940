"""A question knows where it goes and how its answer is judged."""

import gzip
import hashlib
import zlib

import pytest

from oracle.canary import canary
from oracle.checks import Check
from oracle.model import Address, Reason
from oracle.probes.address import BaseUrl, Located, parse_url
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Response
from oracle.probes.integrity import expect
from oracle.probes.question import (
    canary_question,
    check_question,
    cold_question,
    file_question,
    owner_question,
    route_question,
)
from oracle.probes.route import USUAL, Route
from tests.fixtures.hostile import Hostile, answer, released, says

KEY = bytes(range(32))
FILE = released("a/50% off.txt", b"half")
BASED = Located(BaseUrl("https", "m.example", 443, "/base"), "8.8.8.8", dns_ms=7)


def got(body: bytes, status: int = 200) -> Response:
    return Response("http://x", "8.8.8.8", status=status, body=body, sha256=hashlib.sha256(body).hexdigest())


def test_a_file_is_asked_for_below_the_base_and_the_owner_at_the_origin() -> None:
    asked = file_question(expect(FILE), 1_000, delay_ms=500).request(BASED, 2_000, spent_ms=200)
    assert asked is not None
    assert (asked.url, asked.address) == ("https://m.example/base/a/50%25%20off.txt", "8.8.8.8")
    assert (asked.delay_ms, asked.timeout_ms, asked.dns_ms, asked.retries) == (300, 2_000, 7, 1)
    owner = owner_question(Address("0x" + "ab" * 20)).request(BASED, 2_000)
    assert owner is not None
    assert owner.url == "https://m.example/.well-known/mirrorbond.json"


def test_what_is_not_located_is_not_asked() -> None:
    assert file_question(expect(FILE), 1_000).request(Located(reason=Reason.DNS), 2_000) is None


def test_files_and_cold_files_are_judged_by_their_bytes() -> None:
    for question in (file_question(expect(FILE), 1_000), cold_question(FILE)):
        assert question.judge(got(b"half"))[0] is Reason.UP
        assert question.judge(got(b"hale"))[0] is Reason.WRONG_BYTES


def test_a_check_is_asked_for_with_its_query_and_judged_at_its_time() -> None:
    check = Check("/hub_info?full=1", text="hub")
    asked = check_question(check, 1_000.0, delay_ms=50).request(BASED, 2_000)
    assert asked is not None
    assert asked.url == "https://m.example/base/hub_info?full=1"
    assert asked.keep_body
    assert check_question(check, 0).judge(got(b"a hub"))[0] is Reason.UP


BARE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
BARE_HUB = BARE.compress(b"a hub") + BARE.flush()


@pytest.mark.parametrize("packed", [gzip.compress(b"a hub", mtime=0), zlib.compress(b"a hub"), BARE_HUB])
def test_a_check_that_is_asked_in_a_browsers_words_may_be_packed(packed: bytes) -> None:
    encoding = "gzip" if packed.startswith(b"\x1f") else "deflate"
    check = Check("/hub_info", text="^a hub$", sha256=hashlib.sha256(b"a hub").hexdigest())
    with Hostile(says(answer(packed, content_encoding=encoding))) as server:
        located = Located(parse_url(server.url), server.address)
        for route, reason in ((USUAL, Reason.UP), (None, Reason.CHECK_FAILED)):
            question = check_question(check, 0, route=route)
            request = question.request(located, 2_000)
            assert request is not None
            assert question.judge(fetch_all([request], 5.0)[0])[0] is reason


@pytest.mark.parametrize("as_query", [False, True])
def test_only_the_primarys_own_answer_to_a_canary_is_relaying(as_query: bool) -> None:
    made = canary(KEY, b"12345678", "/a/index.html", as_query=as_query)
    question = canary_question(made)
    assert question.judge(got(made.answer))[0] is Reason.RELAYING
    assert question.judge(got(b"<p>" + made.answer + b"</p>"))[0] is Reason.RELAYING
    for other in (got(b"half"), got(b"", 404), Response("http://x", "8.8.8.8", reason=Reason.TIMEOUT)):
        assert question.judge(other)[0] is Reason.NOT_MEASURED
    assert made.answer.decode() not in question.url_path
    assert question.shown.count("?") == 0


def test_a_route_works_if_anything_answers() -> None:
    question = route_question(USUAL)
    assert question.judge(got(b"", 500))[0] is Reason.UP
    assert question.judge(Response("http://x", "8.8.8.8", reason=Reason.CONNECT))[0] is Reason.CONNECT


def test_a_route_is_a_proxy_or_a_source() -> None:
    assert Route.parse("socks5://10.0.0.1:1080") == Route(proxy="socks5://10.0.0.1:1080")
    assert Route.parse("eth1") == Route(source="eth1")
