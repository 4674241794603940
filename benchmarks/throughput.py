"""The same questions through the bare engine and through a node's Celery worker: rate and CPU time per probe."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import synthetic
from oracle.briefing import brief
from oracle.budget import BESIDES, DAY_S
from oracle.model import Clock, Epoch, Policy, Slot
from oracle.probes.round import ask_round
from oracle.processes import stop
from oracle.queue import start_queue
from oracle.rota import Grid, Shard, members_of, rota, shards_of, span_of
from oracle.schedule import epoch_secret
from oracle.secret import node_secret
from oracle.settings import Settings
from oracle.store import facts
from oracle.store.counters import Counted, counters
from oracle.store.db import open_store, reading, writing
from oracle.store.tables import ownerships

LENGTH = 20_000
SLOT_S, DUE_S = 59, 36
"""In a slot of 59 seconds every question is due after 36, and a shard may begin until 54."""
FILES = 100
GRID = Grid(1, 5_000)
SHARDS = 2
LEAST = 0.8
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure in turn, print the table, and write the raw samples."""
    options = _options()
    if options.engine:
        print(json.dumps(_engine(Settings(), Epoch(options.engine))))
        return
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="mb-") as made:
        samples = _samples(options, Path(made), cores)
    result = _summary(options, samples, len(cores))
    _print(result)
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mirrors", type=int, default=1_500)
    parser.add_argument("--questions", type=int, default=7, help="files that a mirror is asked for; 7 a slot of 2,000")
    parser.add_argument(
        "--delay-ms", type=int, default=0, help="until the server answers, so that processes mostly wait"
    )
    parser.add_argument("--output", type=Path)
    parser.add_argument("--engine", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _samples(options: argparse.Namespace, folder: Path, cores: list[int]) -> list[dict[str, Any]]:
    home = folder / "home"
    home.mkdir()
    with _server(options.delay_ms, cores[-1:]) as port, _environment(home), _queue(home, cores[-1:]):
        body = random.Random(1).randbytes(LENGTH)  # noqa: S311
        bodies = {f"{number:03}.js": body for number in range(FILES)}
        world = synthetic.World(options.mirrors, _policy(options.questions), lambda number: _url(number, port), bodies)
        engine = open_store(Settings().store_url())
        synthetic.fill(engine, Clock(int(time.time()), SLOT_S, 60, 10), world, 1)
        epochs = iter(range(2, 1_000))
        samples = []
        for _ in range(options.rounds):
            taken: dict[str, Any] = {"load": os.getloadavg()[0]}
            taken["engine"] = _bare(engine, Epoch(next(epochs)), cores[:1])
            for processes in (1, 2):
                where = cores[:1] if processes == 1 else cores
                taken[f"worker {processes}"] = _through_worker(
                    engine, world, options.questions, epochs, home, processes, where
                )
            samples.append(taken)
        return samples


def _policy(questions: int) -> Policy:
    """One whose budget is for so many files a slot."""
    requests = (BESIDES + questions) * DAY_S // SLOT_S + 1
    return Policy(slots=1, timeout_ms=5_000, budget_requests=requests, budget_bytes=1 << 40)


def _url(mirror: int, port: int) -> str:
    return f"http://127.{1 + (mirror >> 16)}.{mirror >> 8 & 255}.{mirror & 255}:{port}"


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    os.environ |= {
        "MIRRORBOND_HOME": str(home),
        "MIRRORBOND_ALLOW_LOOPBACK": "true",
        "MIRRORBOND_NODE_NAME": synthetic.NODE,
        "MIRRORBOND_LOG_LEVEL": "warning",
    }
    yield


@contextmanager
def _server(delay_ms: int, cores: list[int]) -> Iterator[int]:
    """One server behind all addresses, on cores of its own where there are some."""
    command = [sys.executable, "-m", "benchmarks.probe_server", f"--delay-ms={delay_ms}", "0.0.0.0", str(LENGTH)]  # noqa: S104
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: _pin(cores)
    ) as server:
        assert server.stdout is not None  # noqa: S101
        yield int(server.stdout.readline().split()[0])


def _pin(cores: list[int]) -> None:
    os.sched_setaffinity(0, cores)


@contextmanager
def _queue(home: Path, cores: list[int]) -> Iterator[None]:
    process = start_queue(home, home / "queue.log")
    os.sched_setaffinity(process.pid, cores)
    try:
        yield
    finally:
        stop(process)


def _go_to(engine: sa.Engine, epoch: Epoch) -> None:
    """Let it be late in the only slot of the epoch, with every host proved in it."""
    genesis_s = int(time.time()) - epoch * SLOT_S - DUE_S
    synthetic.set_clock(engine, Clock(genesis_s, SLOT_S, 60, 10))
    with writing(engine) as connection:
        connection.execute(sa.update(ownerships).values(epoch=epoch, proved_epoch=epoch))


# ------------------------------------------------------------------------------------------------------ the engine


def _bare(engine: sa.Engine, epoch: Epoch, cores: list[int]) -> dict[str, float]:
    _go_to(engine, epoch)
    command = [sys.executable, "-m", "benchmarks.throughput", "--engine", str(epoch)]
    told = subprocess.run(  # noqa: S603
        command, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: _pin(cores)
    )
    found: dict[str, float] = json.loads(told.stdout)
    return found


