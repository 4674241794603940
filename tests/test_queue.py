"""The embedded queue: durable, private, and gone with whoever started it."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from oracle.errors import ProcessFailed
from oracle.processes import start, stop
from oracle.queue import answers, broker_url, data_dir, redis_url, socket_path, start_queue
from oracle.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def queue(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_queue(home, home / "queue.log")
    yield process
    stop(process)


@pytest.fixture
def client(home: Path, queue: subprocess.Popen[bytes]) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url(Settings(home=home))) as connection:
        yield connection


def test_it_writes_what_it_is_told_to_disk_and_never_evicts(client: redis.Redis) -> None:
    told = client.config_get("append*", "maxmemory-policy")
    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "everysec"
    assert told["maxmemory-policy"] == "noeviction"


def test_what_was_queued_survives_kill_9(home: Path, queue: subprocess.Popen[bytes], client: redis.Redis) -> None:
    client.lpush("tasks", "measure")
    time.sleep(1.5)  # everysec
    queue.kill()
    queue.wait()
    again = start_queue(home, home / "queue.log")
    try:
        assert client.lrange("tasks", 0, -1) == [b"measure"]
    finally:
        stop(again)


def test_sigterm_saves_everything_and_ends_with_0(
    home: Path, queue: subprocess.Popen[bytes], client: redis.Redis
) -> None:
    client.set("last", "word")
    stop(queue)
    assert queue.returncode == 0
    again = start_queue(home, home / "queue.log")
    try:
        assert client.get("last") == b"word"
    finally:
        stop(again)


def test_only_this_user_gets_in_and_no_port_is_taken(home: Path, client: redis.Redis) -> None:
    assert stat.S_IMODE(socket_path(home).stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir(home).stat().st_mode) == 0o700
    assert client.config_get("port") == {"port": "0"}


def test_it_dies_with_whoever_started_it(home: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from oracle.queue import start_queue\n"
        f"home = Path({str(home)!r}); print(start_queue(home, home / 'log').pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_home_whose_path_is_too_long_for_a_socket_still_has_one(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    assert len(str(socket_path(home))) < 108
    process = start_queue(home, home / "log")
    try:
        assert answers(redis_url(Settings(home=home)))
    finally:
        stop(process)
        socket_path(home).parent.rmdir()


def test_an_own_redis_is_used_as_it_is() -> None:
    given = Settings(REDIS_URL="redis://queue.example:6379/2")
    assert redis_url(given) == broker_url(given) == "redis://queue.example:6379/2"


def test_nothing_answers_where_nothing_is(home: Path) -> None:
    assert not answers(redis_url(Settings(home=home)))


def test_one_that_does_not_come_up_in_time_is_not_left_beside_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def remembered(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
        started.append(start(argv, log))
        return started[-1]

    monkeypatch.setattr("oracle.queue.start", remembered)
    monkeypatch.setattr("oracle.queue.answers", lambda _: False)
    monkeypatch.setattr("oracle.queue._READY_S", 0.1)
    with pytest.raises(ProcessFailed, match="is not ready"):
        start_queue(home, home / "queue.log")
    assert started[0].poll() is not None
