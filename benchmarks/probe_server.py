"""The server that benchmarks/probe asks: one file, over plain HTTP and over TLS, a connection for each answer.

    python -m benchmarks.probe_server [--delay-ms MS] ADDRESS BYTES [CERTIFICATE KEY]

Prints its ports (without a certificate only that of plain HTTP) and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import sys

HEAD = b"""HTTP/1.1 200 OK\r
Server: benchmark\r
Date: Mon, 23 Nov 2026 08:00:00 GMT\r
Content-Type: application/octet-stream\r
Last-Modified: Mon, 23 Nov 2026 07:00:00 GMT\r
ETag: "1"\r
Connection: close\r
Content-Length: %d\r
\r
"""


class Answering(asyncio.Protocol):
    """Sends the whole answer once the head of a request is there."""

    answer = b""
    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        self._transport.write(self.answer)
        self._transport.close()


async def serve(address: str, length: int, delay_ms: int, certificate: list[str]) -> None:
    """Serve until standard input ends."""
    Answering.delay_s = delay_ms / 1_000
    Answering.answer = HEAD % length + random.Random(1).randbytes(length)  # noqa: S311
    ways = [None, _tls(*certificate)] if certificate else [None]
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Answering, address, 0, backlog=1024, ssl=tls) for tls in ways]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def _tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.num_tickets = 0  # every handshake is a whole one
    return context


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--delay-ms", type=int, default=0, help="until an answer is sent (default: 0)")
    parser.add_argument("address")
    parser.add_argument("bytes", type=int)
    parser.add_argument("certificate", nargs="*", help="the files of a certificate and of its key")
    given = parser.parse_args()
    asyncio.run(serve(given.address, given.bytes, given.delay_ms, given.certificate))


if __name__ == "__main__":
    main()
