"""A kind of hostile server: how it treats a connection, and what a probe of it may say."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from oracle.model import Reason

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`tls` names the certificate that is shown, "" for plain sockets; `https` says how the server is asked."""

    name: str
    serve: Serve
    reasons: frozenset[Reason]
    tls: str = ""
    https: bool = False


KINDS: dict[str, Kind] = {}


def add(name: str, serve: Serve, *reasons: Reason, tls: str = "", https: bool = False) -> None:
    """One more kind; `reasons` are those that a probe in good time may end with."""
    KINDS[name] = Kind(name, serve, frozenset(reasons), tls, https or bool(tls))


def after_request(then: Serve) -> Serve:
    """First takes in the head of a request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await then(reader, writer)

    return serve


def says(*pieces: bytes, pause_s: float = 0.0) -> Serve:
    """Sends the pieces, with a pause after each, and closes."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return after_request(serve)


def endless(piece: bytes, start: bytes = b"", pause_s: float = 0.0) -> Serve:
    """Sends the start, then the piece for as long as anybody reads."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return after_request(serve)


def resets(*pieces: bytes) -> Serve:
    """Sends the pieces, lets them arrive, and resets the connection."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        reset(writer)

    return serve


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes in what comes and says nothing."""
    while await reader.read(4096):
        pass


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    opened = writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def treat(kind: Kind, limit_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection from accept to close, whatever happens on it."""
    writer.transport.set_write_buffer_limits(64 * 1024)
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(limit_s):
            await kind.serve(reader, writer)
            writer.close()
            await writer.wait_closed()
    writer.transport.abort()
