"""What outlives a call of the engine: handles, and the certificate authorities that libcurl has read (16 ms a time)."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from oracle.probes.handle import Handle
from oracle.probes.wire import Wire

# libcurl prints the whole chain to tell one date, a twentieth of a probe over TLS; it is checked in every handshake.
_CERTIFICATE_KEPT_S = 600.0
_MOST_CERTIFICATES = 10_000


class Pool:
    """A wire, the handles made for it, and the dates of certificates read; belongs to one thread of one process."""

    def __init__(self, ca_file: str | None) -> None:
        self.ca_file = ca_file
        self.pid = os.getpid()
        self.wire = Wire()
        self._idle: list[Handle] = []
        self._expiries: dict[tuple[str, str], tuple[int, float]] = {}

    def take(self) -> Handle:
        """A handle that nobody uses."""
        return self._idle.pop() if self._idle else Handle(self.ca_file)

    def give(self, handle: Handle) -> None:
        """Back for the next one."""
        self._idle.append(handle)

    def expiry(self, url: str, address: str) -> int | None:
        """When the certificate of the URL's host at this address expires; None if that is to be read (again)."""
        if not url.startswith("https:"):
            return None
        expires_s, until = self._expiries.get((_origin(url), address), (0, 0.0))
        return expires_s if time.monotonic() < until else None

    def note_expiry(self, url: str, address: str, expires_s: int) -> None:
        """What a certificate said, good for some minutes from when it was first read."""
        if self.expiry(url, address) == expires_s:
            return
        if len(self._expiries) >= _MOST_CERTIFICATES:
            self._expiries.clear()
        self._expiries[_origin(url), address] = expires_s, time.monotonic() + _CERTIFICATE_KEPT_S

    def close(self) -> None:
        """End it for good; every handle must have been given back."""
        self.wire.close()
        for handle in self._idle:
            handle.easy.close()


def _origin(url: str) -> str:
    return url.split("/", 3)[2]


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
