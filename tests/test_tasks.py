"""Tasks: sent once, harmless twice, and never in the way of each other."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from oracle import reads, tasks
from oracle.agenda import Duty
from oracle.broker import Connection
from oracle.context import Context
from oracle.errors import ChainUnreachable
from oracle.model import ONE
from oracle.processes import stop
from oracle.queue import redis_url, start_queue
from oracle.settings import Settings
from oracle.store import facts, tables
from tests.fixtures.command import keystore_of
from tests.fixtures.stage import Stage

EVERY_TASK = {
    "tick",
    "index",
    "measure",
    "release",
    "admit",
    "close",
    "settle",
    "source",
    "controls",
    "forget",
    "compare",
}


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(home=tmp_path / "home", node_name="rig")
    made.home.mkdir()
    monkeypatch.setattr(tasks, "settings", lambda: made)
    return made


@pytest.fixture
def queue(chosen: Settings) -> Iterator[redis.Redis]:
    process: subprocess.Popen[bytes] = start_queue(chosen.home, chosen.home / "queue.log")
    tasks.guards.cache_clear()
    with redis.Redis.from_url(redis_url(chosen)) as client:
        yield client
    tasks.guards.cache_clear()
    stop(process)


def test_every_task_is_there_and_no_other() -> None:
    assert {name for name in tasks.app.tasks if not name.startswith("celery.")} == EVERY_TASK


def test_a_task_whose_worker_dies_comes_back_and_results_are_not_kept(chosen: Settings) -> None:
    told = tasks.configuration(chosen)
    assert told["task_acks_late"] is True
    assert told["task_reject_on_worker_lost"] is True
    assert told["task_ignore_result"] is True
    assert told["worker_prefetch_multiplier"] == 1
    # Otherwise a dead worker's tasks would come back after 100 seconds only.
    options = told["broker_transport_options"]
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (1, 1)


def test_the_app_speaks_to_the_queue_through_the_connection_that_comes_back() -> None:
    assert tasks.app.amqp.Connection is Connection


def test_beats_on_a_shared_queue_take_turns_and_one_on_its_own_does_not_wait_for_itself(chosen: Settings) -> None:
    assert tasks.configuration(chosen)["redbeat_lock_key"] is None
    shared = tasks.configuration(Settings(REDIS_URL="redis://queue.example/0"))
    assert (shared["redbeat_lock_key"], shared["redbeat_lock_timeout"]) == ("lock", 15)


def test_the_worker_tells_what_waits(chosen: Settings, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_context", lambda: Context(chosen))
    for name in ("rig", "rig\x06\x163", "rig\x06\x169", "other"):
        queue.lpush(name, "a task")
    queue.hset("unacked", "tag", "a task")
    tasks._tell_vitals(100)
    told = facts.get(Context(chosen).store, facts.VITALS + "rig")
    assert told == {"at_s": 100, "waiting": 3, "under_way": 1, "processes": chosen.worker_processes}


def test_nodes_on_one_queue_do_not_take_each_others_tasks() -> None:
    first, second = (tasks.configuration(Settings(node_name=name)) for name in ("north", "south"))
    assert first["task_default_queue"] != second["task_default_queue"]
    assert first["redbeat_key_prefix"] != second["redbeat_key_prefix"]


def test_a_duty_is_sent_once_until_its_guard_is_over(queue: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(tasks.app, "send_task", lambda name, **options: sent.append((name, options)))
    duty = Duty("measure", (1, 2, 3, 0), "measure:1:2:3:0", guard_s=0.3, expires_s=1.0, priority=0)
    assert [tasks.send(duty) for _ in range(3)] == [True, False, False]
    time.sleep(0.4)
    assert tasks.send(duty)
    assert sent == [("measure", {"args": (1, 2, 3, 0), "priority": 0, "expires": 1.0})] * 2


def test_what_was_already_due_to_end_still_expires(queue: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery takes `expires=0` for no limit at all."""
    sent: list[float] = []
    monkeypatch.setattr(tasks.app, "send_task", lambda name, **options: sent.append(options["expires"]))
    tasks.send(Duty("measure", (), "key", guard_s=1, expires_s=0.0))
    assert sent[0] > 0


def test_two_processes_never_do_the_same_at_once(chosen: Settings) -> None:
    with tasks.alone("index") as first, tasks.alone("index") as second, tasks.alone("settle") as other:
        assert (first, second, other) == (True, False, True)
    with tasks.alone("index") as again:
        assert again


