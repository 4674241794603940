"""What is asked of a server and what came back: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from oracle.model import Reason
from oracle.probes.route import Route

LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Request:
    """One GET of `url` from exactly `address`.

    `timeout_ms` is for all of it, redirects and further attempts included, those to connect and to the first byte for
    each request in it. `retries` further attempts follow a connection error, never an answer. The first one starts
    `delay_ms` after the call. The body is kept only if asked for. It leaves by the `route`, if one is given, in a
    browser's words.
    """

    url: str
    address: str
    timeout_ms: int = 10_000
    connect_timeout_ms: int = 5_000
    first_byte_timeout_ms: int = 10_000
    max_bytes: int = 64 * 1024 * 1024
    max_header_bytes: int = 16 * 1024
    keep_body: bool = False
    retries: int = 0
    delay_ms: int = 0
    dns_ms: int = 0
    route: Route | None = None


class Phases(NamedTuple):
    """When each phase ended, in ms since the attempt began (`dns_ms` lies before it); 0 for one never reached."""

    dns_ms: int = 0
    connect_ms: int = 0
    tls_ms: int = 0
    first_byte_ms: int = 0
    total_ms: int = 0
    rtt_us: int = 0
    """A round trip in microseconds: the longer of connecting, and of the request to the answer's first byte, so that
    no box on the way that answers for the server makes it look nearer."""


NONE_REACHED = Phases()
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Response(NamedTuple):
    """The outcome of a request. `reason` is None if there was a valid and complete HTTP answer, whatever its status.

    `sha256` (hexadecimal, no prefix) and `length` are of the body as it came over the wire, of a status 200 only;
    `decoded_sha256` of what is inside where the server compressed it unasked and it could be read.
    """

    url: str
    address: str
    status: int = 0
    sha256: str = ""
    length: int = 0
    body: bytes | None = None
    decoded_sha256: str | None = None
    phases: Phases = NONE_REACHED
    headers: Mapping[str, str] = NO_HEADERS
    certificate_expires_s: int | None = None
    reason: Reason | None = None
    detail: str = ""
    attempts: int = 0


def clean(text: str) -> str:
    """Text from a server made fit to store and show: printable ASCII, at most 200 characters."""
    text = text[:LONGEST_DETAIL]
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)