def _engine(settings: Settings, epoch: Epoch) -> dict[str, float]:
    """All questions of the slot by the engine alone, in this process."""
    store = open_store(settings.store_url())
    clock = facts.get_clock(store)
    assert clock is not None  # noqa: S101
    of, shard = rota(store, synthetic.COMMITTEE, epoch), Shard(epoch, Slot(0), GRID, 0, 0, 1)
    members = members_of(of, shard, epoch_secret(node_secret(settings.home), epoch), clock)
    parts = brief(store, settings, clock, of, shard, span_of(clock, epoch, 0, GRID, 0), members)
    targets = [target for part in parts for target in part.targets]
    ask_round(targets[:50], budget_s=60, allow_loopback=True)  # to be warm, as the worker is
    began, used = time.perf_counter(), time.process_time()
    heard = ask_round(targets, budget_s=60, allow_loopback=True)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    expected = sum(not answer.question.six for one in heard for answer in one.answers)  # the addresses are IPv4
    return _sample(sum(one.requests for one in heard), took, cpu, expected)


def _sample(probes: int, took_s: float, cpu_s: float, expected: int) -> dict[str, float]:
    if probes < expected:
        raise SystemExit(f"only {probes} of {expected} probes were made")
    return {
        "probes": probes,
        "seconds": round(took_s, 3),
        "rate": round(probes / took_s),
        "cpu_us": round(1e6 * cpu_s / probes),
    }


# ------------------------------------------------------------------------------------------------------ the worker


def _through_worker(
    engine: sa.Engine,
    world: synthetic.World,
    questions: int,
    epochs: Iterator[int],
    home: Path,
    processes: int,
    cores: list[int],
) -> dict[str, float]:
    """All questions of the slot as tasks, until the last vote is in the store; after a slot that warms it up."""
    command = [sys.executable, "-m", "celery", "--app", "oracle.tasks:app", "--quiet", "worker", "-O", "fair"]
    lean = ["--concurrency", str(processes), "--without-gossip", "--without-mingle", "--without-heartbeat"]
    with (home / "worker.log").open("ab") as log:
        worker = subprocess.Popen(  # noqa: S603
            [*command, *lean], stdout=log, stderr=log, preexec_fn=lambda: _pin(cores)
        )
    try:
        _slot(engine, world, 1, Epoch(next(epochs)), worker.pid)
        return _slot(engine, world, questions, Epoch(next(epochs)), worker.pid)
    finally:
        stop(worker)


def _slot(engine: sa.Engine, world: synthetic.World, questions: int, epoch: Epoch, worker: int) -> dict[str, float]:
    from oracle.tasks import app

    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge(synthetic.NODE)
    _go_to(engine, epoch)
    clock = facts.get_clock(engine)
    assert clock is not None  # noqa: S101
    of, secret = rota(engine, synthetic.COMMITTEE, epoch), epoch_secret(node_secret(Settings().home), epoch)
    shards = shards_of(of, GRID, secret, clock, Slot(0), 0, -(-world.mirrors // SHARDS))
    wanted = world.mirrors + len(world.funds)
    before = _counted(engine, Counted.VOTES), _counted(engine, Counted.REQUESTS)
    began, used = time.perf_counter(), _cpu_s(worker)
    for shard in shards:
        app.send_task("measure", args=shard.args, priority=0, expires=60)
    while (seen := _counted(engine, Counted.VOTES) - before[0]) < wanted:
        if time.perf_counter() - began > SLOT_S:
            raise SystemExit(f"only {seen} of {wanted} votes came; the worker's log is lost with its folder")
        time.sleep(0.02)
    took, cpu = time.perf_counter() - began, _cpu_s(worker) - used
    probes = _counted(engine, Counted.REQUESTS) - before[1]
    return _sample(probes, took, cpu, world.mirrors * questions)


def _counted(engine: sa.Engine, wanted: Counted) -> int:
    with reading(engine) as connection:
        return sum(value for (name, _), value in counters(connection, synthetic.NODE).items() if name is wanted)


def _cpu_s(pid: int) -> float:
    """What a process and its children have used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / _TICKS + sum(_cpu_s(int(child)) for child in children)


# ------------------------------------------------------------------------------------------------------ the result


def _summary(options: argparse.Namespace, samples: list[dict[str, Any]], cores: int) -> dict[str, Any]:
    names = [name for name in samples[0] if name != "load"]

    def ratios(name: str, what: str) -> list[float]:
        return [round(sample[name][what] / sample["engine"][what], 3) for sample in samples]

    return {
        "what": f"GET and SHA-256 of {LENGTH} bytes over plain HTTP, fresh connections",
        "settings": {
            "rounds": options.rounds,
            "mirrors": options.mirrors,
            "questions": options.questions,
            "delay_ms": options.delay_ms,
            "shards": SHARDS,
            "cores": cores,
        },
        "median": {
            name: {what: statistics.median(sample[name][what] for sample in samples) for what in ("rate", "cpu_us")}
            for name in names
        },
        "rate_of_the_engines": {name: statistics.median(ratios(name, "rate")) for name in names[1:]},
        "cpu_of_the_engines": {name: statistics.median(ratios(name, "cpu_us")) for name in names[1:]},
        "least_rate": LEAST,
        "samples": samples,
    }


def _print(result: dict[str, Any]) -> None:
    print(result["what"])
    for name, told in result["median"].items():
        print(f"  {name:10}{told['rate']:8.0f} probes/s{told['cpu_us']:8.0f} us of CPU a probe")
    for name, ratio in result["rate_of_the_engines"].items():
        cpu = result["cpu_of_the_engines"][name]
        print(f"{name}: {ratio:.2f} of the engine's rate, {cpu:.2f} of its CPU time a probe")


if __name__ == "__main__":
    main()
