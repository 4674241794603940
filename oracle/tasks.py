"""The Celery app: thin tasks that parse their ids, call one function and may run twice without harm.

Beat sends `tick` every second; `tick` sends whatever is due, at most once each (see `oracle.agenda`). What a task does
not get done is sent again by a later tick, so nothing here depends on a message surviving, or on its coming only once.
"""

from __future__ import annotations

import fcntl
import gc
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

import redis
import structlog
from celery import Celery, signals
from celery.app.amqp import AMQP
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from oracle.agenda import Duty, due
from oracle.broker import Connection
from oracle.context import Context
from oracle.errors import InvalidInput, MirrorbondError, StoreUnreachable
from oracle.logs import configure_logging
from oracle.model import Epoch, FundId, MirrorId
from oracle.processes import die_with
from oracle.queue import broker_url, ready_key, redis_url
from oracle.rota import Shard
from oracle.settings import Settings, settings
from oracle.store import facts
from oracle.store.db import close_store, open_store
from oracle.store.locks import held

log = structlog.get_logger()

TICK_S = 1
VITALS_EVERY_S = 5
_STEPS = (0, 3, 6, 9)
"""The priorities that the queue tells apart, each a list of its own."""
_PATIENCE_S = 120
"""After so long a task that was taken and not done is given to another: longer than any slice lasts."""
_HARD_LIMIT_S = 600
"""Longer than a complete read may take, with its host's owner asked before and its outcome stored."""
_SEAT_S = 0.2
"""So long a process waits that may not read completely, before it looks for other work."""
_LOOK_S, _LOOKS = 0.2, 50
"""How often beat looks for a queue that has gone, and how many times before it gives up and is started anew."""


def configuration(chosen: Settings) -> dict[str, Any]:
    """Celery's settings for a node."""
    return {
        "broker_url": broker_url(chosen),
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": _PATIENCE_S,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "queue_order_strategy": "priority",
            "socket_connect_timeout": 2,
        },
        "task_default_queue": chosen.node_name,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_time_limit": _HARD_LIMIT_S,
        "task_default_priority": 5,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": chosen.worker_processes,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_scheduler": "redbeat.RedBeatScheduler",
        "beat_max_loop_interval": 1,
        "beat_schedule": {"tick": {"task": "tick", "schedule": TICK_S, "options": {"expires": 2 * TICK_S}}},
        "redbeat_redis_url": redis_url(chosen),
        "redbeat_redis_options": {"socket_connect_timeout": 2, "retry": Retry(ConstantBackoff(_LOOK_S), _LOOKS)},
        "redbeat_key_prefix": f"{chosen.node_name}:beat:",
        # An embedded queue has one beat, so nothing to lock out; after a kill it need not wait for its own old lock.
        "redbeat_lock_key": "lock" if chosen.redis_url else None,
        "redbeat_lock_timeout": 15,
    }


class _Amqp(AMQP):  # type: ignore[misc]
    Connection = Connection


app = Celery("mirrorbond", amqp=_Amqp)
app.add_defaults(lambda: configuration(settings()))


# ------------------------------------------------------------------------------------------------- the worker


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _log_lines(**_: Any) -> None:
    configure_logging(settings().log_level)


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _import_once(**_: Any) -> None:
    """Import here, before the children are forked, what each of them would import: web3 alone takes a second."""
    for module in (
        "oracle.chain.contracts",
        "oracle.indexer",
        "oracle.measure",
        "oracle.post",
        "oracle.reads",
        "oracle.report",
    ):
        import_module(module)


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _refuse_another_secret(**_: Any) -> None:
    """A worker with another secret than the node's others would probe whom they do not, and they whom it does not."""
    from oracle.startup import check_secret

    url = settings().store_url()
    try:
        check_secret(open_store(url), settings())
    except StoreUnreachable as error:  # each task will say so until it is there
        log.warning("secret_unchecked", error=str(error))
    except InvalidInput as error:
        raise SystemExit(str(error)) from error
    finally:
        close_store(url)  # not to be carried over a fork


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _begin_child(**_: Any) -> None:
    die_with(os.getppid())
    gc.freeze()  # what was imported stays: to look through it again and again takes a tenth of a measuring child's time


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _tell_ready(**_: Any) -> None:
    guards().set(ready_key(settings()), os.getpid())


@lru_cache(maxsize=1)
def guards() -> redis.Redis:
    """This process's connection for the keys that keep a duty from being sent twice."""
    return redis.Redis.from_url(redis_url(settings()), socket_timeout=5)


@lru_cache(maxsize=1)
def _context() -> Context:
    return Context(settings(), keeps_sent=True)


# -------------------------------------------------------------------------------------------------- the tasks


def send(duty: Duty) -> bool:
    """Send a duty unless it was sent before and its guard still stands."""
    name = f"{settings().node_name}:sent:{duty.key}"
    if not guards().set(name, 1, nx=True, px=max(1, int(duty.guard_s * 1000))):
        return False
    app.send_task(duty.task, args=duty.args, priority=duty.priority, expires=max(0.1, duty.expires_s))
    return True


