"""Hostile servers that speak HTTP, or nearly."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import zlib

from oracle.model import Reason
from tests.hostile.kinds import Serve, add, after_request, endless, reset, resets, says, silent

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GIGABYTES = 8 * 1024**3
_BLOCK = bytes(64 * 1024)


def answer(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer with these header lines."""
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *lines])
    return head + b"\r\n\r\n" + body


def redirect(location: bytes, status: bytes = b"302 Found") -> bytes:
    """An answer that points elsewhere."""
    return answer(b"", b"Location: " + location, status=status)


def redirects_to_own(path: bytes) -> Serve:
    """Points to a path on its own host and port."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("sockname")
        writer.write(redirect(f"http://{host}:{port}".encode() + path))
        await writer.drain()

    return after_request(serve)


def breaks_late(after_s: float) -> Serve:
    """Drips headers and resets when a probe's time is nearly over; whoever comes again hears nothing."""
    turn = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(turn) % 2:
            await silent(reader, writer)
        writer.write(OK)
        for _ in range(10):
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.sleep(after_s / 10)
        reset(writer)

    return after_request(serve)


# --------------------------------------------------------------------------------- connections that end or never start

FLOOD = (Reason.PROTOCOL, Reason.TOO_LARGE)  # of the head, or of bytes on the wire, whichever is seen first
add("reset on accept", resets(), Reason.CONNECT)
add("close on accept", lambda _reader, _writer: _nothing(), Reason.CONNECT)
add("reset after the request", after_request(resets()), Reason.CONNECT)
add("reset in the headers", after_request(resets(OK + b"Server: a\r\nX-")), Reason.PROTOCOL)
add("reset in the body", after_request(resets(answer(b"x" * 1000)[:-1])), Reason.PROTOCOL)
add("close in the headers", says(OK + b"Server: a\r\nX-"), Reason.PROTOCOL)
add("close in the body", says(answer(b"x" * 1000)[:-1]), Reason.PROTOCOL)
add("close in a chunk", says(CHUNKED + b"5\r\nab"), Reason.PROTOCOL)
add("silence", silent, Reason.TIMEOUT)
add("reset in the last moment, then silence", breaks_late(0.9), Reason.PROTOCOL, Reason.TIMEOUT)


async def _nothing() -> None:
    pass


# ------------------------------------------------------------------------------------------------------ drip and flood

