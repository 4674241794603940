"""One libcurl handle: everything switched off that a probe must not do, and one attempt read back."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from typing import Any

import certifi
import pycurl

from oracle.model import Reason
from oracle.probes.exchange import Phases, Request, Response, clean
from oracle.probes.failure import is_connection_error, reason_of
from oracle.probes.guard import plain
from oracle.probes.route import USUAL, Route
from oracle.probes.sink import Sink

# Does not name us: who serves only the known probers well must not learn them from this.
_HEADERS = ["User-Agent: Mozilla/5.0 (compatible)", "Accept: */*", "Accept-Encoding: identity"]
# What a browser says, but for the packings that are not read here; whoever is asked so may pack its answer.
_BROWSER_HEADERS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
]
_SLOW_BYTES_S, _SLOW_S = 64, 30
_SUPPRESS_CONNECT_HEADERS = 265  # which pycurl has no name for: what a proxy says is no answer of the server
_BUFFER_BYTES = 32 * 1024
_OVERHEAD_BYTES = 512 * 1024  # certificates, and what TLS and chunks add to a body
_QUEUED_BYTES = 8 * 1024 * 1024  # what the system may have taken in and not handed on yet
_TCP_INFO_BYTES = slice(128, 136)  # tcpi_bytes_received of Linux's struct tcp_info
Judged = tuple[Reason, str]


class Handle:
    """A reusable libcurl handle. Each attempt has a connection of its own, made to the pinned address only."""

    def __init__(self, ca_file: str | None = None) -> None:
        self.easy = pycurl.Curl()
        self._configure(ca_file or certifi.where())
        self._pinned = ""
        self._route: Route | None = None
        self._timeouts = (0, 0)
        self._secure = False
        self._reads_certificate = False
        self._expires_s: int | None = None
        self._sink = Sink()
        self.easy.setopt(pycurl.WRITEFUNCTION, self._sink.write)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._sink.header)
        self._socket: socket.SocketType | None = None
        self._judged: Judged | None = None
        self._flooded = False

    def prepare(self, request: Request, url: str, timeout_ms: int, expires_s: int | None = None) -> None:
        """Set up one attempt at `url` from the request's address; `expires_s` is when its certificate expires, None if
        that is to be read. It is checked in any case."""
        self._judged, self._flooded = None, False
        self._sink.reset(request.max_bytes, request.max_header_bytes, keep_body=request.keep_body)
        setopt = self.easy.setopt
        setopt(pycurl.URL, url)
        if request.address != self._pinned:
            self._pinned = request.address
            bracketed = f"[{request.address}]" if ":" in request.address else request.address
            setopt(pycurl.CONNECT_TO, [f"::{bracketed}:"])
        if request.route != self._route:
            self._take(request.route)
        self._expires_s = expires_s
        self._secure = url.startswith("https:")
        reads = self._secure and expires_s is None
        if reads != self._reads_certificate:
            self._reads_certificate = reads
            setopt(pycurl.OPT_CERTINFO, int(reads))
        timeouts = (max(1, timeout_ms), max(1, min(request.connect_timeout_ms, timeout_ms)))
        if timeouts != self._timeouts:
            self._timeouts = timeouts
            setopt(pycurl.TIMEOUT_MS, timeouts[0])
            setopt(pycurl.CONNECTTIMEOUT_MS, timeouts[1])

    def _take(self, route: Route | None) -> None:
        """Leave by a route from now on, None for the usual way. A proxy is only told the pinned address."""
        self._route = route
        proxy = route.proxy if route else ""
        self.easy.setopt(pycurl.PROXY, proxy)
        self.easy.setopt(pycurl.HTTPPROXYTUNNEL, int(bool(proxy)))
        self.easy.setopt(pycurl.HTTPHEADER, _BROWSER_HEADERS if route else _HEADERS)

    def exceeds(self, request: Request, ran_ms: int) -> bool:
        """Whether the running attempt is beyond a limit that libcurl does not keep: the time to the first byte, the
        bytes of headers, and those on the wire, of which endless parts that are neither may be made."""
        if ran_ms > request.first_byte_timeout_ms and not self._sink.head:
            self._judged = Reason.TIMEOUT, f"no first byte within {request.first_byte_timeout_ms} ms"
        over = len(self._sink.head) > request.max_header_bytes
        return over or self._judged is not None or self._is_flooded(request)

    def got(self) -> int:
        """How many bytes of an answer have come over the running attempt."""
        return len(self._sink.head) + self._sink.length

    def cut(self, request: Request) -> None:
        """Break the connection if it is beyond the bytes on the wire. For another thread, while libcurl does not come
        back: it reads on as long as something is there to read, and so does the handshake of TLS."""
        opened = self._socket
        with contextlib.suppress(OSError):
            if opened is not None and self._is_flooded(request):
                opened.shutdown(socket.SHUT_RDWR)

    def _is_flooded(self, request: Request) -> bool:
        opened = self._socket  # read once: the other thread may let go of it in between
        if opened is not None and not self._flooded:
            self._flooded = _received(opened) > _most_on_wire(request, self._sink)
        return self._flooded

    def release(self) -> None:
        """Close the connection of an attempt that has ended, or never will."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def location(self) -> str:
        """Where the redirect that came points, as an absolute URL, "" for nowhere."""
        location = self.easy.getinfo_raw(pycurl.REDIRECT_URL)  # raw: what a server says need not be UTF-8
        return str(location, "latin-1") if location else ""

    def result(self, request: Request, code: int, text: str, attempts: int) -> tuple[Response, bool]:
        """The attempt's outcome, and whether another attempt may help."""
        self.release()
        sink = self._sink
        sink.finish()
        reason, detail, may_retry = None, "", False
        stopped = sink.stopped or self._judged or self._flooded
        if code or stopped or not sink.whole_head:
            reason, detail = self._judge(request, sink, code, text)
            may_retry = not stopped and reason is not Reason.NOT_MEASURED and is_connection_error(code)
        whole = reason is None and sink.status == 200
        return Response(
            request.url,
            request.address,
            sink.status,
            sink.digest() if whole else "",
            sink.length,
            sink.body() if whole else None,
            sink.decoded() if whole else None,
            self._phases(request.dns_ms),
            sink.headers,
            self._expiry() if self._secure else None,
            reason,
            detail,
            attempts,
        ), may_retry

    def _judge(self, request: Request, sink: Sink, code: int, text: str) -> tuple[Reason | None, str]:
        if self._judged:
            return self._judged
        if self._flooded:
            secured = request.url.startswith("http:") or self.easy.getinfo(pycurl.APPCONNECT_TIME_T)
            return Reason.TOO_LARGE if secured else Reason.TLS, "more bytes on the wire than any answer needs"
        if sink.stopped == "headers":
            return Reason.PROTOCOL, f"headers of more than {request.max_header_bytes} bytes"
        if sink.stopped == "body":
            return Reason.TOO_LARGE, f"a body of more than {request.max_bytes} bytes"
        if not code and sink.status and not sink.whole_head:  # which libcurl takes for an answer without a body
            return Reason.PROTOCOL, "cut off in the headers"
        if not code or sink.stopped:
            return None, ""
        os_errno = self.easy.getinfo(pycurl.OS_ERRNO)
        reason = reason_of(code, answered=bool(sink.head), os_errno=os_errno, has_route=self._has_route)
        return reason, clean(text) or f"libcurl's error {code}"

    def _has_route(self) -> bool:
        """A node may lack IPv6; without IPv4 it lacks everything, which its control targets show."""
        return ":" not in self._pinned or (self._route or USUAL).leads_to(self._pinned)

    def _phases(self, dns_ms: int) -> Phases:
        """From what libcurl tells of the last transfer, rounded up; a round trip only if an answer came."""
        get = self.easy.getinfo
        connected, secured = get(pycurl.CONNECT_TIME_T), get(pycurl.APPCONNECT_TIME_T) if self._secure else 0
        asked, answered = get(pycurl.PRETRANSFER_TIME_T), get(pycurl.STARTTRANSFER_TIME_T)
        rtt_us = max(connected, answered - asked) if answered else 0
        # -(-us // 1000) is rounding up
        return Phases(
            dns_ms,
            -(-connected // 1000),
            -(-secured // 1000),
            -(-answered // 1000),
            -(-get(pycurl.TOTAL_TIME_T) // 1000),
            rtt_us,
        )

    def _expiry(self) -> int | None:
        if not self._reads_certificate:
            return self._expires_s if self.easy.getinfo(pycurl.APPCONNECT_TIME_T) else None
        for certificate in self.easy.getinfo_raw(pycurl.INFO_CERTINFO)[:1]:
            for name, value in certificate:
                if name == b"Expire date":
                    return _cert_time(str(value, "latin-1"))
        return None

    def _open(self, _purpose: int, address: Any) -> Any:
        """The last word before a connection: never to another address than the one that was checked, or to this node's
        own proxy. libcurl works on a duplicate of the socket given back."""
        family, kind, protocol, peer = address
        route = self._route or USUAL
        if not route.proxy and peer[0] != self._pinned and plain(str(peer[0])) != plain(self._pinned):
            self._judged = Reason.ADDRESS_REFUSED, f"would have connected to {peer[0]}"
            return pycurl.SOCKET_BAD
        if self._socket is not None:
            self.release()
        try:
            self._socket = opened = socket.SocketType(family, kind, protocol)
            if route.source:
                route.bind(opened)
        except OSError:
            self._judged = Reason.NOT_MEASURED, "the node could not open a socket"
            return pycurl.SOCKET_BAD
        return self._socket

    def _configure(self, ca_file: str) -> None:
        http_only = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, http_only),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.FRESH_CONNECT, 1),
            (pycurl.FORBID_REUSE, 1),
            (pycurl.PROXY, ""),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.HTTPGET, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.BUFFERSIZE, _BUFFER_BYTES),
            (pycurl.DNS_CACHE_TIMEOUT, 0),
            (pycurl.HTTPHEADER, _HEADERS),
            (pycurl.LOW_SPEED_LIMIT, _SLOW_BYTES_S),
            (pycurl.LOW_SPEED_TIME, _SLOW_S),
            (pycurl.SSL_VERIFYPEER, 1),
            (pycurl.SSL_VERIFYHOST, 2),
            (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
            (pycurl.SSL_SESSIONID_CACHE, 0),
            (pycurl.SSL_EC_CURVES, "X25519:P-256"),
            (pycurl.CAINFO, ca_file),
            (pycurl.OPENSOCKETFUNCTION, self._open),
        ):
            self.easy.setopt(option, value)


def _most_on_wire(request: Request, sink: Sink) -> int:
    """How many bytes may have come so far; before an answer begins, those of a handshake only."""
    if not sink.head:
        return _OVERHEAD_BYTES
    body = min(2 * request.max_bytes, 2 * sink.length + _QUEUED_BYTES)
    return body + request.max_header_bytes + _OVERHEAD_BYTES


def _received(opened: socket.SocketType) -> int:
    """How many bytes have come over the connection, those of TLS and chunks included; 0 if the system cannot say."""
    info = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES.stop)
    return int.from_bytes(info[_TCP_INFO_BYTES], sys.byteorder)


def _cert_time(text: str) -> int | None:
    try:
        return ssl.cert_time_to_seconds(text)
    except ValueError:
        return None
