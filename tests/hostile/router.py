"""A probe of an IPv6 address that a router on the way says it knows no way to, and one that this node knows none to.

    unshare -rn python -m tests.hostile.router

The router is a second network namespace at the other end of a cable. Prints one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from oracle.probes.engine import Request, fetch_all

NODE, ROUTER, SERVER = "2606:4700:1::1", "2606:4700:1::2", "2606:4700:99::1"
_FORWARD = "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"


def main() -> None:
    """Probe before there is a router, and behind it."""
    with subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE) as other:
        inside = Path(f"/proc/{other.pid}/ns/net")
        while inside.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.01)
        _connect(other.pid)
        told = {"without": _probe()}
        _run("ip -6 route add default via", ROUTER, "dev node")
        told["behind"] = _probe()
    print(json.dumps(told))


def _connect(router: int) -> None:
    within = f"nsenter -t {router} -n"
    _run("ip link set lo up")
    _run("ip link add node type veth peer name router netns", str(router))
    for where, device, address in (("", "node", NODE), (within, "router", ROUTER)):
        _run(f"{where} ip -6 addr add {address}/64 dev {device} nodad")
        _run(f"{where} ip link set {device} up")
    subprocess.run([*within.split(), "sh", "-c", _FORWARD], check=True)
    while b"LOWER_UP" not in _run("ip link show node"):
        time.sleep(0.01)


def _run(*words: str) -> bytes:
    return subprocess.run(" ".join(words).split(), check=True, stdout=subprocess.PIPE).stdout


def _probe() -> str:
    request = Request(f"http://[{SERVER}]/", SERVER, timeout_ms=4_000)
    return str(fetch_all([request], 6.0)[0].reason)


if __name__ == "__main__":
    main()
