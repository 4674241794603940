"""The cheats that hold nothing and pass on what the primary answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import closing

from oracle.probes.ownership import WELL_KNOWN
from tests.zoo.site import NOT_FOUND, Request, Site, reply

BAD_GATEWAY = reply(b"the primary does not answer\n", "502 Bad Gateway")
Upstream = tuple[str, int]


async def fetch(upstream: Upstream, target: str) -> bytes:
    """The whole answer of another server, whatever it is."""
    try:
        reader, writer = await asyncio.open_connection(*upstream)
        with closing(writer):
            writer.write(f"GET {target} HTTP/1.1\r\nHost: {upstream[0]}\r\n\r\n".encode())
            return await reader.read() or BAD_GATEWAY
    except OSError:
        return BAD_GATEWAY


class Proxy(Site):
    """Hopes that nobody asks where the bytes come from: asks the primary for everything but who its operator is."""

    def __init__(self, upstream: Upstream, operator: str) -> None:
        super().__init__({}, operator)
        self.upstream = upstream

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Pass on."""
        writer.write(self.answer(request) if request.path == WELL_KNOWN else await self.relay(request))

    async def relay(self, request: Request) -> bytes:
        """What the primary answers."""
        return await fetch(self.upstream, request.target)


class PurePipe(Proxy):
    """Hopes that the primary's own documents do: passes on the request for its operator too."""

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Pass on."""
        writer.write(await self.relay(request))


class CachingProxy(Proxy):
    """Hopes to seem a copy once it was asked for everything: keeps what it has fetched."""

    def __init__(self, upstream: Upstream, operator: str) -> None:
        super().__init__(upstream, operator)
        self.cache: dict[str, bytes] = {}

    async def relay(self, request: Request) -> bytes:
        """What the primary answered the first time."""
        return await self.fetch(request.target)

    async def fetch(self, target: str) -> bytes:
        """From the cache, or the primary; only good answers are kept."""
        if target in self.cache:
            return self.cache[target]
        answer = await fetch(self.upstream, target)
        if answer.startswith(b"HTTP/1.1 200"):
            self.cache[target] = answer
        return answer


class FilteringProxy(CachingProxy):
    """Hopes to look like a folder: knows the manifest, answers 404 to every other path and drops queries."""

    def __init__(self, upstream: Upstream, operator: str, listed: Collection[str]) -> None:
        super().__init__(upstream, operator)
        self._listed = {f"/{path}" for path in listed}

    async def relay(self, request: Request) -> bytes:
        """Only what the manifest lists, without the query."""
        return await self.fetch(request.target.partition("?")[0]) if request.path in self._listed else NOT_FOUND


class Hoarder(FilteringProxy):
    """Hopes that fetching all of it beforehand, cold files too, is not holding it. It is."""

    async def hoard(self, paths: Iterable[str]) -> None:
        """Fetch everything now."""
        for path in paths:
            await self.fetch(f"/{path}")