add("status line, a byte at a time", endless(b"H", b"", 0.1), Reason.TIMEOUT, Reason.PROTOCOL)
add("headers, a byte at a time", endless(b"a", OK + b"X: ", 0.05), Reason.TIMEOUT)
add("body, a byte at a time", endless(b"x", OK + b"\r\n", 0.05), Reason.TIMEOUT)
add("chunks, a byte at a time", endless(b"1\r\nx\r\n", CHUNKED, 0.05), Reason.TIMEOUT)
add("interim answers, one at a time", endless(b"HTTP/1.1 102 Processing\r\n\r\n", b"", 0.05), Reason.TIMEOUT)
add("endless headers", endless(b"X-Flood: 0123456789\r\n" * 500, OK), *FLOOD)
add("one header without end", endless(b"a" * 16_000, OK + b"X: "), *FLOOD)
add("one header of 200 kB", says(OK + b"X: " + b"a" * 200_000 + b"\r\n\r\nbody"), Reason.PROTOCOL)
add("a folded header without end", endless(b" a\r\n" * 2_000, OK + b"X: a\r\n"), Reason.PROTOCOL, Reason.TOO_LARGE)
add("a status line without end", endless(b"a" * 16_000, b"HTTP/1.1 200 "), *FLOOD)
add("cookies without end", endless(b"Set-Cookie: a=" + b"b" * 900 + b"; Path=/\r\n", OK), *FLOOD)
add("endless interim answers", endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 400), *FLOOD)
add("endless early hints", endless(b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" * 300), *FLOOD)
add("endless blank lines", endless(b"\r\n" * 8_000), *FLOOD)
add("endless body", endless(_BLOCK, OK + b"\r\n"), Reason.TOO_LARGE)
add("gigabytes announced", endless(_BLOCK, OK + b"Content-Length: %d\r\n\r\n" % GIGABYTES), Reason.TOO_LARGE)
add("endless chunks of a byte", endless(b"1\r\nx\r\n" * 10_000, CHUNKED), Reason.TOO_LARGE)
add("one chunk of gigabytes", endless(_BLOCK, CHUNKED + b"%x\r\n" % GIGABYTES), Reason.TOO_LARGE)
add("a chunk extension without end", endless(b"a" * 64_000, CHUNKED + b"1;x="), Reason.TOO_LARGE, Reason.PROTOCOL)
add("chunk extensions without end", endless(b"1;" + b"a" * 8_000 + b"\r\nx\r\n", CHUNKED), Reason.TOO_LARGE)
add("endless trailers", endless(b"X-Flood: 0123456789\r\n" * 500, CHUNKED + b"1\r\nx\r\n0\r\n"), *FLOOD)

# ------------------------------------------------------------------------------------------------------------- nonsense

add("binary garbage", says(bytes(range(256)) * 16), Reason.PROTOCOL)
add("endless garbage", endless(b"\xff\x00" * 30_000), Reason.PROTOCOL)
add("HTTP/0.9", says(b"<html>hello</html>"), Reason.PROTOCOL)
add("a mail server", says(b"220 mail ESMTP\r\n"), Reason.PROTOCOL)
add("a version that is none", says(b"HTTP/9.9 200 OK\r\n\r\nbody"), Reason.PROTOCOL)
add("a status that is none", says(b"HTTP/1.1 2x0 OK\r\n\r\n"), Reason.PROTOCOL)
add("a preface of HTTP/2", says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), Reason.PROTOCOL)
add("frames of HTTP/2", says(b"\0\0\0\4\0\0\0\0\0" * 100), Reason.PROTOCOL)
add("HTTP/2 in letters", says(b"HTTP/2 200\r\nContent-Length: 1\r\n\r\nx"), Reason.PROTOCOL, Reason.WRONG_BYTES)
add(
    "another protocol unasked",
    says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + b"\0\0\0\4\0" * 99),
    Reason.PROTOCOL,
    Reason.HTTP_STATUS,
)
add("a header without a colon", says(OK + b"no colon\r\n\r\nbody"), Reason.PROTOCOL)
add("a header with a zero byte", says(OK + b"X: a\0b\r\n\r\nbody"), Reason.PROTOCOL)
add("a chunk size that is none", says(CHUNKED + b"zz\r\nab\r\n"), Reason.PROTOCOL)
add("a chunk size beyond numbers", says(CHUNKED + b"f" * 40 + b"\r\nab\r\n"), Reason.PROTOCOL)
add("a negative chunk", says(CHUNKED + b"-5\r\nabcde\r\n0\r\n\r\n"), Reason.PROTOCOL)
add("a negative length", says(OK + b"Content-Length: -5\r\n\r\nabcde"), Reason.PROTOCOL)
add(
    "a length beyond numbers",
    says(OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nabc"),
    Reason.PROTOCOL,
    Reason.WRONG_BYTES,
)
add(
    "two lengths",
    says(OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"),
    Reason.PROTOCOL,
    Reason.WRONG_BYTES,
)
add(
    "length and chunks",
    says(OK + b"Content-Length: 3\r\n" + CHUNKED[17:] + b"1\r\nx\r\n0\r\n\r\n"),
    Reason.WRONG_BYTES,
    Reason.PROTOCOL,
)
add(
    "a coding nobody knows",
    says(OK + b"Transfer-Encoding: bogus, chunked\r\n\r\n0\r\n\r\n"),
    Reason.PROTOCOL,
    Reason.WRONG_BYTES,
)

# --------------------------------------------------------------------------------------------------------------- packed

_MANY_ZEROS = bytes(100 * 1024 * 1024)
_BOMB = gzip.compress(_MANY_ZEROS, 6)
_bare = zlib.compressobj(6, wbits=-zlib.MAX_WBITS)
for _name, _body in (
    ("gzip", _BOMB),
    ("Deflate", _bare.compress(_MANY_ZEROS) + _bare.flush()),
    ("x-gzip", gzip.compress(_BOMB)),
    ("deflate", zlib.compress(_MANY_ZEROS, 6)),
    ("br", _BOMB),
    ("zstd", _BOMB),
    (", ".join(["gzip"] * 100), _BOMB),
):
    _coding = f"Content-Encoding: {_name}".encode()
    add(f"a bomb called {_name[:20]}", says(answer(_body, _coding)), Reason.WRONG_BYTES)
del _MANY_ZEROS
add(
    "a bomb as transfer coding",
    says(OK + b"Transfer-Encoding: gzip\r\n\r\n" + _BOMB),
    Reason.WRONG_BYTES,
    Reason.PROTOCOL,
)
add("broken gzip", says(answer(_BOMB[:500] + b"\xff" * 500, b"Content-Encoding: gzip")), Reason.WRONG_BYTES)

# ------------------------------------------------------------------------------------------- redirects and others

ELSEWHERE = (
    b"file:///etc/passwd", b"gopher://127.0.0.1:25/_HELO", b"ftp://127.0.0.1/", b"dict://127.0.0.1:11211/stat",
    b"ldap://127.0.0.1/", b"http://10.0.0.1/", b"http://169.254.169.254/latest/meta-data/", b"http://127.0.0.1/",
    b"http://[::1]/", b"http://[::ffff:127.0.0.1]/", b"http://2130706433/", b"http://0x7f.1/", b"http://0177.0.0.1/",
    b"http://localhost/", b"//10.0.0.1/", b"http://user:word@127.1.7.1/", b"http://127.1.7.1:22/", b"javascript:1",
    b"http://127.1.7.1@10.0.0.1/", b"http://127.1.7.1%00.example/", b"https://10.0.0.1/",
    b"http://" + b"a" * 9_000 + b"/", b"", b"http://\xff/", b"//\xff:99999/", b"http://[\xff]/",
)  # fmt: skip
for _location in ELSEWHERE:
    add(
        f"a redirect to {_location[:40].decode(errors='replace') or 'nowhere'}",
        says(redirect(_location)),
        Reason.REDIRECT,
    )
for _path in (b"/a\x01\xc3\xa9", b"/\x7f", b"/ \xff"):
    add(f"a redirect to its own {_path!r}", redirects_to_own(_path), Reason.REDIRECT)
for _again in (b"/again", b"\\\\10.0.0.1\\share"):  # four connections in turn, for which a busy machine has no time
    _where = "itself" if _again == b"/again" else _again.decode()
    add(f"a redirect to {_where}", says(redirect(_again, b"307 Again")), Reason.REDIRECT, Reason.TIMEOUT)
add(
    "a redirect with a body of gigabytes",
    endless(_BLOCK, redirect(b"/again").replace(b": 0", b": 99999999999")),
    Reason.REDIRECT,
)
for _scheme in (b"Basic", b"Digest", b"Negotiate", b"NTLM"):
    _ask = _scheme + b' realm="r", nonce="n"'
    add(
        f"a demand for {_scheme.decode()}",
        says(answer(b"", b"WWW-Authenticate: " + _ask, status=b"401 Unauthorized")),
        Reason.HTTP_STATUS,
    )
add("a proxy's demand", says(answer(b"", b"Proxy-Authenticate: Basic", status=b"407 No")), Reason.HTTP_STATUS)
add("an error of gigabytes", endless(_BLOCK, b"HTTP/1.1 500 No\r\n\r\n"), Reason.HTTP_STATUS)
add("a part only", says(answer(b"x", b"Content-Range: bytes 0-0/5", status=b"206 Partial Content")), Reason.HTTP_STATUS)
add("more than was announced", says(answer(b"x" * 10) + b"y" * 9_000), Reason.WRONG_BYTES)
