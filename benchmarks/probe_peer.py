"""prometheus-blackbox-exporter as a peer: started, asked for probes over kept connections, and its CPU time read."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

_MODULES = "modules:\n  web:\n    prober: http\n    timeout: 120s\n    http:\n      preferred_ip_protocol: ip4\n"
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)


class Peer:
    """One exporter on one core, its certificate authorities those of a file, read once as in production."""

    def __init__(self, binary: str, folder: Path, ca_file: str, core: int) -> None:
        config = folder / "blackbox.yml"
        config.write_text(_MODULES)
        self._address, self._port = "127.0.0.1", 19_115
        listen = f"--web.listen-address={self._address}:{self._port}"
        self._process = subprocess.Popen(  # noqa: S603 - named by whoever runs the benchmark
            [binary, f"--config.file={config}", listen, "--log.level=error"],
            env={"SSL_CERT_FILE": ca_file, "GOMAXPROCS": "1", "PATH": os.defpath},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(100):
            try:
                asyncio.run(self._ask("/-/healthy", 1))
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("the peer does not answer")

    def measure(self, url: str, probes: int, at_once: int) -> tuple[float, float]:
        """User and system CPU microseconds per probe of the exporter."""
        path = f"/probe?module=web&target={quote(url, safe='')}"
        asyncio.run(self._ask_all(path, at_once, at_once))
        before = self._ticks()
        good = asyncio.run(self._ask_all(path, probes, at_once))
        spent = (then - now for now, then in zip(before, self._ticks(), strict=True))
        if good != probes:
            raise RuntimeError(f"{probes - good} of the peer's {probes} probes failed")
        user, system = (round(ticks * 1e6 / os.sysconf("SC_CLK_TCK") / probes, 1) for ticks in spent)
        return user, system

    def _ticks(self) -> tuple[int, int]:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    async def _ask_all(self, path: str, probes: int, at_once: int) -> int:
        shares = [probes // at_once + (index < probes % at_once) for index in range(at_once)]
        return sum(await asyncio.gather(*(self._ask(path, share) for share in shares)))

    async def _ask(self, path: str, times: int) -> int:
        reader, writer = await asyncio.open_connection(self._address, self._port)
        good = 0
        for _ in range(times):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: peer\r\n\r\n".encode())
            good += b"\nprobe_success 1\n" in await _body(reader)
        writer.close()
        await writer.wait_closed()
        return good


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if length := _LENGTH.search(head):
        return await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body
