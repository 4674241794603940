"""What a probe costs at least, for comparison: bare sockets with a hash, and libcurl without anything of ours.

    python -m benchmarks.probe_floor KIND URL PROBES AT_ONCE CA_FILE

KIND is `engine` (the prober itself), `libcurl` or `sockets` (plain HTTP only). Prints the CPU microseconds per probe,
user and system.
"""

from __future__ import annotations

import resource
import select
import socket
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pycurl

from oracle.probes.engine import Request, fetch_all
from oracle.probes.wire import Wire

if TYPE_CHECKING:
    from _hashlib import HASH

_PATIENCE_MS = 120_000  # a busy machine must not end the measurement
Run = Callable[[str, int, int, str], int]


def engine(url: str, probes: int, at_once: int, ca_file: str) -> int:
    """The prober: how many answers were whole and hashed, with their certificate read."""
    asked = Request(
        url,
        urlsplit(url).hostname or "",
        timeout_ms=_PATIENCE_MS,
        connect_timeout_ms=_PATIENCE_MS,
        first_byte_timeout_ms=_PATIENCE_MS,
        max_bytes=32 * 1024,
    )
    requests = [asked] * probes
    responses = fetch_all(requests, 600.0, concurrency=at_once, ca_file=ca_file)
    https = url.startswith("https:")
    return sum(bool(one.sha256) and (one.certificate_expires_s is not None) is https for one in responses)


def libcurl(url: str, probes: int, at_once: int, ca_file: str) -> int:
    """The same wire, fresh connections, and the body thrown away."""
    wire, idle, started, ended, whole = Wire(), [_easy(url, ca_file) for _ in range(at_once)], 0, 0, 0
    while ended < probes:
        while idle and started < probes:
            wire.add(idle.pop())
            started += 1
        for easy, code, _ in wire.turn(1.0):
            wire.remove(easy)
            idle.append(easy)
            ended += 1
            whole += not code
    wire.close()
    return whole


def _easy(url: str, ca_file: str) -> pycurl.Curl:
    easy = pycurl.Curl()
    options = {pycurl.URL: url, pycurl.NOSIGNAL: 1, pycurl.FRESH_CONNECT: 1, pycurl.FORBID_REUSE: 1}
    options |= {pycurl.CAINFO: ca_file, pycurl.SSL_SESSIONID_CACHE: 0, pycurl.SSL_EC_CURVES: "X25519:P-256"}
    options |= {pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1, pycurl.WRITEFUNCTION: lambda _chunk: None}
    for option, value in options.items():
        easy.setopt(option, value)
    return easy


def sockets(url: str, probes: int, at_once: int, _ca_file: str) -> int:
    """No client at all: connect, send, read, hash, close."""
    parts = urlsplit(url)
    ask = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()
    running: dict[int, tuple[socket.socket, HASH]] = {}
    poll, started, whole, room = select.epoll(), 0, 0, bytearray(64 * 1024)
    while running or started < probes:
        while started < probes and len(running) < at_once:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex((parts.hostname, parts.port))
            poll.register(sock.fileno(), select.EPOLLOUT)
            running[sock.fileno()] = sock, sha256()
            started += 1
        for descriptor, events in poll.poll():
            sock, digest = running[descriptor]
            if events & select.EPOLLOUT:
                sock.send(ask)
                poll.modify(descriptor, select.EPOLLIN)
            elif length := sock.recv_into(room):
                digest.update(memoryview(room)[:length])
            else:
                digest.hexdigest()
                sock.close()
                del running[descriptor]
                whole += 1
    return whole


def main(kind: str, url: str, probes: int, at_once: int, ca_file: str) -> None:
    """Run once to warm up and once to measure."""
    run: Run = {"engine": engine, "libcurl": libcurl, "sockets": sockets}[kind]
    run(url, at_once, at_once, ca_file)
    before = resource.getrusage(resource.RUSAGE_SELF)
    whole = run(url, probes, at_once, ca_file)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if whole != probes:
        sys.exit(f"{probes - whole} of {probes} probes failed")
    print(*(round((then - now) * 1e6 / probes, 1) for now, then in zip(before[:2], after[:2], strict=True)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
