import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oracle.model import Reason
from oracle.probes.engine import Request, Response, fetch_all
from tests.fixtures.hostile import (
    Behaviour,
    Hostile,
    answer,
    certificate,
    closed_port,
    endless,
    in_turn,
    junk_certificate,
    resets,
    says,
    serves,
    silent,
    zipped,
)

BODY = b"the right bytes"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def fetch(server: Hostile, path: str = "/file", **options: Any) -> Response:
    request = Request(server.url + path, server.address, timeout_ms=2_000, max_bytes=1_000)
    return fetch_all([replace(request, **options)], 5.0)[0]


def test_a_good_answer_is_hashed_and_timed() -> None:
    with Hostile(serves({"file": BODY})) as server:
        response = fetch(server, keep_body=True)
    assert (response.status, response.body, response.length) == (200, BODY, len(BODY))
    assert response.sha256 == "a3580425cdf75097ce23009719cdfc5122bb108be11c1eee8aeca7dc8a027204"
    assert (response.reason, response.attempts, response.address) == (None, 1, "127.1.1.1")
    assert 0 < response.phases.connect_ms <= response.phases.first_byte_ms <= response.phases.total_ms < 2_000


def test_a_chunked_answer_is_the_same_body() -> None:
    with Hostile(says(CHUNKED + b"4\r\nthe \r\nb;x=y\r\nright bytes\r\n0\r\n\r\n")) as server:
        assert fetch(server, keep_body=True).body == BODY


@pytest.mark.parametrize(
    ("behave", "reason", "told"),
    [
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.PROTOCOL, "HTTP/0.9"),
        (says(b"\x00\xff" * 500), Reason.PROTOCOL, "HTTP/0.9"),
        (says(b"HTTP/1.1 2x0 OK\r\n\r\n"), Reason.PROTOCOL, ""),
        (says(b"HTTP/1.1 200 OK\r\nno colon at all\r\n\r\nbody"), Reason.PROTOCOL, ""),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), Reason.PROTOCOL, ""),
        (says(CHUNKED + b"zz\r\nabc\r\n"), Reason.PROTOCOL, "chunk"),
        (says(CHUNKED + b"ffffffffffffffffffffff\r\nabc\r\n"), Reason.PROTOCOL, "chunk"),
        (says(CHUNKED + b"5\r\nab"), Reason.PROTOCOL, ""),
        (says(answer(BODY)[:-3]), Reason.PROTOCOL, "3 bytes missing"),
        (says(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), Reason.PROTOCOL, "cut off in the headers"),
        (says(b"HTTP/1.1 200 OK\r\nServer: x"), Reason.PROTOCOL, "cut off in the headers"),
        (says(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n"), Reason.PROTOCOL, "cut off in the headers"),
        (endless(b"a" * 64_000, CHUNKED + b"1;x="), Reason.TOO_LARGE, "on the wire"),
        (resets(answer(BODY)[:-3]), Reason.PROTOCOL, "reset"),
        (resets(), Reason.CONNECT, "reset"),
        (says(), Reason.CONNECT, "Empty"),
        (silent, Reason.TIMEOUT, "timed out"),
        (endless(b"x", b"HTTP/1.1 200 OK\r\n\r\n", 0.05), Reason.TIMEOUT, "timed out"),
        (endless(b"X-A: b\r\n" * 100, b"HTTP/1.1 200 OK\r\n"), Reason.PROTOCOL, "headers of more than 16384"),
        (endless(b"a" * 1000, b"HTTP/1.1 200 OK\r\nX: "), Reason.PROTOCOL, ""),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), Reason.PROTOCOL, "headers of more than 16384"),
        (endless(b"5\r\nabcde\r\n" * 100, CHUNKED), Reason.TOO_LARGE, "1000 bytes"),
        (endless(b"x" * 1000, b"HTTP/1.1 200 OK\r\n\r\n"), Reason.TOO_LARGE, "1000 bytes"),
        (says(answer(b"x" * 1001)), Reason.TOO_LARGE, "1000 bytes"),
        (endless(b"X-A: b\r\n" * 100, CHUNKED + b"1\r\nx\r\n0\r\n"), Reason.PROTOCOL, "headers of more than 16384"),
    ],
)
def test_a_server_that_misbehaves_has_a_reason_and_raises_nothing(behave: Behaviour, reason: Reason, told: str) -> None:
    began = time.monotonic()
    with Hostile(behave) as server:
        response = fetch(server)
    assert response.reason is reason
    assert told.lower() in response.detail.lower()
    assert 0 < len(response.detail) <= 200
    assert (response.sha256, response.body) == ("", None)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\n", CHUNKED + b"1\r\nx\r\n0\r\n"])
