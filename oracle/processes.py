"""Processes that never outlive whoever started them, and the ports they listen on."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from oracle.errors import PortInUse, ProcessFailed

_PR_SET_PDEATHSIG = 1


def die_with(parent: int, signal_number: int = signal.SIGKILL) -> None:
    """Have the kernel kill this process when the thread that forked it ends, even by kill -9 (Linux only).

    `parent` is the pid expected above us: if it is gone already, there is nobody left to be killed with.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != parent:
            os._exit(1)


def start(
    argv: Sequence[str], log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process tied to the calling thread, out of reach of the terminal's Ctrl-C, its output added to `log`.

    Raises: ProcessFailed if the program cannot be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()
    try:
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=None if env is None else dict(env),
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
            )
    except OSError as error:
        raise ProcessFailed(f"{argv[0]} does not start: {error.strerror}") from error


def stop(process: subprocess.Popen[bytes], patience_s: float = 5.0) -> None:
    """Ask a process to end with SIGTERM and, when it takes longer than `patience_s`, kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, patience_s: float) -> None:
    """Wait for `ready`, looking every 20 ms.

    Raises: ProcessFailed if the process ends before, or it takes longer than `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while not ready():
        if process.poll() is not None:
            raise ProcessFailed(f"{name} ended with status {process.returncode} while starting; see its log")
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{name} is not ready after {patience_s:.0f} seconds; see its log")
        time.sleep(0.02)


def check_port(name: str, host: str, port: int) -> None:
    """Make sure that `name` can listen there; port 0 always can.

    Raises: PortInUse.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUse(name, port) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at this moment."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        return int(server.getsockname()[1])


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