@app.task(name="tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Send what is due."""
    with _told("tick"):
        now_s = time.time()
        for duty in due(_context().store, settings(), now_s):
            send(duty)
        if int(now_s) % VITALS_EVERY_S == 0:
            _tell_vitals(int(now_s))


def _tell_vitals(now_s: int) -> None:
    """Leave in the store what only a worker knows: the API asks no queue."""
    chosen = settings()
    lists = [chosen.node_name + (f"\x06\x16{step}" if step else "") for step in _STEPS]
    waiting = sum(int(guards().llen(name)) for name in lists)
    under_way = int(guards().hlen("unacked"))
    told = {"at_s": now_s, "waiting": waiting, "under_way": under_way, "processes": chosen.worker_processes}
    facts.put(_context().store, facts.VITALS + chosen.node_name, told)


@app.task(name="index")  # type: ignore[untyped-decorator]
def index() -> None:
    """Read the chain into the store."""
    from oracle.indexer import index_once

    with _told("index"), alone("index") as free:
        if free:
            index_once(_context().store, _context().chain, settings())


@app.task(name="measure")  # type: ignore[untyped-decorator]
def measure(epoch: int, slot: int, slots: int, timeout_ms: int, part: int, shard: int, shards: int) -> None:
    """Probe one shard of a slice of a slot and store the votes."""
    from oracle.measure import measure_shard

    with _told("measure", epoch=epoch, slot=slot, slice=part, shard=shard):
        this = Shard.of(epoch, slot, slots, timeout_ms, part, shard, shards)
        measure_shard(_context().store, settings(), this)


@app.task(name="forget")  # type: ignore[untyped-decorator]
def forget(epoch: int) -> None:
    """Delete what is too old."""
    from oracle.forget import forget

    with _told("forget", epoch=epoch), alone("forget") as free:
        if free:
            forget(_context().store, settings(), Epoch(epoch))


@app.task(name="compare")  # type: ignore[untyped-decorator]
def compare(epoch: int) -> None:
    """Compare the store with what the contracts count."""
    from oracle.compare import compare

    with _told("compare", epoch=epoch), alone("compare") as free:
        if free:
            compare(_context(), Epoch(epoch))


@app.task(name="release")  # type: ignore[untyped-decorator]
def release(fund: int, epoch: int) -> None:
    """Read the manifests of the releases that count."""
    from oracle.reads import read_release

    with _told("release", fund=fund, epoch=epoch), alone(f"release-{fund}") as free:
        if free:
            read_release(_context().store, settings(), FundId(fund), Epoch(epoch))


@app.task(name="source")  # type: ignore[untyped-decorator]
def source(fund: int, epoch: int) -> None:
    """Read the releases that were not read yet from their source."""
    from oracle.reads import read_sources

    with _told("source", fund=fund, epoch=epoch), alone(f"source-{fund}") as free, _seat(free) as seated:
        if free and not seated:
            _put_back(source, fund, epoch)
        elif free:
            read_sources(_context().store, settings(), FundId(fund), Epoch(epoch))


@app.task(name="controls")  # type: ignore[untyped-decorator]
def controls() -> None:
    """Ask this node's control targets."""
    from oracle.selfdoubt import look_around

    with _told("controls"), alone("controls") as free:
        if free:
            look_around(_context().store, settings())


@app.task(name="admit")  # type: ignore[untyped-decorator]
def admit(fund: int, epoch: int, mirror: int) -> None:
    """Ask a mirror's host for its operator, and read the mirror completely."""
    from oracle.reads import admit_mirror

    ids = {"fund": fund, "epoch": epoch, "mirror": mirror}
    with _told("admit", **ids), alone(f"admit-{mirror}") as free, _seat(free) as seated:
        if free and not seated:
            _put_back(admit, fund, epoch, mirror)
        elif free:
            admit_mirror(_context().store, settings(), FundId(fund), Epoch(epoch), MirrorId(mirror))


@app.task(name="close")  # type: ignore[untyped-decorator]
def close(epoch: int) -> None:
    """Make, sign and post the report of an epoch."""
    from oracle.report import report_epoch

    with _told("close", epoch=epoch), alone("close") as free:
        if free:
            report_epoch(_context(), Epoch(epoch))


@app.task(name="settle")  # type: ignore[untyped-decorator]
def settle() -> None:
    """Settle the committee's epochs that are final, lock stakes that reports ask for, end disputes nobody decided."""
    from oracle.disputes import follow_disputes
    from oracle.settle import settle_all

    with _told("settle"), alone("settle") as free:
        if free:
            context = _context()
            committee = context.settings.committee
            # Who has the evidence settles at once: nobody has it where that took twice as long as the contract waits.
            give_up_after = context.funds.terms().settle_time
            settle_all(context.store, context.funds, context.sender, committee, give_up_after)
            follow_disputes(context.store, context.committees, context.funds, context.sender, committee)


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether no other process of this node does the same now, on this machine or on another that shares its store;
    the lock of one that is killed is freed."""
    with _alone_here(name) as here:
        if not here:
            yield False
            return
        with held(open_store(settings().store_url()), f"{settings().node_name}:{name}") as free:
            yield free


@contextmanager
def _alone_here(name: str) -> Iterator[bool]:
    folder = settings().home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


@contextmanager
def _seat(wanted: bool) -> Iterator[bool]:
    """Whether one of the places for complete reads was free. Half of the processes may read at a time: servers that
    drip would otherwise keep all of them from the slots."""
    with ExitStack() as stack:
        seats = range(max(1, settings().worker_processes // 2))
        yield wanted and any(stack.enter_context(_alone_here(f"read-{seat}")) for seat in seats)


def _put_back(task: Any, *args: int) -> None:
    """Behind all that waits, for as long as it was to wait."""
    time.sleep(_SEAT_S)
    priority = (task.request.delivery_info or {}).get("priority")
    app.send_task(task.name, args=args, priority=priority, expires=task.request.expires)


@contextmanager
def _told(task: str, **ids: int) -> Iterator[None]:
    """What goes wrong is told once, with the ids; a later tick tries again."""
    try:
        yield
    except MirrorbondError as error:
        log.warning("task_failed", task=task, **ids, error=str(error))
