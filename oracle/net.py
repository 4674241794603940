"""Outbound HTTP that is no probe: manifests, evidence and bundles from primaries and peers.

Bounded in bytes and in time from the first packet to the last, which httpx alone does not do; a redirect is followed
on the same host only. Probes have their own engine, since they measure; this module only reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx

from oracle.errors import FetchFailed

AT_ONCE = 8
MOST_REDIRECTS = 3
_HEADERS = {"user-agent": "mirrorbond", "accept-encoding": "identity"}

Got = Callable[[int, bytes | FetchFailed], None]


def fetch(url: str, max_bytes: int, timeout_s: float) -> bytes:
    """The body of a 200 answer to GET, as it was sent.

    Must not be called from a coroutine: it runs an event loop of its own.

    Raises: FetchFailed for another status, more than `max_bytes`, a redirect to another host, or no answer in time.
    """
    results: list[bytes | FetchFailed] = []
    fetch_each([(url, max_bytes)], timeout_s, lambda _, result: results.append(result))
    if isinstance(results[0], FetchFailed):
        raise results[0]
    return results[0]


def fetch_each(wanted: Sequence[tuple[str, int]], timeout_s: float, got: Got) -> None:
    """Fetch many (URL, most bytes), a few at a time, each within `timeout_s`.

    `got` is called with the index and the body, or with why there is none, as soon as each is there.
    """
    asyncio.run(_fetch_each(wanted, timeout_s, got))


async def _fetch_each(wanted: Sequence[tuple[str, int]], timeout_s: float, got: Got) -> None:
    remaining = iter(enumerate(wanted))
    # trust_env would let a proxy variable of the shell decide what we see
    async with httpx.AsyncClient(headers=_HEADERS, timeout=timeout_s, trust_env=False) as client:

        async def work() -> None:
            for index, (url, max_bytes) in remaining:
                got(index, await _fetch(client, url, max_bytes, timeout_s))

        await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(wanted)))))


async def _fetch(client: httpx.AsyncClient, url: str, max_bytes: int, timeout_s: float) -> bytes | FetchFailed:
    shown = url.partition("?")[0]
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(client, _of_the_web(httpx.URL(url)), max_bytes)
    except FetchFailed as failed:
        return FetchFailed(shown, failed.problem)
    except (TimeoutError, httpx.TimeoutException):
        return FetchFailed(shown, f"no complete answer within {timeout_s:g} s")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):  # the last from resolving an endless name
        return FetchFailed(shown, "is not an http or https URL")
    except httpx.HTTPError as error:
        return FetchFailed(shown, f"no answer: {str(error) or type(error).__name__}")


async def _read(client: httpx.AsyncClient, url: httpx.URL, max_bytes: int) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream("GET", url) as response:
            if response.next_request is None:
                return await _body(response, max_bytes)
            url = _same_host(url, response.next_request.url)
    raise FetchFailed(str(url), f"more than {MOST_REDIRECTS} redirects")


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise FetchFailed(str(response.url), f"answers {response.status_code}")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise FetchFailed(str(response.url), f"answers with more than {max_bytes} bytes")
    return bytes(body)


def _of_the_web(url: httpx.URL) -> httpx.URL:
    if url.scheme not in ("http", "https") or not url.host or (url.port or 80) > 65_535:
        raise httpx.InvalidURL(f"no URL of the web: {url.scheme} {url.port}")
    return url


def _same_host(before: httpx.URL, after: httpx.URL) -> httpx.URL:
    downgrade = before.scheme == "https" and after.scheme != "https"
    if after.host != before.host or downgrade:
        raise FetchFailed(str(before), f"redirects to {after.scheme}://{after.host}, which is not followed")
    return _of_the_web(after)
