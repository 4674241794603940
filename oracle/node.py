"""One node: the embedded queue, Celery worker and beat, and the API, under a supervisor that restarts what dies.

Every child is tied to the supervisor by the kernel, so nothing is left behind even when the supervisor is killed -9.
Who runs where is written to `home/node.json`; what the children say, to `home/logs/<role>.log`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import redis
import structlog

from oracle.errors import ProcessFailed
from oracle.processes import check_port, free_port, listens, start, stop
from oracle.queue import ready_key, redis_url, start_queue
from oracle.settings import Settings

log = structlog.get_logger()

ROLES = ("queue", "worker", "beat", "api")
"""In the order of starting; stopped the other way round."""
_LOOK_S = 0.1
_BACKOFF_S = (0.0, 0.2, 0.5, 1.0, 2.0)
_STABLE_S = 15.0
_FALSE_STARTS = 3
_LARGEST_LOG = 20 * 1024 * 1024


@dataclass
class Child:
    """A process that has to be there; `failures` counts how often in a row it died young."""

    role: str
    launch: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    not_before_s: float = 0.0
    restarts: int = 0

    def ensure(self) -> bool:
        """Start it if it is not there and its pause is over; True when it was started."""
        if self.process is not None and self.process.poll() is None:
            return False
        now = time.monotonic()
        if self.process is not None:
            self._fell(now)
        if now < self.not_before_s:
            return False
        self.started_s = now
        try:
            self.process = self.launch()
        except ProcessFailed as error:
            log.warning("child_does_not_start", role=self.role, error=str(error))
            self._pause(now)
        return self.process is not None

    def _fell(self, now: float) -> None:
        assert self.process is not None  # noqa: S101
        log.warning("child_died", role=self.role, pid=self.process.pid, status=self.process.returncode)
        self.process, self.restarts = None, self.restarts + 1
        self._pause(now)

    def _pause(self, now: float) -> None:
        self.failures = 0 if now - self.started_s > _STABLE_S else self.failures + 1
        self.not_before_s = now + _BACKOFF_S[min(self.failures, len(_BACKOFF_S) - 1)]


@dataclass
class Node:
    """The supervisor of one node; `run` returns after SIGTERM or SIGINT, with every child gone."""

    settings: Settings
    stopping: bool = False
    ready: bool = False
    children: dict[str, Child] = field(default_factory=dict)
    port: int = 0

    def run(self, on_ready: Callable[[Node], None] = lambda _: None) -> None:
        """Start all children, restart those that die, until a signal tells to stop.

        Raises: PortInUse; ProcessFailed if another node runs in this home, or a child does not come up at all.
        """
        self.check_ports()
        self._prepare()
        with _only_one(self.settings.home), self._signals():
            try:
                while not self.stopping:
                    self._look(on_ready)
                    time.sleep(_LOOK_S)
            finally:
                self._stop_all()

    def check_ports(self) -> None:
        """Make sure that the API can listen where it should.

        Raises: PortInUse.
        """
        check_port("the API", self.settings.api_host, self.settings.api_port)

    def _prepare(self) -> None:
        self.port = self.settings.api_port or free_port(self.settings.api_host)
        home = self.settings.home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        roles = ROLES[1:] if self.settings.redis_url else ROLES
        self.children = {role: Child(role, lambda role=role: self._launch(role)) for role in roles}  # type: ignore[misc]

    def _launch(self, role: str) -> subprocess.Popen[bytes]:
        log_file = self.settings.home / "logs" / f"{role}.log"
        _rotate(log_file)
        if role == "queue":
            return start_queue(self.settings.home, log_file)
        return start(_argv(role, self.settings, self.port), log_file)

    def _look(self, on_ready: Callable[[Node], None]) -> None:
        started = [child.role for child in self.children.values() if not self.stopping and child.ensure()]
        if not self.ready:
            self._check_false_starts()
            if self._all_answer():
                self.ready = True
                self._write_state()
                on_ready(self)
        if started:
            log.info("children_started", roles=started)
            self._write_state()

    def _check_false_starts(self) -> None:
        for child in self.children.values():
            if child.failures >= _FALSE_STARTS:
                raise ProcessFailed(
                    f"{child.role} does not stay up; {self.settings.home / 'logs' / child.role}.log says why"
                )

    def _all_answer(self) -> bool:
        return self._worker_answers() and listens(self.settings.api_host, self.port)

    def _worker_answers(self) -> bool:
        process = self.children["worker"].process
        try:
            with redis.Redis.from_url(redis_url(self.settings), socket_timeout=1) as client:
                told = client.get(ready_key(self.settings))
        except redis.RedisError:
            return False
        return process is not None and told == str(process.pid).encode()

    def _write_state(self) -> None:
        state: dict[str, Any] = {
            "node": self.settings.node_name,
            "ready": self.ready,
            "api": {"host": self.settings.api_host, "port": self.port, "url": self.url},
            "pids": {"supervisor": os.getpid()}
            | {role: child.process.pid for role, child in self.children.items() if child.process},
            "restarts": {role: child.restarts for role, child in self.children.items()},
        }
        path = self.settings.home / "node.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(state, indent=1) + "\n")
        new.replace(path)

    @property
    def url(self) -> str:
        """Where the API answers."""
        host = f"[{self.settings.api_host}]" if ":" in self.settings.api_host else self.settings.api_host
        return f"http://{host}:{self.port}"

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self.stopping = True

        former = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _stop_all(self) -> None:
        running = [child.process for child in self.children.values() if child.process]
        for process in running[1:]:
            if process.poll() is None:
                process.terminate()
        for process in reversed(running):
            stop(process)
        (self.settings.home / "node.json").unlink(missing_ok=True)


def _argv(role: str, settings: Settings, port: int) -> list[str]:
    python, level = sys.executable, settings.log_level
    if role == "api":
        where = ["--host", settings.api_host, "--port", str(port)]
        return [python, "-m", "uvicorn", "--factory", "api.app:create_app", *where, "--log-level", level]
    celery = [python, "-m", "celery", "--app", "oracle.tasks:app", "--quiet"]
    if role == "beat":
        return [*celery, "beat", "--loglevel", level, "--pidfile="]
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    name = ["--hostname", f"{settings.node_name}@%h"]
    return [*celery, "worker", "--loglevel", level, "-O", "fair", *lean, *name]


def _rotate(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "node.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProcessFailed(f"another node runs in {home}; stop it or choose another MIRRORBOND_HOME") from error
        yield
