"""The cheats that hold files, or seem to: one behaviour each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from oracle.model import Clock
from oracle.probes.ownership import WELL_KNOWN
from tests.zoo.site import Request, Site, ownership, reply

FORBIDDEN = reply(b"nothing for you\n", "403 Forbidden")


def flipped(body: bytes) -> bytes:
    """The same number of bytes, one of them another."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


class Altered(Site):
    """Hopes that nobody looks at one file: another byte in it, the same length."""

    def __init__(self, files: Mapping[str, bytes], operator: str, path: str) -> None:
        super().__init__(files, operator)
        self.files[f"/{path}"] = flipped(files[path])


class AlteredLater(Site):
    """Hopes that what was looked at is not looked at again: from `begin` on it alters the file that is asked for
    next, just after it has been served as released."""

    def __init__(self, files: Mapping[str, bytes], operator: str) -> None:
        super().__init__(files, operator)
        self._released = {f"/{path}" for path in files}
        self._waiting = False
        self.path, self.altered_s = "", 0.0

    def begin(self) -> None:
        """Alter the next file that is asked for."""
        self._waiting = True

    def answer(self, request: Request) -> bytes:
        """As released; what is next time is another thing."""
        answer = super().answer(request)
        if self._waiting and request.path in self._released:
            self._waiting = False
            self.path, self.altered_s = request.path.lstrip("/"), time.time()
            self.files[request.path] = flipped(self.files[request.path])
        return answer


class SoftMissing(Site):
    """Hopes that the index page is enough: it is right, and stands with status 200 for everything else too."""

    def __init__(self, files: Mapping[str, bytes], operator: str, index: str = "index.html") -> None:
        super().__init__({index: files[index]}, operator)
        self._index = reply(files[index])

    def answer(self, request: Request) -> bytes:
        """The ownership document, or the index page."""
        return super().answer(request) if request.path in self.files else self._index


class OnlyForAgent(Site):
    """Hopes to know the prober by its words: others get a page with something added; only the one at `path`, if it is
    given."""

    def __init__(self, files: Mapping[str, bytes], operator: str, agent: str, path: str = "") -> None:
        super().__init__(files, operator)
        self._agent, self._path = agent, path and f"/{path}"

    def answer(self, request: Request) -> bytes:
        """The released bytes for one agent only."""
        spared = request.path != self._path if self._path else request.path == WELL_KNOWN
        if request.agent == self._agent or spared:
            return super().answer(request)
        return reply(self.files.get(request.path, b"") + b"<script>mine()</script>")


class OnlyForAddress(Site):
    """Hopes to know the prober by its address: others get nothing."""

    def __init__(self, files: Mapping[str, bytes], operator: str, address: str) -> None:
        super().__init__(files, operator)
        self._address = address

    def answer(self, request: Request) -> bytes:
        """The released bytes for one address only."""
        return super().answer(request) if request.peer == self._address else FORBIDDEN


class Drip(Site):
    """Hopes that a connection that never falls silent is never given up: the right bytes, one at a time."""

    def __init__(self, files: Mapping[str, bytes], operator: str, pause_s: float) -> None:
        super().__init__(files, operator)
        self._pause_s = pause_s

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """The ownership document at once, all else byte by byte."""
        answer = self.answer(request)
        if request.path == WELL_KNOWN:
            writer.write(answer)
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(self._pause_s)


class Slow(Site):
    """Hopes that any answer in time is as good as a fast one."""

    def __init__(self, files: Mapping[str, bytes], operator: str, wait_s: float) -> None:
        super().__init__(files, operator)
        self._wait_s = wait_s

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer after a while."""
        await asyncio.sleep(self._wait_s)
        await super().respond(request, writer)


class Flapping(Site):
    """Hopes to be paid for all day for two thirds of it: in the middle third of each epoch it cuts connections."""

    def __init__(self, files: Mapping[str, bytes], operator: str, clock: Clock) -> None:
        super().__init__(files, operator)
        self._clock = clock

    async def respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer, or cut."""
        length_s = self._clock.epoch_length_s
        into_s = (time.time() - self._clock.genesis_s) % length_s
        if length_s <= 3 * into_s < 2 * length_s:
            writer.transport.abort()
        else:
            await super().respond(request, writer)


class Names(Site):
    """Hopes that two names look like two servers: each names an operator of its own."""

    def __init__(self, files: Mapping[str, bytes], operators: Mapping[str, str]) -> None:
        super().__init__(files)
        self.operators = dict(operators)

    def answer(self, request: Request) -> bytes:
        """The files under each name, the operator by name."""
        if request.path == WELL_KNOWN:
            return reply(ownership(self.operators.get(request.host.rpartition(":")[0], "")))
        return super().answer(request)
