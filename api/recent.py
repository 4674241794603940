"""What was read a moment ago is answered again: a page that many ask for is read once, not once for each."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 256
"""So many values are kept at most."""


class Recent(Generic[T]):
    """Values by key, each made again once it is older than `ttl_s`; one thread makes it while others wait."""

    def __init__(self, ttl_s: float) -> None:
        """Keeps values for `ttl_s` seconds; 0 for not at all."""
        self.ttl_s = ttl_s
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, _Entry[T]] = OrderedDict()

    def get(self, key: int, make: Callable[[], T]) -> T:
        """The value of a key, made if there is none or it is too old."""
        if not self.ttl_s:
            return make()
        entry = self._entry(key)
        with entry.lock:
            if entry.until < time.monotonic():
                entry.value = make()
                entry.until = time.monotonic() + self.ttl_s
            return entry.value

    def _entry(self, key: int) -> _Entry[T]:
        with self._lock:
            entry = self._entries.pop(key, None) or _Entry[T]()
            self._entries[key] = entry
            if len(self._entries) > MOST:
                self._entries.popitem(last=False)
            return entry


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = 0.0
        self.value: T
