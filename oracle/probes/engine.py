"""Many requests at once, each over a connection of its own, within one budget of time."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pycurl
import structlog

from oracle.model import NO_ANSWER_REASONS, Reason
from oracle.probes.exchange import Phases, Request, Response, clean
from oracle.probes.handle import Handle
from oracle.probes.pool import Pool, keep, lend
from oracle.probes.url import may_redirect

__all__ = ["Phases", "Request", "Response", "fetch_all"]

CONCURRENCY = 100
_MOST_HOPS = 3
_RETRY_AFTER_MS = 100
_LOOK_EVERY_S = 0.1
_STUCK_S = 0.05
_WATCH_EVERY_S = 0.025
_SILENT_PART = 3
"""A connection on which nothing has come for this part of its time limit is taken for lost."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

log = structlog.get_logger()


def fetch_all(
    requests: Sequence[Request], budget_s: float, *, concurrency: int = CONCURRENCY, ca_file: str | None = None
) -> list[Response]:
    """The responses in the order of the requests; never raises for what a server does.

    Where a connection error may be retried, a connection that falls silent gets another one beside it, within the same
    time limit: the first answer counts.
    When the budget ends, what never started is NOT_MEASURED, and so is what had run for less than a quarter of the
    budget and less than its own time limit: that is this node's lack of time. The rest is TIMEOUT. `ca_file` replaces
    the certificate authorities (certifi's).
    """
    pool = lend(ca_file)
    engine = _Engine(requests, budget_s, pool)
    try:
        with _unstuck(engine):
            responses = engine.run(max(1, concurrency))
    except BaseException:
        engine.release_all()
        pool.close()
        raise
    engine.release_all()
    keep(pool)
    return responses


@contextmanager
def _unstuck(engine: _Engine) -> Iterator[None]:
    """No server may keep all others waiting: one that sends faster than libcurl reads would."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_WATCH_EVERY_S):
            engine.unstick()

    thread = threading.Thread(target=watch, name="unstick")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(slots=True)
class _Job:
    index: int
    request: Request
    url: str
    attempts: int = 0
    hops: int = 0
    begun: float = 0.0
    """When the first attempt began, from which the time limit counts; `started` is the running attempt's."""
    started: float = 0.0
    asked: float = 0.0
    got: int = 0
    got_s: float = 0.0
    easy: Any = None
    rival: _Job | None = None
    is_second: bool = False
    dropped: bool = False

    def left_ms(self) -> int:
        return self.request.timeout_ms - int((time.monotonic() - self.begun) * 1000)


