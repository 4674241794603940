"""Many probes of hostile servers, in turn, and what every one of them must keep to.

    python -m tests.hostile.soak 100000 [--json]

Exits with 1 if a probe took longer or read more than it may, ended without a reason, or if memory or descriptors grew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oracle.model import Reason
from oracle.probes import handle as handle_module
from oracle.probes.engine import Request, Response, fetch_all
from tests.hostile.servers import ADDRESS, KINDS, Running, running

TIMEOUT_MS, LATE_MS = 1_200, 1_800  # what a busy machine may add
MAX_BYTES = 256 * 1024
MAX_WIRE_BYTES = 48 * 1024 * 1024  # what a server on this machine can send until it is noticed
MAX_GROWTH_KB = 8 * 1024
_BATCH = 1_000
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def observe(response: Response) -> Reason:
    """What a node would say of it: none of these servers has the right bytes."""
    if response.reason is not None:
        return response.reason
    return Reason.WRONG_BYTES if response.status == 200 else Reason.HTTP_STATUS


def soak(probes: int) -> dict[str, Any]:
    """Probe hostile servers so often; figures, and `violations`, which is empty if all was well."""
    watch = _Watch()
    with running() as servers:
        for names in _batches(probes):
            watch.take(names, _ask(servers, names))
    return watch.result()


def _batches(probes: int) -> Iterator[list[str]]:
    kinds = list(KINDS)
    for start in range(0, probes, _BATCH):
        yield [kinds[index % len(kinds)] for index in range(start, min(probes, start + _BATCH))]


def _ask(servers: Running, names: Sequence[str]) -> list[Response]:
    requests = [
        Request(servers.url(name), ADDRESS, timeout_ms=TIMEOUT_MS, max_bytes=MAX_BYTES, first_byte_timeout_ms=1_000)
        for name in names
    ]
    return fetch_all(requests, 120.0, ca_file=servers.trusted)


class _Watch:
    """Gathers what came of the probes, and what they took."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seen: dict[str, Counter[str]] = defaultdict(Counter)
        self._violations: list[str] = []
        self._longest_ms = 0
        self._most_body = 0
        self._wire = _WireMeter()
        self._sizes: list[tuple[int, int]] = []

    def take(self, names: Sequence[str], responses: Sequence[Response]) -> None:
        """One batch."""
        if len(names) != len(responses):
            self._violations.append(f"{len(responses)} responses to {len(names)} requests")
        for name, response in zip(names, responses, strict=False):
            self._judge(name, response)
        self._sizes.append((_rss_kb(), len(list(Path("/proc/self/fd").iterdir()))))

    def _judge(self, name: str, response: Response) -> None:
        reason = observe(response)
        self._seen[name][reason.value] += 1
        self._longest_ms = max(self._longest_ms, response.phases.total_ms)
        self._most_body = max(self._most_body, response.length)
        if response.phases.total_ms > TIMEOUT_MS + LATE_MS:
            self._violations.append(f"{name}: {response.phases.total_ms} ms")
        if response.length > MAX_BYTES + 64 * 1024:
            self._violations.append(f"{name}: a body of {response.length} bytes")
        if reason not in KINDS[name].reasons | {Reason.TIMEOUT}:
            self._violations.append(f"{name}: {reason.value}: {response.detail}")

    def result(self) -> dict[str, Any]:
        """All figures."""
        begun, ended = self._sizes[len(self._sizes) // 4], self._sizes[-1]
        if ended[0] - begun[0] > MAX_GROWTH_KB:
            self._violations.append(f"memory grew from {begun[0]} to {ended[0]} kB")
        if ended[1] > begun[1]:
            self._violations.append(f"open descriptors grew from {begun[1]} to {ended[1]}")
        if self._wire.most > MAX_WIRE_BYTES:
            self._violations.append(f"{self._wire.most} bytes on the wire of one probe")
        return {
            "probes": sum(sum(seen.values()) for seen in self._seen.values()),
            "kinds": len(self._seen),
            "seconds": round(time.monotonic() - self._began, 1),
            "longest_ms": self._longest_ms,
            "timeout_ms": TIMEOUT_MS,
            "most_body_bytes": self._most_body,
            "max_body_bytes": MAX_BYTES,
            "most_wire_bytes": self._wire.most,
            "rss_kb": [begun[0], ended[0]],
            "descriptors": [begun[1], ended[1]],
            "reasons": {name: dict(seen) for name, seen in sorted(self._seen.items())},
            "violations": self._violations[:50],
        }


class _WireMeter:
    """The most bytes that any one connection took in, as the kernel counted them."""

    def __init__(self) -> None:
        self.most = 0
        release = handle_module.Handle.release

        def metered(handle: handle_module.Handle) -> None:
            if handle._socket is not None:
                self.most = max(self.most, handle_module._received(handle._socket))
            release(handle)

        handle_module.Handle.release = metered  # type: ignore[method-assign, assignment]


def _rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KB


def main() -> None:
    """Run as the module says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("probes", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = soak(options.probes)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")
    sys.exit(bool(result["violations"]))


if __name__ == "__main__":
    main()
