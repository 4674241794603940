"""Where a redirect leads a probe, and what of it is no address at all."""

import socket

import pytest

from oracle.model import Reason
from oracle.probes import engine as engine_module
from oracle.probes.engine import Request, Response, fetch_all
from oracle.probes.handle import Handle
from tests.fixtures.hostile import Hostile, answer, in_turn, says, serves

BODY = b"the right bytes"


def fetch(server: Hostile, *, timeout_ms: int = 2_000, retries: int = 0) -> Response:
    request = Request(
        f"{server.url}/file", server.address, timeout_ms, max_bytes=1_000, keep_body=True, retries=retries
    )
    return fetch_all([request], 5.0)[0]


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, location=location, set_cookie="a=b")


def test_a_redirect_on_the_host_is_followed_over_a_new_connection_without_cookies() -> None:
    with Hostile(in_turn(says(redirect("/other?x=1#y")), says(answer(BODY)))) as server:
        response = fetch(server)
    assert response.body == BODY
    assert server.paths() == ["/file", "/other?x=1"]
    assert b"cookie" not in server.asked[1].lower()
    assert b"referer" not in server.asked[1].lower()


def test_redirects_end_after_three() -> None:
    with Hostile(says(redirect("/again"))) as server:
        response = fetch(server)
    assert (response.reason, response.detail) == (Reason.REDIRECT, "more than 3 redirects")
    assert len(server.asked) == 4


def test_redirects_share_one_time_limit() -> None:
    with Hostile(says(b"", redirect("/again"), pause_s=0.3)) as server:
        response = fetch(server, timeout_ms=500)
    assert response.reason is Reason.TIMEOUT
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "location", [b"http://\xff\xfe/", b"//\xff:99999/", b"http://[\xff]/", b"http://{own}/a\x01\xc3\xa9"]
)
def test_a_redirect_to_what_is_no_text_is_a_redirect_and_raises_nothing(location: bytes) -> None:
    def behave(connection: socket.socket, _head: bytes) -> None:
        own = "{}:{}".format(*connection.getsockname()).encode()
        head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location.replace(b"{own}", own)
        connection.sendall(head + b"\r\n\r\n")

    with Hostile(behave) as server:
        response = fetch(server, retries=1)
    assert (response.reason, len(server.asked)) == (Reason.REDIRECT, 1)


def test_a_redirect_to_what_libcurl_cannot_take_is_not_this_nodes_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "may_redirect", lambda _url, _location: True)
    with Hostile(says(redirect("http://127.1.1.1/a").replace(b"/a", b"/\x01\xc3\xa9"))) as server:
        assert fetch(server).reason is Reason.REDIRECT


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "gopher://127.1.1.1/", "http://u:p@127.1.1.1/", "//127.1.1.2/", "http://0x7f.1/", ""],
)
def test_no_other_redirect_is_followed(location: str) -> None:
    with Hostile(says(redirect(location))) as server:
        response = fetch(server)
    assert response.reason is Reason.REDIRECT
    assert len(server.asked) == 1


def test_a_redirect_to_another_host_opens_no_connection_to_it() -> None:
    with socket.create_server(("127.1.1.2", 0)) as listener:
        listener.setblocking(False)
        with Hostile(says(redirect(f"http://127.1.1.2:{listener.getsockname()[1]}/secret?token=1"))) as server:
            response = fetch(server)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert response.reason is Reason.REDIRECT
    assert "/secret" in response.detail
    assert "token" not in response.detail


def test_what_nobody_foresaw_is_the_end_of_one_job_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def location(_handle: Handle) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(Handle, "location", location)
    with Hostile(says(redirect("/"))) as bad, Hostile(serves({"": BODY})) as good:
        requests = [Request(server.url + "/", server.address, retries=1) for server in (bad, good)] * 3
        responses = fetch_all(requests, 5.0)
    assert [response.reason for response in responses] == [Reason.PROTOCOL, None] * 3
    assert {response.detail for response in responses} == {"", "the answer cannot be read"}