def test_headers_beyond_the_cap_end_the_attempt_at_the_next_look(begun: bytes) -> None:
    with Hostile(endless(b"X-A: " + b"a" * 1_000 + b"\r\n", begun, 0.01)) as server:
        response = fetch(server, timeout_ms=4_000)
    assert (response.reason, response.sha256) == (Reason.PROTOCOL, "")
    assert "headers of more than 16384" in response.detail
    assert response.phases.total_ms < 2_000


def test_an_empty_file_is_whole_however_it_is_sent() -> None:
    for piece in (answer(b""), CHUNKED + b"0\r\n\r\n", CHUNKED + b"0\r\nX: y\r\n\r\n", b"HTTP/1.1 200 OK\n\n"):
        with Hostile(says(piece)) as server:
            response = fetch(server)
        assert (response.reason, response.status, response.length) == (None, 200, 0)


def test_the_first_byte_has_a_limit_of_its_own() -> None:
    with Hostile(silent) as server:
        response = fetch(server, first_byte_timeout_ms=300)
    assert (response.reason, response.detail) == (Reason.TIMEOUT, "no first byte within 300 ms")
    assert response.phases.total_ms < 1_500
    with Hostile(says(b"", answer(BODY)[:-3], BODY[-3:], pause_s=0.25)) as server:
        assert fetch(server, first_byte_timeout_ms=600).status == 200


def test_a_refused_connection_is_connect() -> None:
    port = closed_port()
    response = fetch_all([Request(f"http://127.1.1.1:{port}/", "127.1.1.1", retries=1)], 5.0)[0]
    assert (response.reason, response.attempts) == (Reason.CONNECT, 2)


@pytest.mark.parametrize("status", ["404 Not Found", "500 No", "206 Partial Content", "304 Not Modified"])
def test_another_status_is_an_answer_whose_body_is_not_read(status: str) -> None:
    with Hostile(endless(b"x" * 1000, f"HTTP/1.1 {status}\r\n\r\n".encode())) as server:
        response = fetch(server)
    assert (response.status, response.reason) == (int(status[:3]), None)
    assert (response.length, response.sha256) == (0, "")


def test_an_answer_compressed_unasked_is_hashed_as_it_came_and_as_it_is_inside() -> None:
    with Hostile(says(zipped(BODY))) as server:
        response = fetch(server)
    assert response.decoded_sha256 == "a3580425cdf75097ce23009719cdfc5122bb108be11c1eee8aeca7dc8a027204"
    assert response.sha256 not in ("", response.decoded_sha256)


def test_a_connection_error_is_retried_once_and_an_answer_never() -> None:
    with Hostile(in_turn(resets(), says(answer(BODY)))) as server:
        assert (fetch(server, retries=1).status, len(server.asked)) == (200, 2)
    with Hostile(resets()) as server:
        assert (fetch(server, retries=1).attempts, len(server.asked)) == (2, 2)
    with Hostile(says(answer(b"", "500 No"))) as server:
        assert (fetch(server, retries=1).attempts, len(server.asked)) == (1, 1)
    with Hostile(silent) as server:
        assert (fetch(server, retries=0, timeout_ms=200).attempts, len(server.asked)) == (1, 1)


@pytest.mark.parametrize("stalls", [silent, says(b"", b"", pause_s=1.6), endless(b"", answer(BODY)[:-3], 1.6)])
def test_a_connection_that_falls_silent_gets_another_one_beside_it_within_the_same_time(stalls: Behaviour) -> None:
    with Hostile(in_turn(stalls, says(answer(BODY)))) as server:
        response = fetch(server, retries=1, timeout_ms=1_500)
        assert len(server.asked) == 2
    assert (response.reason, response.status, response.attempts) == (None, 200, 2)
    assert 500 <= response.phases.total_ms < 1_500


