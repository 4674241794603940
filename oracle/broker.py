"""The worker's connection to the queue: Kombu's for Redis, made to come back whenever the queue does.

Kombu counts a message as out until it is acknowledged. While as many are out as there are processes it does not read,
so it does not see the queue go; if the queue dies then and no acknowledgement gets through, it waits for ever, without
a word. Ours counts what could not be acknowledged as done: it reads, sees that the queue is gone, and connects anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu import connection
from kombu.transport import redis, virtual

_STEP_S = 0.2
_LATEST_S = 2.0


class _Deliveries(redis.QoS):
    """The messages that are out; the queue gives out again what it does not hear of, and doing it twice is harmless."""

    def ack(self, delivery_tag: str) -> None:
        """Tell the queue that a message is done."""
        self._done(super().ack, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Tell the queue that a message was not done."""
        self._done(super().reject, delivery_tag, requeue=requeue)

    def _done(self, tell: Callable[..., None], delivery_tag: str, **options: bool) -> None:
        try:
            tell(delivery_tag, **options)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            raise


class _Channel(redis.Channel):
    QoS = _Deliveries


class _Transport(redis.Transport):
    Channel = _Channel


class Connection(connection.Connection):
    """A connection that is soon there again: a queue on this machine is back within a second."""

    def get_transport_cls(self) -> Any:
        """Ours for Redis and Valkey."""
        found = super().get_transport_cls()  # type: ignore[no-untyped-call]
        return _Transport if found is redis.Transport else found

    def ensure_connection(self, *args: Any, **options: Any) -> Connection:
        """Connect, as often as it takes."""
        pauses = {"interval_start": _STEP_S, "interval_step": _STEP_S, "interval_max": _LATEST_S}
        super().ensure_connection(*args, **pauses | options)  # type: ignore[no-untyped-call]
        return self
