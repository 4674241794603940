"""One libcurl handle: everything switched off that a probe must not do, and one attempt read back."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import certifi
import pycurl

from oracle.model import Reason
from oracle.probes.exchange import Phases, Request, Response, clean
from oracle.probes.failure import is_connection_error, reason_of
from oracle.probes.guard import plain
from oracle.probes.sink import Sink

# Does not name us: who serves only the known probers well must not learn them from this.
_HEADERS = ["User-Agent: Mozilla/5.0 (compatible)", "Accept: */*", "Accept-Encoding: identity"]
_SLOW_BYTES_S, _SLOW_S = 64, 30
_SOCKET_FULL = "the node could not open a socket"


class Handle:
    """A reusable libcurl handle. Each attempt has a connection of its own, made to the pinned address only."""

    def __init__(self, ca_file: str | None = None) -> None:
        self.easy = pycurl.Curl()
        self._configure(ca_file or certifi.where())
        self._pinned = ""
        self._sink: Sink | None = None
        self._refused = ""
        self._starved = False

    def prepare(self, request: Request, url: str, timeout_ms: int) -> None:
        """Set up one attempt at `url` from the request's address."""
        self._pinned, self._refused, self._starved = request.address, "", False
        self._sink = sink = Sink(request)
        bracketed = f"[{request.address}]" if ":" in request.address else request.address
        for option, value in (
            (pycurl.URL, url),
            (pycurl.CONNECT_TO, [f"::{bracketed}:"]),
            (pycurl.TIMEOUT_MS, max(1, timeout_ms)),
            (pycurl.CONNECTTIMEOUT_MS, max(1, min(request.connect_timeout_ms, timeout_ms))),
            (pycurl.WRITEFUNCTION, sink.write),
            (pycurl.HEADERFUNCTION, sink.header),
            (pycurl.OPT_CERTINFO, int(url.startswith("https:"))),
        ):
            self.easy.setopt(option, value)

    def location(self) -> str:
        """Where a 3xx answer points, as an absolute URL, "" for nowhere."""
        status = self.easy.getinfo(pycurl.RESPONSE_CODE)
        return str(self.easy.getinfo(pycurl.REDIRECT_URL) or "") if 300 <= status < 400 else ""

    def result(self, request: Request, code: int, text: str, attempts: int) -> tuple[Response, bool]:
        """The attempt's outcome, and whether another attempt may help."""
        sink = self._sink
        assert sink is not None  # noqa: S101 - prepare() comes first
        reason, detail = self._judge(request, sink, code, text)
        whole = reason is None and sink.status == 200
        return Response(
            url=request.url,
            address=request.address,
            status=sink.status,
            sha256=sink.digest() if whole else "",
            length=sink.length,
            body=sink.body() if whole else None,
            decoded_sha256=sink.decoded() if whole else None,
            phases=self._phases(request.dns_ms),
            headers=dict(sink.headers),
            certificate_expires_s=self._expiry(),
            reason=reason,
            detail=detail,
            attempts=attempts,
        ), is_connection_error(code) and not (sink.stopped or self._refused)

    def _judge(self, request: Request, sink: Sink, code: int, text: str) -> tuple[Reason | None, str]:
        if self._refused:
            return Reason.ADDRESS_REFUSED, f"would have connected to {self._refused}"
        if self._starved:
            return Reason.NOT_MEASURED, _SOCKET_FULL
        if sink.stopped == "headers":
            return Reason.PROTOCOL, f"headers of more than {request.max_header_bytes} bytes"
        if sink.stopped == "body":
            return Reason.TOO_LARGE, f"a body of more than {request.max_bytes} bytes"
        if not code or sink.stopped:
            return None, ""
        os_errno = self.easy.getinfo(pycurl.OS_ERRNO)
        ipv6 = ":" in request.address
        return reason_of(code, answered=sink.header_bytes > 0, os_errno=os_errno, ipv6=ipv6), clean(
            text
        ) or f"libcurl's error {code}"

    def _phases(self, dns_ms: int) -> Phases:
        names = (pycurl.CONNECT_TIME_T, pycurl.APPCONNECT_TIME_T, pycurl.STARTTRANSFER_TIME_T, pycurl.TOTAL_TIME_T)
        connect, tls, first, total = (-(-int(self.easy.getinfo(name)) // 1000) for name in names)
        return Phases(dns_ms, connect, tls, first, total, self._rtt_us())

    def _rtt_us(self) -> int:
        """From what libcurl tells of the last transfer; 0 if no answer came."""
        connected, asked, answered = (
            int(self.easy.getinfo(name))
            for name in (pycurl.CONNECT_TIME_T, pycurl.PRETRANSFER_TIME_T, pycurl.STARTTRANSFER_TIME_T)
        )
        return max(connected, answered - asked) if answered else 0

    def _expiry(self) -> int | None:
        for certificate in self.easy.getinfo(pycurl.INFO_CERTINFO)[:1]:
            for name, value in certificate:
                if name == "Expire date":
                    return _cert_time(value)
        return None

    def _open(self, _purpose: int, address: Any) -> Any:
        """The last word before a connection: never to another address than the one that was checked."""
        family, kind, protocol, peer = address
        if peer[0] != self._pinned and plain(str(peer[0])) != plain(self._pinned):
            self._refused = str(peer[0])
            return pycurl.SOCKET_BAD
        try:
            return _Lent(socket.socket(family, kind, protocol))
        except OSError:
            self._starved = True
            return pycurl.SOCKET_BAD

    def _configure(self, ca_file: str) -> None:
        http_only = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, http_only),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.FRESH_CONNECT, 1),
            (pycurl.FORBID_REUSE, 1),
            (pycurl.PROXY, ""),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.HTTPGET, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.PATH_AS_IS, 1),
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


class _Lent:
    """pycurl duplicates the descriptor it is given and drops this, which must close the original at once: the
    connection would outlive the transfer."""

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened

    def fileno(self) -> int:
        return self._opened.fileno()

    def __del__(self) -> None:
        self._opened.close()


def _cert_time(text: str) -> int | None:
    try:
        return ssl.cert_time_to_seconds(text)
    except ValueError:
        return None
