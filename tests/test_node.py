"""The supervisor, oracle.node: it keeps a node's processes up, and leaves none behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
import redis

from oracle.node import Child
from oracle.processes import listens
from oracle.queue import socket_path
from tests.fixtures.nodes import Devnet, NodeProcess, processes_of, wait_for

ROLES = ("queue", "worker", "beat", "api")
AWAY_S = 6
"""Longer than a client of the queue looks for it unless it is told to."""


def ticks(node: NodeProcess) -> bool:
    """Whether beat sends ticks and the worker takes them."""
    try:
        with redis.Redis.from_url(f"unix://{socket_path(node.home)}") as client:
            client.delete("rig:sent:index")
            time.sleep(1.2)
            return bool(client.exists("rig:sent:index"))
    except redis.RedisError:
        return False


def test_the_readiness_line_says_where_the_api_answers(node: NodeProcess) -> None:
    state = node.state()
    assert state["ready"] is True
    assert set(state["pids"]) == {"supervisor", *ROLES}
    with urlopen(f"{state['api']['url']}/healthz", timeout=5) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_killed_comes_back_and_the_node_works_on(node: NodeProcess, role: str) -> None:
    before = node.kill(role)
    wait_for(lambda: node.pids().get(role, before) != before)
    wait_for(lambda: ticks(node), 90)
    state = node.state()
    assert state["restarts"][role] >= 1
    wait_for(lambda: listens(state["api"]["host"], state["api"]["port"]))


def test_worker_and_beat_outlive_a_queue_that_is_away_for_a_while(node: NodeProcess) -> None:
    """To start them anew would take longer than to look for it."""
    before = node.pids()
    os.kill(before["supervisor"], signal.SIGSTOP)
    try:
        node.kill("queue")
        time.sleep(AWAY_S)
    finally:
        os.kill(before["supervisor"], signal.SIGCONT)
    wait_for(lambda: node.pids()["queue"] != before["queue"])
    wait_for(lambda: ticks(node), 90)
    after = node.pids()
    assert {role: after[role] for role in ("worker", "beat")} == {role: before[role] for role in ("worker", "beat")}


def test_what_dies_again_and_again_is_started_anew_within_two_seconds() -> None:
    child = Child("worker", lambda: subprocess.Popen(["true"]))
    pauses = []
    for _ in range(8):
        child.not_before_s = 0
        assert child.ensure()
        assert child.process is not None
        child.process.wait()
        child.not_before_s = time.monotonic() + 1_000
        assert not child.ensure()
        pauses.append(child.not_before_s - time.monotonic())
    assert pauses[0] <= 0.2
    assert 1 < max(pauses) <= 2


def test_the_workers_own_children_die_with_it(node: NodeProcess) -> None:
    worker = node.pids()["worker"]
    children = {int(pid) for pid in Path(f"/proc/{worker}/task/{worker}/children").read_text().split()}
    assert len(children) >= 2
    node.kill("worker")
    wait_for(lambda: not children & processes_of(node.home), 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_in_order(mortal: NodeProcess, number: int) -> None:
    mortal.process.send_signal(number)
    assert mortal.process.wait(20) == 0
    assert processes_of(mortal.home) == set()
    assert not (mortal.home / "node.json").exists()
    assert "Traceback" not in (mortal.home / "stderr").read_text()


def test_kill_9_of_the_supervisor_leaves_nothing(mortal: NodeProcess) -> None:
    assert len(processes_of(mortal.home)) > len(ROLES)
    mortal.kill("supervisor")
    wait_for(lambda: processes_of(mortal.home) == set(), 5)


def test_a_second_node_in_the_same_home_is_refused(node: NodeProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "oracle", "node"], env=dict(node.environment), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("mirrorbond: another node runs in ")
    assert len(done.stderr.splitlines()) == 1


def test_a_child_that_never_comes_up_ends_the_node_with_the_place_of_its_log(devnet: Devnet, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "queue").mkdir(parents=True)
    (home / "queue" / "appendonlydir").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-m", "oracle", "node"],
        env=devnet.environment(home, log_level="error"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "queue does not stay up" in done.stderr
    assert processes_of(home) == set()


def test_node_json_is_whole_at_any_moment(node: NodeProcess) -> None:
    """It is replaced, never rewritten in place: whoever polls it never reads half of it."""
    inode = (node.home / "node.json").stat().st_ino
    node.kill("beat")
    wait_for(lambda: (node.home / "node.json").stat().st_ino != inode)
    json.loads((node.home / "node.json").read_text())
    assert os.access(node.home, os.W_OK)
