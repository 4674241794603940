"""Children never outlive their parents, and ports are checked before they are used."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oracle.errors import PortInUse, ProcessFailed
from oracle.processes import check_port, free_port, listens, start, stop, wait_until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from oracle.processes import start\n"
        f"child = start({SLEEPER!r}, Path({str(tmp_path / 'log')!r})); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while not gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_is_out_of_reach_of_the_terminals_ctrl_c(tmp_path: Path) -> None:
    child = start(SLEEPER, tmp_path / "log")
    try:
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
    finally:
        stop(child)


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    child = start(DEAF, tmp_path / "log")
    wait_until(lambda: (tmp_path / "log").read_bytes() != b"", child, "the deaf one", 10)
    stop(child, patience_s=0.2)
    assert child.returncode == -signal.SIGKILL


def test_what_the_child_says_is_added_to_its_log(tmp_path: Path) -> None:
    for _ in range(2):
        start([sys.executable, "-c", "print('here')"], tmp_path / "logs" / "x.log").wait()
    assert (tmp_path / "logs" / "x.log").read_text() == "here\nhere\n"


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="/nowhere/program does not start"):
        start(["/nowhere/program"], tmp_path / "log")


def test_waiting_ends_when_the_process_does(tmp_path: Path) -> None:
    child = start([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    with pytest.raises(ProcessFailed, match="ended with status 3"):
        wait_until(lambda: False, child, "it", 20)


def test_waiting_ends_when_patience_does(tmp_path: Path) -> None:
    child = start(SLEEPER, tmp_path / "log")
    try:
        with pytest.raises(ProcessFailed, match="not ready"):
            wait_until(lambda: False, child, "it", 0.1)
    finally:
        stop(child)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_refused(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert listens(host, port)
        with pytest.raises(PortInUse, match=f"port {port} is in use"):
            check_port("the API", host, port)
    check_port("the API", host, port)
    assert not listens(host, port)


def test_a_free_port_is_free() -> None:
    check_port("the API", "127.0.0.1", free_port())
