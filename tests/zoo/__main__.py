"""One cheat, served by hand beside the primary whose application it claims to mirror: `python -m tests.zoo NAME`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from oracle.model import Clock
from tests.fixtures.hostile import certificate
from tests.zoo import cheats, relays
from tests.zoo.inhabitants import PROBER_ADDRESS, PROBER_AGENT
from tests.zoo.line import Line, Weather
from tests.zoo.site import Server, Site
from tests.zoo.stage import EPOCH_S, cold_files, text_files

PRIMARY, MIRROR, LINE = "127.1.0.1", "127.1.1.1", "127.1.2.1"
OPERATOR = "0x" + "11" * 20
FILES = text_files(10)
ALL = {**FILES, **cold_files("by hand")}

Make = Callable[[tuple[str, int]], Site]
SITES: dict[str, Make] = {
    "honest": lambda _: Site(ALL, OPERATOR),
    "altered": lambda _: cheats.Altered(ALL, OPERATOR, "pages/0005.html"),
    "altered-later": lambda _: _begun(cheats.AlteredLater(ALL, OPERATOR)),
    "stale": lambda _: Site(text_files(10, "0"), OPERATOR),
    "soft": lambda _: cheats.SoftMissing(ALL, OPERATOR),
    "agent": lambda _: cheats.OnlyForAgent(ALL, OPERATOR, PROBER_AGENT),
    "address": lambda _: cheats.OnlyForAddress(ALL, OPERATOR, PROBER_ADDRESS),
    "drip": lambda _: cheats.Drip(ALL, OPERATOR, 0.2),
    "slow": lambda _: cheats.Slow(ALL, OPERATOR, 0.8),
    "flapping": lambda _: cheats.Flapping(ALL, OPERATOR, Clock(int(time.time()), EPOCH_S, 0, 0)),
    "certificate": lambda _: Site(ALL, OPERATOR),
    "names": lambda _: cheats.Names(ALL, {"localhost": OPERATOR, MIRROR: "0x" + "22" * 20}),
    "proxy": lambda upstream: relays.Proxy(upstream, OPERATOR),
    "caching": lambda upstream: relays.CachingProxy(upstream, OPERATOR),
    "filtering": lambda upstream: relays.FilteringProxy(upstream, OPERATOR, ALL),
    "pipe": lambda upstream: relays.PurePipe(upstream, OPERATOR),
    "line": lambda _: Site(ALL, OPERATOR),
}
"""By name what stands at the mirror's address, given where the primary is."""


def _begun(cheat: cheats.AlteredLater) -> cheats.AlteredLater:
    cheat.begin()
    return cheat


async def serve(name: str, folder: Path) -> None:
    """Serve until stopped."""
    primary = Server(Site(ALL), PRIMARY)
    await primary.start()
    tls = certificate(folder, host="elsewhere.example")[0] if name == "certificate" else None
    mirror = Server(SITES[name]((PRIMARY, primary.port)), MIRROR, tls=tls)
    await mirror.start()
    line = Line(Weather(seed=1), LINE, (MIRROR, mirror.port))
    await line.start()
    print(f"primary {primary.url}\n{name} {line.url if name == 'line' else mirror.url}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Run as the module says."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("name", choices=sorted(SITES))
    given = parser.parse_args()
    with TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.name, Path(folder)))


if __name__ == "__main__":
    main()
