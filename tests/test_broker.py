"""The worker's connection to the queue: it sees the queue go, whatever it was doing, and is soon there again."""

import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import connection
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from oracle.broker import Connection
from oracle.processes import stop
from oracle.queue import broker_url, start_queue
from oracle.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def queue(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_queue(home, home / "queue.log")
    yield process
    stop(process)


def connection_to(url: str) -> Any:
    """Ours; of any type, since Kombu tells none."""
    return Connection(url)  # type: ignore[no-untyped-call]


def take_one(channel: Any) -> Any:
    """Send a message and take it, as a worker with one process does: the next only when this is acknowledged."""
    client = channel.connection.client
    taken: list[Any] = []
    tasks = Queue("tasks", channel=channel)  # type: ignore[no-untyped-call]
    consumer = client.Consumer([tasks], channel, callbacks=[lambda _body, message: taken.append(message)])
    consumer.qos(prefetch_count=1)
    consumer.consume()
    client.Producer(channel).publish({}, routing_key="tasks")
    while not taken:
        client.drain_events(timeout=5)
    return taken[0]


@pytest.mark.parametrize("tell", ["ack_log_error", "reject_log_error"])
def test_a_queue_that_dies_while_all_messages_are_out_is_seen_to_be_gone(
    home: Path, queue: subprocess.Popen[bytes], tell: str
) -> None:
    """Else the worker waits for ever for a message on a socket that nobody holds any more."""
    with connection_to(broker_url(Settings(home=home))) as connection:
        channel = connection.channel()
        message = take_one(channel)
        queue.kill()
        queue.wait()
        getattr(message, tell)(logging.getLogger("test"), connection.connection_errors)
        again = start_queue(home, home / "queue.log")
        try:
            with pytest.raises(redis.ConnectionError):
                connection.drain_events(timeout=1)
        finally:
            channel.qos.restore_at_shutdown = False
            stop(again)


def test_a_message_that_was_acknowledged_is_done(home: Path, queue: subprocess.Popen[bytes]) -> None:
    with connection_to(broker_url(Settings(home=home))) as connection:
        channel = connection.channel()
        message = take_one(channel)
        assert channel.client.hlen("unacked") == 1
        assert not channel.qos.can_consume()
        message.ack()
        assert channel.client.hlen("unacked") == 0
        assert channel.qos.can_consume()


def test_it_looks_for_the_queue_soon_and_often(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue on this machine is back within a second; Kombu itself would look after 2, 6 and 12 seconds."""
    pauses: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    with pytest.raises(OperationalError):
        connection_to(broker_url(Settings(home=home))).ensure_connection(lambda _error, pause: pauses.append(pause), 20)
    assert pauses[0] <= 0.2
    assert sum(pauses[:4]) <= 2
    assert max(pauses) == 2


def test_other_queues_than_redis_are_left_as_they_are() -> None:
    theirs: Any = connection.Connection
    assert type(connection_to("memory://").transport) is type(theirs("memory://").transport)
