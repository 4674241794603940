"""Takes in one answer as it streams: counts, hashes and caps it, and keeps only what was asked for."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from oracle.probes.exchange import NO_HEADERS, clean

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/[0-9.]+ +([0-9]{3})(?![0-9])")
# fmt: off
_KEPT = (
    "age", "cache-control", "content-encoding", "content-length", "content-type", "date", "etag", "last-modified",
    "location", "retry-after", "server", "transfer-encoding", "via",
)
# fmt: on
_NAMES = {name.encode(): name for name in _KEPT}
_STOP = -1
_ROOM = 64 * 1024
_TELLING_BYTES = 2


class Sink:
    """The two callbacks of a transfer and what they gathered; used again for the next one after `reset`.

    `head` is all that came of heads and trailers. libcurl adds to it line by line through `header`, some ten times a
    probe, so that is a bare method of the bytearray; its length is checked with the body's first piece, at each look of
    the engine and at the end. `status` and `whole_head` are there once the head was read: of several (1xx before the
    answer) the last one counts. `stopped` says what ended the transfer: "headers" or "body" beyond its cap, or "status"
    for an answer whose body nobody needs.
    """

    __slots__ = (
        "_also", "_decoder", "_hash", "_kept", "_max_bytes", "_max_header_bytes", "_update", "head", "header",
        "headers", "length", "status", "stopped", "whole_head",
    )  # fmt: skip

    def __init__(self) -> None:
        self.head = bytearray()
        self.header = self.head.extend
        self.reset(0, 0, keep_body=False)

    def reset(self, max_bytes: int, max_header_bytes: int, *, keep_body: bool) -> None:
        """Forget all that came, and take in another answer."""
        self._max_bytes = max_bytes
        self._max_header_bytes = max_header_bytes
        self._hash = digest = sha256()
        self._update = digest.update
        self._kept: bytearray | None = bytearray() if keep_body else None
        self._decoder: Decoder | None = None
        self._also: tuple[Callable[[bytes], None], ...] = ()
        self.head.clear()
        self.headers: Mapping[str, str] = NO_HEADERS
        self.length = 0
        self.status = -1
        self.stopped = ""
        self.whole_head = False

    def write(self, chunk: bytes) -> int | None:
        """One piece of the body."""
        if not self.length and not self._begin():
            return _STOP
        self.length += len(chunk)
        if self.length > self._max_bytes:
            self.stopped = "body"
            return _STOP
        self._update(chunk)
        for take in self._also:
            take(chunk)
        return None

    def _begin(self) -> bool:
        """With the first piece of a body: whether it is to be read, and by whom."""
        self._read_head()
        if len(self.head) > self._max_header_bytes:
            self.stopped = "headers"
        elif self.status != 200:
            self.stopped = "status"
        elif b"\ncontent-encoding" in self.head.lower():
            self._decoder = Decoder.of(self.headers.get("content-encoding", ""), self._max_bytes)
        if self._decoder is not None:
            self._also = (self._decoder.feed,)
        if self._kept is not None:
            self._also += (self._kept.extend,)
        return not self.stopped

    def finish(self) -> None:
        """Nothing more will come."""
        if self.status < 0:
            self._read_head()
        if len(self.head) > self._max_header_bytes:
            self.stopped = "headers"

    def _read_head(self) -> None:
        """Once only: the trailers of a body are no part of its head."""
        head = bytes(self.head)
        last = head.rfind(b"\nHTTP/") + 1
        match = _STATUS.match(head, last)
        self.status = int(match[1]) if match else 0
        if match and len(head) <= self._max_header_bytes:
            self.headers = Headers(head[last:])
        self.whole_head = head.endswith(b"\r\n\r\n") or _END_OF_HEAD.search(head, last) is not None

    def body(self) -> bytes | None:
        """The body, if it was to be kept."""
        return None if self._kept is None else bytes(self._kept)

    def digest(self) -> str:
        """SHA-256 of all that came, hexadecimal."""
        return self._hash.hexdigest()

    def decoded(self) -> str | None:
        """SHA-256 of what a compressed body holds, None if it is not compressed or cannot be read."""
        return self._decoder.digest() if self._decoder is not None else None


class Headers(Mapping[str, str]):
    """What is kept of a head, by lower-case name; read only if somebody asks, since hardly anybody does."""

    __slots__ = ("_head", "_read")

    def __init__(self, head: bytes = b"") -> None:
        self._head = head
        self._read: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> dict[str, str]:
        if self._read is None:
            parts = [line.partition(b":") for line in self._head.split(b"\n")]
            named = [(_NAMES.get(name.strip().lower()), value) for name, _, value in parts]
            self._read = {name: clean(value.strip().decode("latin-1")) for name, value in named if name}
        return self._read


class Decoder:
    """Unpacks gzip or deflate in bounded memory, up to a cap, only to hash it.

    What servers call deflate is either zlib's format or the bare one inside it; browsers read both. The first two bytes
    tell which.
    """

    def __init__(self, cap: int) -> None:
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._start: bytes | None = b""
        self._hash = sha256()
        self._left = cap
        self._broken = False

    @classmethod
    def of(cls, encoding: str, cap: int) -> Decoder | None:
        """The decoder for a Content-Encoding, None if it is none that we read."""
        return cls(cap) if encoding.strip().lower() in ("gzip", "x-gzip", "deflate") else None

    def feed(self, chunk: bytes) -> None:
        """The next packed bytes."""
        if self._start is not None:
            self._start = chunk = self._start + chunk
            if len(chunk) < _TELLING_BYTES:
                return
            self._start = None
            if not _is_wrapped(chunk):
                self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            while chunk and not self._broken and not self._unpack.eof:
                piece = self._unpack.decompress(chunk, _ROOM)
                self._left -= len(piece)
                self._broken = self._left < 0
                self._hash.update(piece)
                chunk = self._unpack.unconsumed_tail
        except zlib.error:
            self._broken = True

    def digest(self) -> str | None:
        """SHA-256 of what was inside, None if it was not whole."""
        return self._hash.hexdigest() if self._unpack.eof and not self._broken else None


def _is_wrapped(start: bytes) -> bool:
    """Whether packed bytes start as gzip (RFC 1952) or zlib (RFC 1950) do, not as bare deflate (RFC 1951)."""
    return start[:2] == b"\x1f\x8b" or (start[0] & 0x0F == 8 and int.from_bytes(start[:2]) % 31 == 0)
