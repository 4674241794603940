"""Who lives in which fund."""

from __future__ import annotations

import socket
from pathlib import Path

from oracle.canary import ECHO_PATH
from oracle.chain.transactions import Account
from tests.examples.test_primary import primary as example
from tests.fixtures.hostile import certificate
from tests.zoo.cheats import (
    Altered,
    AlteredLater,
    Drip,
    Flapping,
    Names,
    OnlyForAddress,
    OnlyForAgent,
    Slow,
    SoftMissing,
)
from tests.zoo.line import Line, Weather
from tests.zoo.relays import CachingProxy, FilteringProxy, Hoarder, Proxy, PurePipe
from tests.zoo.site import NOT_FOUND, Request, Server, Site, reply
from tests.zoo.stage import RACK, SLOTS, Enclosure, Stage, text_files

PROBER_AGENT = "Mozilla/5.0 (compatible)"
PROBER_ADDRESS = "127.0.0.1"
"""From where a prober on this machine comes if it does not choose."""
MANY = 2_000
ONE_FILE = "pages/0006.html"
HONEST = 50


class Primary(Site):
    """A developer's server with the middleware of examples/primary before it; one that `tells` shows its log."""

    def __init__(self, key: str, *, tells: bool = True) -> None:
        super().__init__({})
        self._known, self._tells = example.Primary(key), tells

    def answer(self, request: Request) -> bytes:
        """What the middleware answers itself, or a file."""
        path, _, query = request.target.partition("?")
        if path == ECHO_PATH and not self._tells:
            return NOT_FOUND
        found = self._known.answer(path, query)
        return reply(found[1]) if found else super().answer(request)


def operator_of(fund: Enclosure) -> str:
    """The address of who registers the next mirror."""
    return fund.next_operator().address


def keep_liars(stage: Stage, folder: Path) -> Enclosure:
    """Those who hold files, or seem to; without a key shared, a drill, or much to read."""
    fund = stage.enclose(text_files(SLOTS), target=20, former=text_files(SLOTS, "0"))
    files = fund.all_files
    fund.keep("honest", Site(files, operator_of(fund)))
    fund.keep("agent", OnlyForAgent(files, operator_of(fund), PROBER_AGENT))
    fund.keep("address", OnlyForAddress(files, operator_of(fund), PROBER_ADDRESS))
    fund.keep("altered", Altered(files, operator_of(fund), "pages/0006.html"))
    fund.keep("stale", Site({**text_files(SLOTS, "0"), **fund.cold}, operator_of(fund)))
    fund.keep("soft", SoftMissing(files, operator_of(fund)))
    fund.keep("drip", Drip(files, operator_of(fund), 0.2))
    fund.keep("slow", Slow(files, operator_of(fund), 0.8))
    fund.keep("flapping", Flapping(files, operator_of(fund), stage.net.clock))
    tls, _ = certificate(folder, host="elsewhere.example")
    fund.keep("certificate", Site(files, operator_of(fund)), tls=tls)
    fund.register("borrowed", fund.servers["honest"].url)
    _keep_sharers(fund)
    return fund


def _keep_sharers(fund: Enclosure) -> None:
    """Who share what only one of them may be paid for, each in another way."""
    files = fund.all_files
    first = fund.keep("door", Site(files, operator_of(fund)))
    fund.keep("next door", Site(files, operator_of(fund)), *first.addresses)
    neighbour = first.addresses[0].rpartition(".")[0] + ".2"
    fund.keep("neighbour", Site(files, operator_of(fund)), neighbour)
    names = Names(files, {"localhost": operator_of(fund)})
    server = fund.keep("one name", names, *_addresses_of("localhost"), host="localhost")
    names.operators[server.addresses[0]] = operator_of(fund)
    fund.register("other name", server.url)
    first_operator = fund.stage.operator(0)
    fund.keep("twin", Site(files, first_operator.address), operator=first_operator)
    fund.keep("rack", Site(files, operator_of(fund)), f"127.{10 + fund.number}.{RACK}.1")


def _addresses_of(name: str) -> list[str]:
    """All addresses of a name, that of IPv4 first."""
    found = {str(answer[4][0]) for answer in socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)}
    return sorted(found, key=lambda address: ":" in address)


def keep_relays(stage: Stage, primary: Site | None = None) -> Enclosure:
    """Those who pass on what the primary answers, beside one who does not."""
    fund = stage.enclose(text_files(SLOTS), primary)
    fund.keep("honest", Site(fund.all_files, operator_of(fund)))
    fund.keep("proxy", Proxy(fund.upstream, operator_of(fund)))
    fund.keep("caching", CachingProxy(fund.upstream, operator_of(fund)))
    fund.keep("filtering", FilteringProxy(fund.upstream, operator_of(fund), fund.all_files))
    hoarder = Hoarder(fund.upstream, operator_of(fund), fund.all_files)
    fund.keep("hoarder", hoarder)
    stage.crowd.do(hoarder.hoard(fund.all_files))
    fund.keep("pipe", PurePipe(fund.upstream, operator_of(fund)))
    return fund


def keep_unheard(stage: Stage, key: str) -> Enclosure:
    """Two relays of a primary that knows canaries, but does not show its log."""
    fund = stage.enclose(text_files(SLOTS), Primary(key, tells=False))
    fund.keep("honest", Site(fund.all_files, operator_of(fund)))
    fund.keep("proxy", Proxy(fund.upstream, operator_of(fund)))
    fund.keep("filtering", FilteringProxy(fund.upstream, operator_of(fund), fund.all_files))
    return fund


def keep_many_files(stage: Stage) -> Enclosure:
    """Those who alter one of two thousand files, before they are read for the first time and after."""
    fund = stage.enclose(text_files(MANY), budget_bytes=10**12)
    fund.keep("honest", Site(fund.all_files, operator_of(fund)))
    fund.keep("altered", Altered(fund.all_files, operator_of(fund), "pages/1234.html"))
    fund.keep("altered later", AlteredLater(fund.all_files, operator_of(fund)))
    return fund


def keep_where_all_are_asked_alike(stage: Stage, committee: int, member: Account) -> Enclosure:
    """Who knows the prober's address, in a fund whose committee has one address only."""
    fund = stage.enclose(text_files(SLOTS), committee=committee, member=member)
    fund.keep("honest", Site(fund.all_files, operator_of(fund)))
    fund.keep("address", OnlyForAddress(fund.all_files, operator_of(fund), PROBER_ADDRESS))
    fund.keep("agent", OnlyForAgent(fund.all_files, operator_of(fund), PROBER_AGENT))
    fund.keep("agent, one file", OnlyForAgent(fund.all_files, operator_of(fund), PROBER_AGENT, ONE_FILE))
    return fund


def keep_honest(stage: Stage, weather: Weather, count: int = HONEST) -> Enclosure:
    """Honest servers behind a line on which connections are lost."""
    fund = stage.enclose(text_files(SLOTS), target=count)
    for number in range(count):
        server = Server(Site(fund.all_files, operator_of(fund)), f"127.{10 + fund.number}.{number + 1}.2")
        stage.crowd.start(server)
        line = Line(weather, fund.address(), (server.addresses[0], server.port))
        fund.register(f"honest {number}", stage.crowd.start(line).url)
    return fund
