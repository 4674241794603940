"""What outlives a call of the engine: handles, and the certificate authorities that libcurl has read (16 ms a time)."""

from __future__ import annotations

import os
import threading
from typing import Any

from oracle.probes.handle import Handle
from oracle.probes.wire import Wire


class Pool:
    """A wire and the handles made for it; belongs to one thread of one process."""

    def __init__(self, ca_file: str | None) -> None:
        self.ca_file = ca_file
        self.pid = os.getpid()
        self.wire = Wire()
        self._idle: list[Handle] = []

    def take(self) -> Handle:
        """A handle that nobody uses."""
        return self._idle.pop() if self._idle else Handle(self.ca_file)

    def give(self, handle: Handle) -> None:
        """Back for the next one."""
        self._idle.append(handle)

    def close(self) -> None:
        """End it for good; every handle must have been given back."""
        self.wire.close()
        for handle in self._idle:
            handle.easy.close()


_kept: Any = threading.local()


def lend(ca_file: str | None) -> Pool:
    """This thread's pool for these certificate authorities, which is the borrower's until it is kept.

    A forked child gets its own: what its parent holds is not touched.
    """
    pool: Pool | None = getattr(_kept, "pool", None)
    _kept.pool = None
    if pool is not None and (pool.ca_file, pool.pid) == (ca_file, os.getpid()):
        return pool
    return Pool(ca_file)


def keep(pool: Pool) -> None:
    """For the next one to borrow; nothing may run on it."""
    _kept.pool = pool
