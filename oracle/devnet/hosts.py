"""The demo's servers as seen from outside: where they are, in which networks, and the process that runs them."""

from __future__ import annotations

import json
import random
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from oracle.devnet.servers import Host
from oracle.errors import ProcessFailed

COUNTRIES = ("DE", "FI", "BR", "JP", "CA", "ZA", "NZ", "IN", "MX", "KE")
FIRST_ASN = 64_512
"""The first of the numbers for private use (RFC 6996): no real network has them."""
PATIENCE_S = 30


def address_of(number: int) -> str:
    """Where host `number` (from 0, the primary) lives: each in a /24 of its own."""
    return f"127.1.{number}.1"


def placement(hosts: int) -> dict[str, dict[str, Any]]:
    """The placement table for that many hosts: prefix to network and country, each its own."""
    return {
        f"127.1.{number}.0/24": {"asn": FIRST_ASN + number, "country": COUNTRIES[number % len(COUNTRIES)]}
        for number in range(hosts)
    }


def common_port(addresses: Sequence[str]) -> int:
    """A port that is free at every address, outside the range from which the kernel draws ports for clients."""
    for _ in range(200):
        port = random.randint(20_000, 32_000)  # noqa: S311 - nobody is to be kept from guessing it
        if all(_is_free(address, port) for address in addresses):
            return port
    raise ProcessFailed(f"no port between 20000 and 32000 is free at all of {', '.join(addresses)}")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError:
            return False
    return True


class Hosts:
    """All servers, in one process of their own that ends with this one."""

    def __init__(self, hosts: Sequence[Host], log: Path) -> None:
        self.hosts = tuple(hosts)
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Have every server listen.

        Raises: ProcessFailed when one of them cannot.
        """
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "oracle.devnet.servers"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._tell([host.to_json() for host in self.hosts])

    def keep_time(self, genesis_s: int, epoch_length_s: int) -> None:
        """Tell flapping servers the chain's clock: from now on they flap."""
        self._tell({"clock": {"genesis_s": genesis_s, "epoch_length_s": epoch_length_s}})

    def switch(self, name: str, on: bool) -> None:
        """Switch one server off or on."""
        self._tell({"switch": name, "on": on})

    def stop(self) -> None:
        """Stop all of them."""
        if self._process is None:
            return
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _tell(self, command: object) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ProcessFailed("the demo's servers have not been started")
        try:
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
            answers, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            done = bool(answers) and process.stdout.readline() == "done\n"
        except BrokenPipeError:
            done = False
        if not done:
            raise ProcessFailed(f"the demo's servers do not obey; see {self._log}")

    def __enter__(self) -> Hosts:
        self.start()
        return self

    def __exit__(self, *raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
