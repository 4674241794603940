"""Real HTTP servers on loopback, one process for all: the primary, and mirrors that serve well, badly or not at all.

The process reads one line of JSON for the hosts from its standard input, then one line for each command, and answers
every line with one. It ends with its input, so that it never outlives the one who started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

WELL_KNOWN = "/.well-known/mirrorbond.json"
LONGEST_HEAD = 16 * 1024
PATIENCE_S = 15


class Kind(StrEnum):
    """How a server behaves."""

    PRIMARY = "primary"
    HONEST = "honest"
    FLAPPING = "flapping"
    """Refuses connections in the middle third of each epoch."""
    ALTERED = "altered"
    """One byte of one file is not as released."""
    STALE = "stale"
    """Serves the former release. (Its folder says so; the server is an honest one.)"""
    DUPLICATE = "duplicate"
    """An honest server of an operator who has one already."""
    PROXY = "proxy"
    """Holds nothing: fetches every file from the primary when it is asked for it."""


@dataclass(frozen=True, slots=True)
class Host:
    """One server: `folder` holds the files it serves, `extra` further ones by their path, `upstream` is the
    "address:port" that a proxy fetches from."""

    name: str
    kind: Kind
    address: str
    port: int
    operator: str
    folder: str
    extra: Mapping[str, str]
    upstream: str = ""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self.address}:{self.port}"

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Host:
        """From the fields by name."""
        given = {field.name: value[field.name] for field in fields(cls)}
        return cls(**(given | {"kind": Kind(value["kind"])}))


@dataclass(frozen=True, slots=True)
class Times:
    """The chain's epochs, as far as a flapping server needs them."""

    genesis_s: int
    epoch_length_s: int

    def in_middle_third(self, unix_s: float) -> bool:
        """Whether the moment lies in the middle third of its epoch."""
        into = (unix_s - self.genesis_s) % self.epoch_length_s
        return self.epoch_length_s <= 3 * into < 2 * self.epoch_length_s


def content_of(host: Host) -> dict[str, bytes]:
    """Everything that a host serves from memory, by path from the root, not encoded."""
    folder = Path(host.folder)
    served = {} if host.kind is Kind.PROXY else _files_below(folder)
    if host.kind is Kind.ALTERED:
        _alter(served)
    served |= {path: Path(file).read_bytes() for path, file in host.extra.items()}
    ownership = {"spec": 1, "operator": host.operator, "mirror": host.name}
    return served | {WELL_KNOWN: json.dumps(ownership).encode()}


def _files_below(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {"/" + path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _alter(served: dict[str, bytes]) -> None:
    """Flip one bit in the middle of the file that stands in the middle: same length, other bytes."""
    paths = sorted(path for path, body in served.items() if body and not path.startswith("/."))
    path = paths[len(paths) // 2]
    body = bytearray(served[path])
    body[len(body) // 2] ^= 1
    served[path] = bytes(body)


class Server:
    """One host's listening socket, which can be taken away and put back."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._content = content_of(host)
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def switch(self, on: bool) -> None:
        """Listen, or refuse connections and cut those that are open."""
        if on and self._listening is None:
            self._listening = await asyncio.start_server(
                self._answer, self.host.address, self.host.port, reuse_address=True, backlog=256, limit=LONGEST_HEAD
            )
        elif not on and self._listening is not None:
            self._listening.close()
            self._listening = None
            for writer in self._open:
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection. A client that hurries away or dawdles is its own problem."""
        self._open.add(writer)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._respond(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        path = unquote(rest.partition(" ")[0].partition("?")[0])
        if method not in ("GET", "HEAD"):
            writer.write(_response(405, "text/plain", b"", with_body=True))
        elif path not in self._content and self.host.upstream:
            await self._relay(method, path, writer)
        else:
            writer.write(self._own(method, path))
        await writer.drain()

    def _own(self, method: str, path: str) -> bytes:
        path = path + "index.html" if path.endswith("/") else path
        body = self._content.get(path)
        if body is None:
            return _response(404, "text/plain", b"not here\n", with_body=method == "GET")
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return _response(200, kind, body, with_body=method == "GET")

    async def _relay(self, method: str, path: str, writer: asyncio.StreamWriter) -> None:
        """Pass on what the primary answers, byte for byte."""
        address, _, port = self.host.upstream.partition(":")
        try:
            reader, upstream = await asyncio.open_connection(address, int(port))
        except OSError:
            writer.write(_response(502, "text/plain", b"the primary does not answer\n", with_body=True))
            return
        upstream.write(f"{method} {quote(path)} HTTP/1.1\r\nHost: {self.host.upstream}\r\n\r\n".encode())
        try:
            while chunk := await reader.read(64 * 1024):
                writer.write(chunk)
                await writer.drain()
        finally:
            upstream.close()


REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 502: "Bad Gateway"}


def _response(status: int, content_type: str, body: bytes, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")


class Hosting:
    """All servers of one process and the commands that they obey."""

    def __init__(self, hosts: list[Host]) -> None:
        self.servers = {host.name: Server(host) for host in hosts}
        self._flapping: asyncio.Task[None] | None = None

    async def obey(self, command: Mapping[str, Any]) -> None:
        """`{"switch": name, "on": bool}`, or `{"clock": {"genesis_s", "epoch_length_s"}}`, from which on flapping
        servers flap."""
        if "clock" in command:
            self._flapping = asyncio.create_task(self._flap(Times(**command["clock"])))
        else:
            await self.servers[command["switch"]].switch(command["on"])

    async def _flap(self, times: Times) -> None:
        flapping = [server for server in self.servers.values() if server.host.kind is Kind.FLAPPING]
        while True:
            for server in flapping:
                with contextlib.suppress(OSError):  # the port is taken for a moment: try again
                    await server.switch(not times.in_middle_third(time.time()))
            await asyncio.sleep(0.02)

    async def open(self) -> None:
        """Listen everywhere."""
        for server in self.servers.values():
            await server.switch(True)

    async def close(self) -> None:
        """Stop listening everywhere."""
        if self._flapping:
            self._flapping.cancel()
        for server in self.servers.values():
            await server.switch(False)


async def serve_standard_input() -> None:
    """Serve the hosts of the first line, obey the lines after it, end with the input."""
    lines = asyncio.StreamReader(limit=1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    hosting = Hosting([Host.from_json(host) for host in json.loads(await lines.readline())])
    await hosting.open()
    _acknowledge()
    with contextlib.suppress(asyncio.CancelledError):
        while line := await lines.readline():
            await hosting.obey(json.loads(line))
            _acknowledge()
    await hosting.close()


def _acknowledge() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve_standard_input())
