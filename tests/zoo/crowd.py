"""All servers of a zoo on one event loop in a thread of its own, for a test that waits for the clock meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_PATIENCE_S = 30


class Startable(Protocol):
    """A server."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Refuse connections."""


S = TypeVar("S", bound=Startable)


class Crowd:
    """Starts servers and stops all of them at its end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd")
        self._servers: list[Startable] = []

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait for what comes of it."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_PATIENCE_S)

    def start(self, server: S) -> S:
        """Have a server listen."""
        self.do(server.start())
        self._servers.append(server)
        return server

    async def _end(self) -> None:
        for server in self._servers:
            await server.stop()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # until what was closed is closed