def test_two_machines_of_a_node_never_do_the_same_at_once(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store in SQLite has one machine only."""
    with ExitStack() as stack:
        free = []
        for home in ("here", "there"):
            machine = Settings(home=tmp_path / home, node_name="rig", DATABASE_URL=store_url)
            monkeypatch.setattr(tasks, "settings", lambda machine=machine: machine)
            free.append(stack.enter_context(tasks.alone("close")))
        assert free == [True, store_url.startswith("sqlite")]


def test_a_worker_with_another_secret_than_its_nodes_does_not_start(
    chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks._refuse_another_secret()
    other = Settings(home=tmp_path / "other", node_name="rig", DATABASE_URL=chosen.store_url())
    monkeypatch.setattr(tasks, "settings", lambda: other)
    with pytest.raises(SystemExit, match="copy theirs here"):
        tasks._refuse_another_secret()


@pytest.mark.parametrize(("processes", "seats"), [(2, 1), (3, 1), (4, 2), (9, 4)])
def test_half_of_the_processes_may_read_completely_at_a_time(
    processes: int, seats: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "settings", lambda: Settings(home=tmp_path, worker_processes=processes))
    with ExitStack() as stack:
        taken = [stack.enter_context(tasks._seat(wanted=True)) for _ in range(processes)]
        assert taken == [True] * seats + [False] * (processes - seats)
    with tasks._seat(wanted=False) as unwanted, tasks._seat(wanted=True) as seated:
        assert (unwanted, seated) == (False, True)


def test_a_read_without_a_place_goes_back_into_the_queue(
    chosen: Settings, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, Any]] = []
    read: list[object] = []
    monkeypatch.setattr(tasks, "_context", lambda: Context(chosen))
    monkeypatch.setattr(tasks.app, "send_task", lambda name, **options: sent.append((name, options["args"])))
    monkeypatch.setattr("oracle.reads.admit_mirror", lambda *given: read.append(given[2:]))
    monkeypatch.setattr("oracle.reads.read_sources", lambda *given: read.append(given[2:]))
    with tasks._seat(wanted=True), tasks._seat(wanted=True):
        tasks.admit(1, 2, 3)
        tasks.source(1, 2)
        with tasks.alone("admit-3"):  # somebody is at it
            tasks.admit(1, 2, 3)
    assert (sent, read) == ([("admit", (1, 2, 3)), ("source", (1, 2))], [])
    tasks.admit(1, 2, 3)
    tasks.source(1, 2)
    assert (len(sent), read) == (2, [(1, 2, 3), (1, 2)])


def test_a_complete_read_ends_before_its_task_is_killed() -> None:
    assert reads._BUDGET_S + reads._OWNER_BUDGET_S + 30 < tasks._HARD_LIMIT_S


def test_the_kernel_frees_what_a_killed_process_held(chosen: Settings) -> None:
    lock = chosen.home / "locks" / "index"
    lock.parent.mkdir()
    holder = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(["python3", "-c", holder, lock], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with tasks.alone("index") as free:
            assert not free
        process.kill()
    with tasks.alone("index") as free:
        assert free


def test_what_goes_wrong_on_purpose_ends_a_task_without_a_traceback(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*_: object) -> None:
        raise ChainUnreachable("the chain does not answer")

    monkeypatch.setattr("oracle.report.report_epoch", unreachable)
    monkeypatch.setattr(tasks, "_context", lambda: None)
    tasks.close(7)
    told = capsys.readouterr()
    assert "the chain does not answer" in told.out + told.err
    assert "Traceback" not in told.out + told.err


def test_a_defect_is_not_hidden(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("oracle.report.report_epoch", broken)
    monkeypatch.setattr(tasks, "_context", lambda: None)
    with pytest.raises(ZeroDivisionError):
        tasks.close(7)


def test_a_node_gives_up_what_nobody_has_the_evidence_of_after_twice_the_contracts_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file, _, password = keystore_of(stage.world.account("member a"), stage.home)
    store = f"sqlite:///{stage.home / 'stage.sqlite3'}"
    made = stage.world.settings(stage.home, keystores=(file,), password_file=password, DATABASE_URL=store)
    monkeypatch.setattr(tasks, "settings", lambda: made)
    monkeypatch.setattr(tasks, "_context", lambda: Context(made))
    fund, settle_time = stage.fund(2), stage.world.fund.terms().settle_time
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]}, keep=False)
    stage.world.next_epoch(2 * settle_time - 1)
    tasks.settle()
    assert stage.rows(tables.settlements) == []
    assert stage.world.next_epoch() == first + 1 + 2 * settle_time
    tasks.settle()
    assert stage.rows(tables.settlements)[0]["settlement"] == "given_up"
