"""Hostile servers behind TLS, or pretending to be."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from oracle.model import Reason
from tests.fixtures.hostile import certificate, junk_certificate
from tests.hostile.kinds import Serve, add, endless, reset, resets, says, silent
from tests.hostile.servers_http import CHUNKED, OK, answer

_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(32) + b"\x20"
_WARNING = b"\x15\x03\x03\x00\x02\x01\x5a"
_EMPTY = b"\x16\x03\x03\x00\x00"


def after_hello(*pieces: bytes, forever: bool = False, pause_s: float = 0.0, then_reset: bool = False) -> Serve:
    """Takes in the client's hello and answers with the pieces."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        while True:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
            if not forever:
                break
        if then_reset:
            reset(writer)

    return serve


async def _cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half an answer, then the connection is gone without TLS's farewell."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"\r\nhalf of it")
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


add("TLS: reset on accept", resets(), Reason.CONNECT, Reason.TLS, https=True)
add("TLS: reset after the hello", after_hello(then_reset=True), Reason.CONNECT, Reason.TLS, https=True)
add("TLS: close after the hello", after_hello(), Reason.CONNECT, Reason.TLS, https=True)
add("TLS: reset in the handshake", after_hello(_HELLO[:20], then_reset=True), Reason.CONNECT, Reason.TLS, https=True)
add("TLS: silence", silent, Reason.TIMEOUT, https=True)
add(
    "TLS: a hello, a byte at a time",
    after_hello(*(bytes([b]) for b in _HELLO), pause_s=0.05),
    Reason.TIMEOUT,
    https=True,
)
add("TLS: plain HTTP", after_hello(answer(b"x")), Reason.TLS, https=True)
add("TLS: garbage", after_hello(b"\xff" * 5000), Reason.TLS, https=True)
add("TLS: endless garbage", after_hello(b"\x16\x03\x03\x40\x00" + bytes(16_384), forever=True), Reason.TLS, https=True)
add("TLS: endless warnings", after_hello(_WARNING * 500, forever=True), Reason.TLS, https=True)
add("TLS: endless empty records", after_hello(_EMPTY * 500, forever=True), Reason.TLS, https=True)
add("TLS: an old version", after_hello(b"\x16\x03\x01" + _HELLO[3:]), Reason.TLS, https=True)
add("TLS: another's certificate", says(answer(b"x")), Reason.TLS, tls="other")
add("TLS: an expired certificate", says(answer(b"x")), Reason.TLS, tls="expired")
add("TLS: a certificate nobody signed", says(answer(b"x")), Reason.TLS, tls="unknown")
add("TLS: certificates without end", says(answer(b"x")), Reason.TLS, tls="chain")
add("TLS: a certificate and one that is no text", says(answer(b"x")), Reason.WRONG_BYTES, tls="junk")
add("TLS: wrong bytes", says(answer(b"x" * 50_000)), Reason.WRONG_BYTES, tls="good")
add("TLS: cut without farewell", _cut, Reason.PROTOCOL, Reason.CONNECT, tls="good")
add("TLS: endless body", endless(bytes(64_000), OK + b"\r\n"), Reason.TOO_LARGE, tls="good")
add("TLS: endless headers", endless(b"X: 0123456789\r\n" * 500, OK), Reason.PROTOCOL, tls="good")
add("TLS: a chunk extension without end", endless(b"a" * 64_000, CHUNKED + b"1;x="), Reason.TOO_LARGE, tls="good")


def contexts(folder: Path, host: str) -> tuple[dict[str, ssl.SSLContext], Path]:
    """A context for each certificate by its name, and the file of those to trust: all but the unknown one."""
    made = {
        "good": certificate(folder, host=host, name="good"),
        "other": certificate(folder, host="127.9.9.9", name="other"),
        "expired": certificate(folder, host=host, days=-1, name="expired"),
        "unknown": certificate(folder, host=host, name="unknown"),
        "chain": certificate(folder, host=host, name="chain"),
        "junk": certificate(folder, host=host, name="junk"),
    }
    (folder / "both.pem").write_bytes((folder / "junk.pem").read_bytes() + junk_certificate())
    made["junk"][0].load_cert_chain(folder / "both.pem", folder / "junk.key")
    one = (folder / "chain.pem").read_text()
    (folder / "long.pem").write_text(one * 400)
    made["chain"][0].load_cert_chain(folder / "long.pem", folder / "chain.key")
    trusted = folder / "trusted.pem"
    trusted.write_text("".join(path.read_text() for name, (_, path) in made.items() if name != "unknown"))
    return {name: context for name, (context, _) in made.items()}, trusted