class _Engine:
    def __init__(self, requests: Sequence[Request], budget_s: float, pool: Pool) -> None:
        self._began = time.monotonic()
        self._budget_s = budget_s
        self._pool = pool
        self._order = itertools.count()
        self._waiting = [
            (self._began + request.delay_ms / 1000, next(self._order), _Job(index, request, request.url))
            for index, request in enumerate(requests)
        ]
        heapq.heapify(self._waiting)
        self._running: dict[Any, tuple[Handle, _Job]] = {}
        self._responses: list[Response | None] = [None] * len(requests)
        self._look_s = self._began
        self._turned_s = self._began

    def run(self, concurrency: int) -> list[Response]:
        end = self._began + self._budget_s
        while (self._waiting or self._running) and (left_s := end - time.monotonic()) > 0:
            next_s = self._start_due(concurrency)
            self._turned_s = time.monotonic()
            for easy, code, text in self._pool.wire.turn(min(left_s, next_s, _LOOK_EVERY_S)):
                if easy in self._running:
                    self._finish(easy, code, text)
            self._look()
        self._give_up()
        return [response for response in self._responses if response is not None]

    def release_all(self) -> None:
        for easy in list(self._running):
            self._release(easy)

    def unstick(self) -> None:
        """Break floods, from another thread, if libcurl has not come back for a while."""
        if time.monotonic() - self._turned_s > _STUCK_S:
            for handle, job in list(self._running.values()):
                handle.cut(job.request)

    def _look(self) -> None:
        """End what is beyond a limit that libcurl does not keep."""
        now = self._turned_s = time.monotonic()
        if now < self._look_s and not self._pool.wire.busy:
            return
        self._look_s, self._pool.wire.busy = now + _LOOK_EVERY_S, False
        for easy, (handle, job) in list(self._running.items()):
            if easy not in self._running:
                continue
            if handle.exceeds(job.request, int((now - job.asked) * 1000)):
                self._finish(easy, pycurl.E_ABORTED_BY_CALLBACK, "")
            elif job.attempts <= job.request.retries and not job.hops and _is_silent(job, handle.got(), now):
                self._ask_again_beside(job)

    def _queue(self, job: _Job, due: float) -> None:
        heapq.heappush(self._waiting, (due, next(self._order), job))

    def _start_due(self, concurrency: int) -> float:
        """Start what is due as far as there is room; in how many seconds to look again."""
        while self._waiting and len(self._running) < concurrency:
            if self._waiting[0][2].dropped:
                heapq.heappop(self._waiting)
                continue
            wait_s = self._waiting[0][0] - time.monotonic()
            if wait_s > 0:
                return wait_s
            self._start(heapq.heappop(self._waiting)[2])
        return 3600.0 if self._running else 0.0

    def _start(self, job: _Job) -> None:
        job.asked = job.got_s = time.monotonic()
        if not job.hops and not job.is_second:
            job.started = job.asked
            job.begun = job.begun or job.asked
            job.attempts += 1
        handle = self._pool.take()
        expires_s = self._pool.expiry(job.url, job.request.address)
        try:
            left_ms = job.request.timeout_ms if job.asked == job.begun else job.left_ms()
            handle.prepare(job.request, job.url, left_ms, expires_s)
        except (ValueError, TypeError, pycurl.error) as error:  # not a URL that libcurl could take
            self._pool.give(handle)
            self._record(job, Reason.REDIRECT if job.hops else Reason.NOT_MEASURED, clean(str(error)))
            return
        job.easy = handle.easy
        self._running[handle.easy] = (handle, job)
        self._pool.wire.add(handle.easy)

    def _finish(self, easy: Any, code: int, text: str) -> None:
        """What a server says that nobody foresaw is the end of its own job, and of no other."""
        job = self._running[easy][1]
        try:
            self._read(easy, code, text)
        except Exception:
            log.exception("answer_not_read", url=job.url.partition("?")[0])
            self._is_left_to_rival(job, lost=False)
            if easy in self._running:
                self._release(easy)
            self._record(job, Reason.PROTOCOL, "the answer cannot be read")

    def _read(self, easy: Any, code: int, text: str) -> None:
        handle, job = self._running[easy]
        response, may_retry = handle.result(job.request, code, text, job.attempts)
        leads_on = response.reason is None and response.status in _REDIRECTS
        location = handle.location() if leads_on else ""
        if response.certificate_expires_s is not None:
            self._pool.note_expiry(job.url, job.request.address, response.certificate_expires_s)
        self._release(easy)
        if job.rival and self._is_left_to_rival(job, may_retry or response.reason in NO_ANSWER_REASONS):
            return
        if may_retry and job.attempts <= job.request.retries and job.left_ms() > _RETRY_AFTER_MS:
            job.url, job.hops = job.request.url, 0
            self._queue(job, time.monotonic() + _RETRY_AFTER_MS / 1000)
        elif leads_on:
            self._redirect(job, location, response)
        else:
            self._responses[job.index] = response if job.asked == job.started else _with_total(response, job)

    def _ask_again_beside(self, job: _Job) -> None:
        """One more connection for a job, for what is left of its time."""
        job.attempts += 1
        rival = _Job(job.index, job.request, job.request.url, job.attempts, is_second=True, rival=job)
        rival.begun, rival.started = job.begun, job.started
        job.rival = rival
        self._queue(rival, 0.0)

    def _is_left_to_rival(self, job: _Job, lost: bool) -> bool:
        """Whether the job's other connection may still bring an answer; if this one was not `lost`, it is ended."""
        rival, job.rival = job.rival, None
        if rival is None:
            return False
        rival.rival = None
        if lost:
            return True
        rival.dropped = True
        if self._running.get(rival.easy, (None, None))[1] is rival:
            self._release(rival.easy)
        return False

    def _redirect(self, job: _Job, location: str, response: Response) -> None:
        refusal = _refusal(job, location)
        if not refusal:
            job.url, job.hops = location.partition("#")[0], job.hops + 1
            self._queue(job, 0.0)
            return
        self._responses[job.index] = _with_total(response, job)._replace(reason=Reason.REDIRECT, detail=refusal)

    def _release(self, easy: Any) -> None:
        handle, _ = self._running.pop(easy)
        self._pool.wire.remove(easy)
        handle.release()
        self._pool.give(handle)

    def _give_up(self) -> None:
        """The budget is over. Whoever was asked and has had the time for an answer gave none, even where the next
        attempt had to wait."""
        waiting = [job for _, _, job in self._waiting if not job.dropped]
        for job in (*waiting, *(job for _, job in self._running.values())):
            ran_s = time.monotonic() - job.begun
            if not job.begun:
                self._record(job, Reason.NOT_MEASURED, "the node had no time to ask")
            elif ran_s >= min(job.request.timeout_ms / 1000, self._budget_s / 4):
                self._record(job, Reason.TIMEOUT, f"no complete answer within {int(ran_s * 1000)} ms")
            else:
                self._record(job, Reason.NOT_MEASURED, "the node had no time to wait for the answer")

    def _record(self, job: _Job, reason: Reason, detail: str) -> None:
        request = job.request
        self._responses[job.index] = Response(
            request.url, request.address, reason=reason, detail=detail, attempts=job.attempts
        )


def _is_silent(job: _Job, got: int, now_s: float) -> bool:
    """Whether nothing has come for so long that the connection is taken for lost; looks at what `got` in all so far."""
    if got != job.got:
        job.got, job.got_s = got, now_s
    return (now_s - job.got_s) * 1000 * _SILENT_PART > job.request.timeout_ms


def _refusal(job: _Job, location: str) -> str:
    """Why a redirect is not followed, "" if it is."""
    if job.hops >= _MOST_HOPS:
        return f"more than {_MOST_HOPS} redirects"
    if not may_redirect(job.url, location):
        return clean(f"leads to {location.partition('?')[0] or 'nowhere'}")
    return ""


def _with_total(response: Response, job: _Job) -> Response:
    """Redirects count from the first request of the attempt, a second connection from the start of the first."""
    if not job.hops and not job.is_second:
        return response
    total_ms = int((time.monotonic() - job.started) * 1000) + 1
    return response._replace(phases=response.phases._replace(total_ms=total_ms))