def test_the_first_connection_may_still_be_the_one_that_answers() -> None:
    with Hostile(in_turn(says(b"", answer(BODY), pause_s=0.8), silent)) as server:
        response = fetch(server, retries=1, timeout_ms=1_500)
    assert (response.reason, response.status, response.attempts) == (None, 200, 2)
    assert 800 <= response.phases.total_ms < 1_500


def test_a_server_that_stays_silent_has_two_connections_and_one_time_limit() -> None:
    began = time.monotonic()
    with Hostile(silent) as server:
        response = fetch(server, retries=1, timeout_ms=600)
        assert len(server.asked) == 2
    assert (response.reason, response.attempts) == (Reason.TIMEOUT, 2)
    assert time.monotonic() - began < 3


def test_a_server_that_never_falls_silent_is_asked_once_however_slow_it_is() -> None:
    with Hostile(endless(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", 0.05)) as server:
        response = fetch(server, retries=1, timeout_ms=1_800)
    assert (response.reason, response.attempts) == (Reason.TIMEOUT, 1)


@pytest.mark.parametrize("slack_s", [0.2, 1.0])
def test_a_connection_that_breaks_late_gets_no_second_time_limit(slack_s: float) -> None:
    def drips(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(10):
            connection.sendall(b"X: y\r\n")
            time.sleep(0.1)
        resets()(connection, b"")

    began = time.monotonic()
    with Hostile(in_turn(drips, silent)) as server:
        request = Request(server.url, server.address, timeout_ms=1_150, retries=1)
        response = fetch_all([request], 1.15 + slack_s)[0]
    assert time.monotonic() - began < 2.0
    assert response.reason in (Reason.TIMEOUT, Reason.PROTOCOL)


def test_a_second_connection_waits_for_room_and_nobody_gets_another_ones_answer() -> None:
    with Hostile(silent) as dead, Hostile(says(answer(BODY))) as live:
        requests = [Request(at.url, at.address, timeout_ms=400, retries=1) for at in (dead, dead, live, live)]
        responses = fetch_all(requests, 5.0, concurrency=2)
    assert [response.reason for response in responses] == [Reason.TIMEOUT, Reason.TIMEOUT, None, None]


def test_the_budget_ends_everything_and_says_what_never_had_its_time() -> None:
    began = time.monotonic()
    with Hostile(silent) as server:
        requests = [Request(server.url, server.address, delay_ms=delay) for delay in (0, 0, 450, 700)]
        responses = fetch_all(requests, 0.5, concurrency=3)
        asked = len(server.asked)
    assert time.monotonic() - began < 2
    reasons = [response.reason for response in responses]
    assert reasons == [Reason.TIMEOUT, Reason.TIMEOUT, Reason.NOT_MEASURED, Reason.NOT_MEASURED]
    assert asked <= 3


def test_a_budget_that_is_over_measures_nothing() -> None:
    assert fetch_all([Request("http://127.1.1.1/", "127.1.1.1")], -1.0)[0].reason is Reason.NOT_MEASURED
    assert fetch_all([], 1.0) == []


def test_a_request_starts_after_its_delay() -> None:
    began = time.monotonic()
    with Hostile(serves({"file": BODY})) as server:
        response = fetch(server, delay_ms=600)
    assert time.monotonic() - began >= 0.6
    assert response.phases.total_ms < 600


def test_no_more_run_at_once_than_allowed() -> None:
    with Hostile(says(b"", answer(b"ok"), pause_s=0.1)) as server:
        requests = [Request(server.url, server.address)] * 6
        began = time.monotonic()
        responses = fetch_all(requests, 5.0, concurrency=2)
    assert {response.status for response in responses} == {200}
    assert time.monotonic() - began >= 0.3


def test_one_slow_server_delays_no_other() -> None:
    with Hostile(silent) as slow, Hostile(serves({"": BODY})) as quick:
        requests = [Request(server.url + "/", server.address, timeout_ms=1_000) for server in (slow, quick)] * 20
        began = time.monotonic()
        responses = fetch_all(requests, 5.0)
    assert [response.reason for response in responses] == [Reason.TIMEOUT, None] * 20
    assert time.monotonic() - began < 4


def test_responses_come_in_the_order_of_the_requests() -> None:
    with Hostile(serves({f"{index}": b"%d" % index for index in range(50)})) as server:
        requests = [Request(f"{server.url}/{index}", server.address, keep_body=True) for index in range(50)]
        responses = fetch_all(requests, 5.0, concurrency=20)
    assert [response.body for response in responses] == [b"%d" % index for index in range(50)]


def test_ipv6_is_asked_at_its_address() -> None:
    try:
        server = Hostile(serves({"file": BODY}), "::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        response = fetch(server)
    assert (response.status, response.address) == (200, "::1")


def test_text_that_is_no_url_is_not_measured() -> None:
    for url in ("", "http://", "http://a b/", "file:///etc/passwd", "http://a\x00b/"):
        response = fetch_all([Request(url, "127.1.1.1", timeout_ms=500)], 2.0)[0]
        assert response.reason is not None
        assert response.status == 0


def test_a_certificate_that_is_trusted_for_the_host_is_read(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, host="127.1.1.1", days=30)
    with Hostile(serves({"file": BODY}), tls=context) as server:
        request = Request(server.url + "/file", server.address)
        response = fetch_all([request], 5.0, ca_file=str(trusted))[0]
    assert response.status == 200
    assert response.phases.tls_ms >= response.phases.connect_ms > 0
    assert response.certificate_expires_s is not None
    assert abs(response.certificate_expires_s - (time.time() + 30 * 86_400)) < 600


def test_what_else_a_server_sends_beside_its_certificate_is_nobodys_business(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, host="127.1.1.1", days=30)
    (tmp_path / "both.pem").write_bytes(trusted.read_bytes() + junk_certificate())
    context.load_cert_chain(tmp_path / "both.pem", tmp_path / "server.key")
    with Hostile(serves({"file": BODY}), tls=context) as server:
        request = Request(server.url + "/file", server.address, timeout_ms=3_000)
        response = fetch_all([request], 5.0, ca_file=str(trusted))[0]
    assert (response.status, response.reason) == (200, None)
    assert response.certificate_expires_s is not None


@pytest.mark.parametrize(
    ("host", "days", "trust"), [("127.1.1.1", 30, False), ("127.1.1.2", 30, True), ("127.1.1.1", -1, True)]
)
def test_a_certificate_that_is_unknown_or_for_another_or_expired_is_tls(
    tmp_path: Path, host: str, days: int, trust: bool
) -> None:
    context, trusted = certificate(tmp_path, host=host, days=days)
    with Hostile(serves({"file": BODY}), tls=context) as server:
        request = Request(server.url + "/file", server.address, retries=1)
        response = fetch_all([request], 5.0, ca_file=str(trusted) if trust else None)[0]
    assert (response.reason, response.status) == (Reason.TLS, 0)
    assert server.asked == []


def test_an_http_server_on_an_https_port_is_tls() -> None:
    with Hostile(says(answer(BODY)), any_head=True) as server:
        url = server.url.replace("http:", "https:")
        response = fetch_all([Request(url, server.address, timeout_ms=2_000)], 5.0)[0]
    assert response.reason is Reason.TLS


def test_it_works_in_a_forked_child_of_a_process_that_probed_before() -> None:
    script = """
import os, sys
from oracle.probes.engine import Request, fetch_all
request = Request(sys.argv[1], "127.1.1.1", timeout_ms=3000)
assert fetch_all([request], 5.0)[0].status == 200
child = os.fork()
if not child:
    os._exit(0 if all(r.status == 200 for r in fetch_all([request] * 20, 5.0)) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    with Hostile(serves({"file": BODY})) as server:
        done = subprocess.run([sys.executable, "-c", script, server.url + "/file"], timeout=30, check=False)
        assert len(server.asked) == 21
    assert done.returncode == 0


def test_no_descriptor_is_left_open() -> None:
    descriptors = Path("/proc/self/fd")
    with Hostile(serves({"file": BODY})) as server:
        fetch(server)
    before = len(list(descriptors.iterdir()))
    with Hostile(in_turn(resets(), silent, says(answer(BODY)))) as server:
        fetch_all([Request(server.url, server.address, timeout_ms=200, retries=1)] * 5, 1.0)
    assert len(list(descriptors.iterdir())) == before
