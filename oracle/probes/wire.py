"""libcurl's multi interface on the system's own poller: CurlMulti.select() spins on descriptors beyond 1023."""

from __future__ import annotations

import math
import select
import time
from typing import Any

import pycurl

_READ = select.POLLIN | select.POLLPRI
_INTEREST = {
    pycurl.POLL_IN: _READ,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: _READ | select.POLLOUT,
}
_BUSY_EVENTS = 32
Finished = tuple[Any, int, str]


def _mask(events: int) -> int:
    read = pycurl.CSELECT_IN if events & (_READ | select.POLLHUP) else 0
    write = pycurl.CSELECT_OUT if events & select.POLLOUT else 0
    failed = pycurl.CSELECT_ERR if events & (select.POLLERR | select.POLLNVAL) else 0
    return int(read | write | failed)


_MASKS = [_mask(events) for events in range(64)]


class Wire:
    """Runs transfers until each has ended; belongs to one thread of one process."""

    def __init__(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._poll = select.poll()  # not epoll: a probe's socket is waited for two or three times, then gone
        self._timer: float | None = None
        self._events: dict[int, int] = {}
        self.busy = False
        """Whether since this was last set to False a connection has had some more events than a small answer has; in
        each of them libcurl reads at most some 300 kB."""
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self.add = self._multi.add_handle
        """Start a transfer."""
        self.remove = self._multi.remove_handle
        """End a transfer, finished or not."""

    def turn(self, wait_s: float) -> list[Finished]:
        """Wait for something to happen, at most `wait_s`; the transfers that ended: handle, error code or 0, text."""
        if self._timer is not None:
            wait_s = min(wait_s, self._timer - time.monotonic())
        act, counts = self._multi.socket_action, self._events  # it ignores descriptors that were closed since
        for descriptor, events in self._poll.poll(max(0, math.ceil(wait_s * 1000))):
            counts[descriptor] = count = counts.get(descriptor, 0) + 1
            if not count % _BUSY_EVENTS:
                self.busy = True
            act(descriptor, _MASKS[events & 63])
        if self._timer is not None and time.monotonic() >= self._timer:
            self._timer = None
            act(pycurl.SOCKET_TIMEOUT, 0)
        return self._finished()

    def close(self) -> None:
        """Give all back; every transfer must have been removed."""
        self._multi.close()

    def _finished(self) -> list[Finished]:
        ended: list[Finished] = []
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            ended += [(easy, 0, "") for easy in good]
            ended += bad
        return ended

    def _watch(self, what: int, descriptor: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._events.pop(descriptor, None)
            try:  # noqa: SIM105 - contextlib.suppress costs as much as the call
                self._poll.unregister(descriptor)
            except KeyError:
                pass
        else:
            self._poll.register(descriptor, _INTEREST.get(what, 0))

    def _set_timer(self, after_ms: int) -> None:
        self._timer = None if after_ms < 0 else time.monotonic() + after_ms / 1000
