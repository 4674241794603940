"""The way between a prober and honest servers: delay, jitter, and now and then a connection that is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum

_PIECE = 64 * 1024
_STALL_S = 30


class Fate(StrEnum):
    """What becomes of a connection."""

    THROUGH = "through"
    RESET = "reset"
    STALLED = "stalled"


@dataclass
class Weather:
    """One in a hundred connections is lost, in turn reset and stalled; what goes through takes 20 to 160 ms more each
    way, mostly little, with a long tail. Counts what happened."""

    seed: int
    lost_in_1000: int = 10
    least_s: float = 0.01
    mean_s: float = 0.02
    most_s: float = 0.08
    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def fate(self) -> Fate:
        """Of the next connection."""
        lost = self._chance.randrange(1000) < self.lost_in_1000
        resets = self.counts[Fate.RESET] <= self.counts[Fate.STALLED]
        fate = (Fate.RESET if resets else Fate.STALLED) if lost else Fate.THROUGH
        self.counts[fate] += 1
        return fate

    @property
    def connections(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    @property
    def lost(self) -> int:
        """How many of them were lost."""
        return self.connections - self.counts[Fate.THROUGH]

    def delay_s(self) -> float:
        """How long bytes take one way."""
        return min(self.least_s + self._chance.expovariate(1 / self.mean_s), self.most_s)

    def comes_through(self, fate: Fate) -> float | None:
        """How much of a connection's answer comes through: all, half or nothing; None if its request does not."""
        return 1 if fate is Fate.THROUGH else self._chance.choice((None, 0, 0.5))


class Line:
    """Passes connections on to a server, through the weather."""

    def __init__(self, weather: Weather, address: str, upstream: tuple[str, int]) -> None:
        self.weather, self.address, self.upstream, self.port = weather, address, upstream, 0
        self._listening: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None] | None] = set()  # asyncio itself holds them weakly

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self.address}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._listening = await asyncio.start_server(self._accept, self.address, 0, backlog=512)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections."""
        if self._listening is not None:
            self._listening.close()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fate, task = self.weather.fate(), asyncio.current_task()
        self._tasks.add(task)
        try:
            if (part := self.weather.comes_through(fate)) is not None:
                request = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(self.weather.delay_s())
                answer = await self._pass_on(request)
                await asyncio.sleep(self.weather.delay_s())
                writer.write(answer[: int(part * len(answer))])
                await writer.drain()
            await _lose(fate, reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _pass_on(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self.upstream)
        with contextlib.closing(writer):
            writer.write(request)
            return await reader.read()


async def _lose(fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if fate is Fate.STALLED:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STALL_S):
                while await reader.read(_PIECE):  # until the other end has had enough
                    pass
    if fate is Fate.RESET:
        opened = writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
