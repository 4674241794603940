"""Every hostile server, each on a port of its own, in one process.

    python -m tests.hostile.servers

Prints one line of JSON, {"ports": {name: port}, "trusted": file}, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import servers_http, servers_tls
from tests.hostile.kinds import KINDS, treat

ADDRESS = "127.1.7.1"
_LONGEST_S = 5.0
__all__ = ["ADDRESS", "KINDS", "Running", "running", "servers_http"]


@dataclass(frozen=True, slots=True)
class Running:
    """The servers of another process."""

    ports: Mapping[str, int]
    trusted: str

    def url(self, name: str) -> str:
        """Where a kind is asked."""
        return f"{'https' if KINDS[name].https else 'http'}://{ADDRESS}:{self.ports[name]}/file"


@contextmanager
def running() -> Iterator[Running]:
    """All servers, in a process of their own until the end."""
    command = [sys.executable, "-m", "tests.hostile.servers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Running(**json.loads(process.stdout.readline()))
        process.stdin.close()


async def _serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _what: None)  # what clients do to hostile servers is no news
    contexts, trusted = servers_tls.contexts(folder, ADDRESS)
    servers = {
        name: await asyncio.start_server(
            functools.partial(treat, kind, _LONGEST_S), ADDRESS, 0, backlog=512, ssl=contexts.get(kind.tls)
        )
        for name, kind in KINDS.items()
    }
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps({"ports": ports, "trusted": str(trusted)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # which would tell of every connection that broke
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(Path(folder)))


if __name__ == "__main__":
    main()
