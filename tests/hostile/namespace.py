"""Probes in a network namespace of its own, whose loopback device has public and private addresses.

    unshare -rn python -m tests.hostile.namespace

No loopback exception is made anywhere. Servers stand on public addresses; on private ones stand traps, which note
whoever comes. The prober runs in a child, under strace where there is one. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from oracle.probes.address import locate
from oracle.probes.engine import Request, fetch_all

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111")
PRIVATE = (
    "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.1.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "198.18.0.1",
    "203.0.113.7", "::1", "fd00::1", "2001:db8::1",
)  # fmt: skip
NAMES = {
    "good.example": [["8.8.8.8"]],
    "six.example": [["2606:4700::1111"]],
    "rebinding.example": [["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8"], ["10.0.0.1"]],
    "both.example": [["8.8.8.8", "10.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "translated.example": [["64:ff9b::7f00:1"]],
    "tunnelled.example": [["2002:7f00:1::"]],
    "zone.example": [["fe80::1%lo"]],
    "nowhere.example": [["0.0.0.0"]],
    **{f"p{index}.example": [[address]] for index, address in enumerate(PRIVATE)},
}
HOSTS = (
    *NAMES, *(f"[{one}]" if ":" in one else one for one in PRIVATE), "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "127.1", "0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]",
    "user@127.0.0.1", "8.8.8.8@127.0.0.1", "localhost", "8.8.8.8", "[2606:4700::1111]",
)  # fmt: skip
ROUNDS = 4
_CONNECTED = re.compile(r'(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")')


def main() -> None:
    """Set up, probe, and tell who was connected to."""
    _configure()
    private: list[str] = []
    for address in PRIVATE:
        _listen(address, partial(_trap, private, address))
    for address in PUBLIC:
        _listen(address, _redirect)
    connected, told = _probe()
    print(json.dumps({"trapped": private, "connected": connected, **told}))


def _configure() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (*PUBLIC, *PRIVATE):
        if not address.startswith(("127.", "::1")):
            length = "128" if ":" in address else "32"
            # an IPv6 address that may be a duplicate cannot be bound for a while
            family, sure = (["-6"], ["nodad"]) if ":" in address else ([], [])
            subprocess.run(["ip", *family, "addr", "add", f"{address}/{length}", "dev", "lo", *sure], check=True)


def _listen(address: str, serve: Callable[[socket.socket], None]) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 80), family=family)

    def accept() -> None:
        while True:
            serve(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()


def _trap(trapped: list[str], address: str, connection: socket.socket) -> None:
    trapped.append(address)
    connection.close()


def _redirect(connection: socket.socket) -> None:
    """The path says where to; / is answered."""
    path = connection.recv(4096).split(b" ")[1].decode().removeprefix("/")
    head = f"HTTP/1.1 302 Found\r\nLocation: {bytes.fromhex(path).decode()}" if path else "HTTP/1.1 200 OK"
    connection.sendall(f"{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
    connection.close()


def _probe() -> tuple[list[str] | None, dict[str, dict[str, str]]]:
    """Addresses that a child connected to by strace's word (None without one), and what it saw."""
    command = [sys.executable, "-m", "tests.hostile.namespace", "prober"]
    environment = {**os.environ, "http_proxy": "http://10.0.0.1:80", "ALL_PROXY": "http://127.0.0.1:80"}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        strace = [shutil.which("strace") or "", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log)]
        watched = bool(strace[0])
        done = subprocess.run(
            [*strace, *command] if watched else command, env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
        found = _CONNECTED.findall(log.read_text()) if watched else []
    return sorted({four or six for four, six in found}) if watched else None, json.loads(done.stdout)


def prober() -> None:
    """All hosts for some rounds, then redirects from a public address to each of them."""
    asked: dict[str, int] = {}

    def lookup(host: str, _port: int) -> list[str]:
        answers = NAMES.get(host, [["127.0.0.1"]])
        asked[host] = asked.get(host, -1) + 1
        return answers[asked[host] % len(answers)]

    seen: dict[str, set[str]] = {}
    for turn in range(ROUNDS):
        places = locate([f"http://{host}/" for host in HOSTS], 5.0, turn=turn, lookup=lookup)
        requests = {host: place for host, place in zip(HOSTS, places, strict=True) if place.address and place.base}
        answers = fetch_all([Request(f"{one.base}/", one.address, timeout_ms=3_000) for one in requests.values()], 20.0)
        heard = dict(zip(requests, answers, strict=True))
        for host, place in zip(HOSTS, places, strict=True):
            told = place.reason if host not in heard else heard[host].reason or heard[host].status
            seen.setdefault(host, set()).add(str(told))
    locations = [f"http://{host}/" for host in HOSTS if host != "8.8.8.8"]
    redirected = fetch_all(
        [Request(f"http://8.8.8.8/{at.encode().hex()}", "8.8.8.8", timeout_ms=3_000) for at in locations], 20.0
    )
    moved = {at: str(one.reason or one.status) for at, one in zip(locations, redirected, strict=True)}
    print(json.dumps({"hosts": {host: " ".join(sorted(told)) for host, told in seen.items()}, "redirects": moved}))


if __name__ == "__main__":
    prober() if sys.argv[1:] == ["prober"] else main()
