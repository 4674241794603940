import socket
from pathlib import Path

import pycurl
import pytest

from oracle.model import Reason
from oracle.probes.exchange import Request, Response
from oracle.probes.handle import Handle
from tests.fixtures.hostile import Hostile, answer, certificate, says


def attempt(handle: Handle, request: Request) -> tuple[Response, bool]:
    handle.prepare(request, request.url, request.timeout_ms)
    code, text = 0, ""
    try:
        handle.easy.perform()
    except pycurl.error as error:
        code, text = error.args
    return handle.result(request, code, text, 1)


def test_the_connection_goes_to_the_pinned_address_whatever_the_name_says() -> None:
    with Hostile(says(answer(b"ok")), "127.1.1.1") as server:
        response, _ = attempt(Handle(), Request(f"http://app.example:{server.port}/", server.address))
    assert (response.status, response.address) == (200, "127.1.1.1")
    assert b"Host: app.example:" in server.asked[0]


def test_a_socket_to_another_address_than_the_checked_one_is_never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.1.1.1", 0)) as listener:
        listener.setblocking(False)
        handle = Handle()
        request = Request(f"http://127.1.1.1:{listener.getsockname()[1]}/", "127.1.1.1")
        handle.prepare(request, request.url, 1000)
        monkeypatch.setattr(handle, "_pinned", "127.1.1.2")
        with pytest.raises(pycurl.error) as caught:
            handle.easy.perform()
        code, text = caught.value.args
        response, may_retry = handle.result(request, code, text, 1)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (response.reason, may_retry) == (Reason.ADDRESS_REFUSED, False)
    assert "127.1.1.1" in response.detail


def test_a_node_without_free_descriptors_does_not_blame_the_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "SocketType", full)
    response, _ = attempt(Handle(), Request("http://127.1.1.1:9/", "127.1.1.1"))
    assert response.reason is Reason.NOT_MEASURED


class Fleeting(Handle):
    """Lets go of its socket, as the other thread may, after somebody has looked at it twice."""

    looks = 0

    @property
    def _socket(self) -> socket.SocketType | None:
        self.looks += 1
        return self._there if self.looks <= 2 else None

    @_socket.setter
    def _socket(self, opened: socket.SocketType | None) -> None:
        self._there, self.looks = opened, 0


def test_a_socket_that_is_let_go_meanwhile_ends_no_thread() -> None:
    handle = Fleeting()
    with socket.socket() as opened:
        handle._socket = opened
        handle.cut(Request("http://127.1.1.1/", "127.1.1.1"))
    assert handle.looks >= 2


def test_the_request_names_nobody_and_asks_for_plain_bytes() -> None:
    with Hostile(says(answer(b"ok"))) as server:
        attempt(Handle(), Request(server.url + "/a%20b", server.address))
    lines = server.asked[0].decode().strip().split("\r\n")
    assert lines[0] == "GET /a%20b HTTP/1.1"
    assert sorted(line.partition(":")[0] for line in lines[1:]) == ["Accept", "Accept-Encoding", "Host", "User-Agent"]
    assert "Accept-Encoding: identity" in lines
    assert "mirrorbond" not in server.asked[0].decode().lower()


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_in_the_environment_is_not_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(says(answer(b"proxy")), "127.1.9.1") as proxy, Hostile(says(answer(b"ok"))) as server:
        monkeypatch.setenv(variable, proxy.url)
        response, _ = attempt(Handle(), Request(server.url, server.address, keep_body=True))
    assert response.body == b"ok"
    assert proxy.asked == []


def test_every_attempt_has_a_connection_of_its_own() -> None:
    handle = Handle()
    with Hostile(says(answer(b"ok"))) as server:
        for _ in range(3):
            attempt(handle, Request(server.url, server.address))
            assert handle.easy.getinfo(pycurl.NUM_CONNECTS) == 1


def test_a_reused_handle_forgets_the_answer_before() -> None:
    handle = Handle()
    with Hostile(says(answer(b"a", server="x"))) as first, Hostile(says(b"")) as second:
        attempt(handle, Request(first.url, first.address))
        response, _ = attempt(handle, Request(second.url, second.address))
    assert (response.status, response.length, response.headers) == (0, 0, {})


def test_phases_come_in_order(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, host="127.1.1.1")
    with Hostile(says(b"", answer(b"ok")[:-1], b"k", pause_s=0.06), tls=context) as server:
        response, _ = attempt(Handle(str(trusted)), Request(server.url, server.address, dns_ms=7))
    phases = response.phases
    assert response.reason is None
    assert 0 < phases.connect_ms <= phases.tls_ms <= phases.first_byte_ms < phases.total_ms
    assert phases.total_ms >= 120
    assert phases.dns_ms == 7
    assert 60_000 <= phases.rtt_us <= 1_000 * phases.total_ms  # the answer's delay, not the quick handshake alone
