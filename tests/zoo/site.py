"""A small web server: files from memory, and the document that names its operator. Cheats are kinds of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from oracle.probes.ownership import WELL_KNOWN

_LONGEST_HEAD = 16 * 1024
_PATIENCE_S = 30
_BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Request:
    """A GET: `target` as it came, `host` and `agent` as the client says, `peer` its address."""

    target: str
    host: str
    agent: str
    peer: str

    @property
    def path(self) -> str:
        """The path without the query, decoded."""
        return unquote(self.target.partition("?")[0])


def reply(body: bytes, status: str = "200 OK") -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


NOT_FOUND = reply(b"no such file\n", "404 Not Found")


def ownership(operator: str) -> bytes:
    """The document by which a host names its operator."""
    return json.dumps({"spec": 1, "operator": operator}).encode()


class Site:
    """An honest server of `files` by path; with an `operator`, one that names it."""

    def __init__(self, files: Mapping[str, bytes], operator: str = "") -> None:
        self.files = {f"/{path}": body for path, body in files.items()}
        if operator:
            self.files[WELL_KNOWN] = ownership(operator)

    def answer(self, request: Request) -> bytes:
        """The bytes that answer a request."""
        body = self.files.get(request.path)
        return NOT_FOUND if body is None else reply(body)

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer a request, or do something else with its connection."""
        writer.write(self.answer(request))


class Server:
    """A site's sockets, one for each address, all with the same port; they can be taken away and put back."""

    def __init__(self, site: Site, *addresses: str, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.site, self.addresses, self.port = site, addresses, port
        self.requests = 0
        self._tls = tls
        self._listening: list[asyncio.Server] = []
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}  # asyncio itself holds tasks weakly

    @property
    def url(self) -> str:
        """The base URL, by the first address."""
        return f"{'https' if self._tls else 'http'}://{self.addresses[0]}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        for address in self.addresses:
            listening = await asyncio.start_server(
                self._accept, address, self.port, ssl=self._tls, backlog=_BACKLOG, limit=_LONGEST_HEAD
            )
            self.port = listening.sockets[0].getsockname()[1]
            self._listening.append(listening)

    async def stop(self) -> None:
        """Refuse connections, and cut those that are open."""
        while self._listening:
            self._listening.pop().close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = _read(await reader.readuntil(b"\r\n\r\n"), writer)
                self.requests += 1
                await self.site.respond(request, writer)
                await writer.drain()
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)
            with contextlib.suppress(OSError):
                writer.close()


def _read(head: bytes, writer: asyncio.StreamWriter) -> Request:
    """Raises: ValueError for what is no GET."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    if method != "GET":
        raise ValueError(f"{method} is not GET")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    peer = str(writer.get_extra_info("peername")[0])
    return Request(target, headers.get("host", ""), headers.get("user-agent", ""), peer)
