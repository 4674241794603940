"""A tenth of the questions leaves by another way and in a browser's words, still to the checked address only."""

import contextlib
import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oracle.model import FundId, MirrorId, Reason
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Request, Response
from oracle.probes.integrity import expect
from oracle.probes.question import file_question, route_question
from oracle.probes.round import Target, ask_round
from oracle.probes.route import USUAL, Route
from oracle.probes.verdict import hidden
from tests.fixtures.hostile import Behaviour, Hostile, answer, certificate, closed_port, released, resets, says, serves

BODY = b"the released bytes"
FILE = released("index.html", BODY)
ELSEWHERE = "127.1.77.1"


class Proxy:
    """A proxy on loopback that speaks CONNECT or SOCKS5; `asked` is where it was told to connect to."""

    def __init__(self, scheme: str) -> None:
        self.asked: list[tuple[str, int]] = []
        self._socks = scheme.startswith("socks")
        self._listener = socket.create_server(("127.1.88.1", 0))
        self.url = f"{scheme}://127.1.88.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "Proxy":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            host, port = self._greeted(connection)
            self.asked.append((host, port))
            with socket.create_connection((host, port), source_address=(ELSEWHERE, 0)) as upstream:
                connection.sendall(
                    b"\x05\x00\x00\x01\0\0\0\0\0\0" if self._socks else b"HTTP/1.1 200 OK\r\nVia: me\r\n\r\n"
                )
                back = threading.Thread(target=pump, args=(upstream, connection))
                back.start()
                pump(connection, upstream)
                back.join(10)

    def _greeted(self, connection: socket.socket) -> tuple[str, int]:
        if not self._socks:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4_096)
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            return host, int(port)
        connection.recv(262)
        connection.sendall(b"\x05\x00")
        wanted = connection.recv(262)
        assert wanted[3] == 1, "an IPv4 address, and no name that the proxy would resolve itself"
        return socket.inet_ntoa(wanted[4:8]), int.from_bytes(wanted[8:10], "big")


def pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(65_536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def fetch(url: str, address: str, route: Route | None, ca_file: str | None = None) -> Response:
    return fetch_all([Request(url, address, timeout_ms=3_000, route=route)], 5.0, ca_file=ca_file)[0]


def peers(*, refuse: bool = False) -> tuple[Behaviour, list[str]]:
    """Serves the file, and tells who asked; to whom it does not know nothing, if it `refuses`."""
    seen: list[str] = []

    def behave(connection: socket.socket, _head: bytes) -> None:
        seen.append(connection.getpeername()[0])
        known = not refuse or seen[-1] == "127.0.0.1"
        connection.sendall(answer(BODY) if known else answer(b"", "403 Forbidden"))

    return behave, seen


def test_a_source_is_where_it_leaves_from_and_only_then(stack: ExitStack) -> None:
    behave, seen = peers()
    server = stack.enter_context(Hostile(behave))
    for route in (None, Route(source=ELSEWHERE), None):
        assert fetch(server.url, server.address, route).status == 200
    assert seen == ["127.0.0.1", ELSEWHERE, "127.0.0.1"]


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_proxy_is_told_the_checked_address_and_never_the_name(stack: ExitStack, scheme: str) -> None:
    behave, seen = peers()
    server, proxy = stack.enter_context(Hostile(behave)), stack.enter_context(Proxy(scheme))
    response = fetch(f"http://app.example:{server.port}/", server.address, Route.parse(proxy.url))
    assert (response.status, response.reason) == (200, None)
    assert proxy.asked == [(server.address, server.port)]
    assert seen == [ELSEWHERE]
    assert b"Host: app.example:" in server.asked[0]
    assert fetch(server.url, server.address, None).status == 200
    assert len(proxy.asked) == 1


def test_tls_goes_through_a_proxy_end_to_end(stack: ExitStack, tmp_path: Path) -> None:
    context, ca_file = certificate(tmp_path, host="app.example")
    server = stack.enter_context(Hostile(says(answer(BODY)), tls=context))
    proxy = stack.enter_context(Proxy("http"))
    url = f"https://app.example:{server.port}/"
    assert fetch(url, server.address, Route.parse(proxy.url), str(ca_file)).status == 200
    assert fetch(url, server.address, Route.parse(proxy.url)).reason is Reason.TLS


def test_who_is_asked_by_a_route_hears_a_browser(stack: ExitStack) -> None:
    server = stack.enter_context(Hostile(says(answer(BODY))))
    fetch(server.url, server.address, None)
    fetch(server.url, server.address, USUAL)
    usual, browser = server.asked
    assert b"Firefox" not in usual
    assert b"Firefox" in browser
    assert b"Accept-Language" in browser
    assert not any(word in head.lower() for head in server.asked for word in (b"mirrorbond", b"curl", b"python"))


@pytest.mark.parametrize(
    "route",
    [Route(source="192.0.2.7"), Route(source="no-such-interface"), Route(proxy="http://no.such.proxy.invalid:1")],
)
def test_a_route_that_is_not_there_is_this_nodes_fault(stack: ExitStack, route: Route) -> None:
    server = stack.enter_context(Hostile(says(answer(BODY))))
    assert fetch(server.url, server.address, route).reason is Reason.NOT_MEASURED
    assert server.asked == []


def test_whether_a_route_leads_to_an_address_is_this_machines_own_word() -> None:
    assert USUAL.leads_to("127.1.1.1")
    assert Route(source=ELSEWHERE).leads_to("127.1.1.1")
    assert not Route(source=ELSEWHERE).leads_to("::1")
    assert not Route(source="192.0.2.7").leads_to("127.1.1.1")


def ask(server: Hostile, *routes: Route | None) -> list[Reason]:
    questions = tuple(file_question(expect(FILE), 1_000, route=route) for route in routes)
    heard = ask_round([Target(FundId(1), MirrorId(1), server.url, questions, 2_000)], budget_s=5, allow_loopback=True)[
        0
    ]
    return [one.reason for one in heard.answers]


def test_who_knows_the_probers_address_does_not_know_this_one(stack: ExitStack) -> None:
    behave, _ = peers(refuse=True)
    server = stack.enter_context(Hostile(behave))
    assert ask(server, None, Route(source=ELSEWHERE)) == [Reason.UP, Reason.HTTP_STATUS]


def test_who_knows_the_probers_words_does_not_know_these(stack: ExitStack) -> None:
    def behave(connection: socket.socket, head: bytes) -> None:
        connection.sendall(answer(BODY if b"(compatible)" in head else b"an advertisement!!"))

    server = stack.enter_context(Hostile(behave))
    assert ask(server, None, USUAL) == [Reason.UP, Reason.WRONG_BYTES]


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare)],
)
def test_whoever_packs_for_browsers_is_right(stack: ExitStack, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = answer(pack(BODY), content_encoding=encoding)
    server = stack.enter_context(Hostile(says(packed)))
    assert ask(server, USUAL, None) == [Reason.UP, Reason.PROTOCOL]
    assert any(encoding in head.decode() for head in server.asked)


def test_where_nobody_answers_by_a_route_it_is_the_route(stack: ExitStack) -> None:
    dead = Route(proxy=f"http://127.1.88.1:{closed_port('127.1.88.1')}")
    good = stack.enter_context(Hostile(serves({"index.html": BODY})))
    assert ask(good, None, dead) == [Reason.UP, Reason.NOT_MEASURED]


def test_where_somebody_answers_by_a_route_silence_is_the_mirrors(stack: ExitStack) -> None:
    route = Route(source=ELSEWHERE)
    good = stack.enter_context(Hostile(serves({}), "127.1.1.1"))
    silent = stack.enter_context(Hostile(resets(), "127.1.2.1"))
    targets = [
        Target(FundId(1), MirrorId(0), good.url, (route_question(route),), 2_000),
        Target(FundId(1), MirrorId(1), silent.url, (file_question(expect(FILE), 1_000, route=route),), 2_000),
    ]
    heard = ask_round(targets, budget_s=5, allow_loopback=True)
    assert [one.answers[0].reason for one in heard] == [Reason.UP, Reason.CONNECT]
    assert hidden(heard[1].answers)
