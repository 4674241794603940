"""One thing that a mirror is asked, and how its answer is judged."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from oracle.canary import Canary
from oracle.checks import MOST_BODY_BYTES, Check
from oracle.manifest import ReleaseFile, url_path
from oracle.model import Address, Reason
from oracle.probes import check as checks
from oracle.probes import integrity, ownership
from oracle.probes.address import Located
from oracle.probes.exchange import Request, Response
from oracle.probes.integrity import Expected, Judgement
from oracle.probes.route import USUAL, Route

_CANARY_BYTES = 4 * 1024
Judge = Callable[[Response], Judgement]


class Kind(StrEnum):
    """What is asked for."""

    FILE = "file"
    CHECK = "check"
    COLD = "cold"
    OWNERSHIP = "ownership"
    CANARY = "canary"
    ROUTE = "route"
    """To see whether a route works at all."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GET below a mirror's base URL, or at its origin; `shown` is its path for people.

    `route` is the way by which it leaves, None for that of all probes. It goes in a `browser`'s words or in those of a
    probe; by a route always in a browser's. `retries` further attempts may follow a connection error.
    With `six` it goes to the IPv6 address of a name that has both kinds.
    """

    kind: Kind
    shown: str
    url_path: str
    judge: Judge
    max_bytes: int
    delay_ms: int = 0
    at_origin: bool = False
    keep_body: bool = False
    route: Route | None = None
    browser: bool = False
    retries: int = 1
    six: bool = False

    def request(self, located: Located, timeout_ms: int, spent_ms: int = 0) -> Request | None:
        """The request to a host that could be located, None to one that could not."""
        address = located.six if self.six else located.address
        if located.base is None or not address:
            return None
        path = self.url_path.lstrip("/")
        return Request(
            f"{located.base.origin}/{path}" if self.at_origin else located.base.join(path),
            address,
            timeout_ms=timeout_ms,
            max_bytes=self.max_bytes,
            keep_body=self.keep_body,
            retries=self.retries,
            delay_ms=max(0, self.delay_ms - spent_ms),
            dns_ms=located.dns_ms,
            route=self.route or (USUAL if self.browser else None),
        )


def file_question(
    expected: Expected, most: int, delay_ms: int = 0, route: Route | None = None, *, browser: bool = False
) -> Question:
    """For a file of the release, of which at most `most` bytes are read."""
    judge = partial(integrity.judge, expected=expected, may_be_packed=browser or route is not None)
    cap, path = integrity.cap_of(expected, most), expected.path
    return Question(Kind.FILE, path, url_path(path), judge, cap, delay_ms, route=route, browser=browser)


def cold_question(file: ReleaseFile, delay_ms: int = 0) -> Question:
    """For a cold file: small, random, and never asked for before."""
    expected = integrity.expect(file)
    judge = partial(integrity.judge, expected=expected)
    return Question(Kind.COLD, file.path, url_path(file.path), judge, integrity.cap_of(expected, 1 << 20), delay_ms)


def check_question(check: Check, now_s: float, delay_ms: int = 0, route: Route | None = None) -> Question:
    """For what a declared check says; ages count from `now_s` plus the delay. Whoever is asked in a browser's words may
    pack the answer."""
    at_s = now_s + delay_ms / 1000

    def judge(response: Response) -> Judgement:
        return checks.judge(_unpacked(response) if route else response, check=check, now_s=at_s)

    return Question(Kind.CHECK, check.path, check.path, judge, MOST_BODY_BYTES, delay_ms, keep_body=True, route=route)


def _unpacked(response: Response) -> Response:
    """The answer without its packing, which was read whole and is known to fit."""
    if response.decoded_sha256 is None or response.body is None:
        return response
    for wrapped in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        with contextlib.suppress(zlib.error):
            body = zlib.decompressobj(wrapped).decompress(response.body, MOST_BODY_BYTES)
            return response._replace(body=body, sha256=response.decoded_sha256)
    return response


def canary_question(canary: Canary, delay_ms: int = 0) -> Question:
    """For what only the primary can answer: RELAYING if the mirror does too; anything else says nothing."""

    def judge(response: Response) -> Judgement:
        relayed = canary.answer in (response.body or b"")
        return (Reason.RELAYING, "it answered a canary") if relayed else (Reason.NOT_MEASURED, "")

    path = canary.url_path
    return Question(Kind.CANARY, path.partition("?")[0], path, judge, _CANARY_BYTES, delay_ms, keep_body=True)


def route_question(route: Route, delay_ms: int = 0) -> Question:
    """For anything at all, by a route."""
    return Question(Kind.ROUTE, "/", "/", lambda response: (response.reason or Reason.UP, ""), 0, delay_ms, route=route)


def owner_question(operator: Address, delay_ms: int = 0) -> Question:
    """For the host's own word on who runs it."""
    judge = partial(ownership.judge, operator=operator)
    return Question(
        Kind.OWNERSHIP, ownership.WELL_KNOWN, ownership.WELL_KNOWN, judge, ownership.LONGEST, delay_ms, True, True
    )
