"""The zoo's servers do what they are kept for: a cheat that does not cheat would prove nothing."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from oracle.model import Clock, Reason
from oracle.probes.engine import Request, Response, fetch_all
from oracle.probes.ownership import WELL_KNOWN
from tests.fixtures.node import ROOT
from tests.zoo.cheats import AlteredLater, Drip, Flapping, Names, OnlyForAddress, OnlyForAgent, SoftMissing, flipped
from tests.zoo.crowd import Crowd
from tests.zoo.inhabitants import PROBER_ADDRESS, PROBER_AGENT, Primary
from tests.zoo.line import Fate, Line, Weather
from tests.zoo.relays import CachingProxy, FilteringProxy, Hoarder, Proxy
from tests.zoo.site import Server, Site

FILES = {"index.html": b"<p>hello</p>", "a/b.txt": b"text"}
OPERATOR = "0x" + "11" * 20
ADDRESS = "127.1.7.1"


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as crowd:
        yield crowd


def ask(url: str, path: str, address: str = ADDRESS, **options: Any) -> Response:
    request = Request(f"{url}/{path.lstrip('/')}", address, timeout_ms=1_500, keep_body=True, **options)
    return fetch_all([request], 5.0)[0]


def body(crowd: Crowd, site: Site, path: str) -> bytes | None:
    return ask(crowd.start(Server(site, ADDRESS)).url, path).body


def test_an_honest_site_serves_its_files_and_names_its_operator(crowd: Crowd) -> None:
    server = crowd.start(Server(Site(FILES, OPERATOR), ADDRESS))
    assert [ask(server.url, path).body for path in FILES] == list(FILES.values())
    assert OPERATOR.encode() in (ask(server.url, WELL_KNOWN).body or b"")
    assert ask(server.url, "none").status == 404
    assert server.requests == 4


def test_what_is_altered_keeps_its_length(crowd: Crowd) -> None:
    assert (len(flipped(b"x")), flipped(b"x") == b"x") == (1, False)
    site = AlteredLater(FILES, OPERATOR)
    url = crowd.start(Server(site, ADDRESS)).url
    assert ask(url, "a/b.txt").body == b"text"
    site.begin()
    assert ask(url, WELL_KNOWN).body == site.files[WELL_KNOWN]
    assert [ask(url, "a/b.txt").body for _ in range(2)] == [b"text", flipped(b"text")]
    assert (site.path, ask(url, "index.html").body) == ("a/b.txt", FILES["index.html"])


def test_soft_missing_answers_200_with_its_index(crowd: Crowd) -> None:
    assert body(crowd, SoftMissing(FILES, OPERATOR), "a/b.txt") == FILES["index.html"]


def test_only_the_probers_own_words_and_address_get_good_bytes(crowd: Crowd) -> None:
    assert body(crowd, OnlyForAgent(FILES, OPERATOR, PROBER_AGENT), "a/b.txt") == b"text"
    assert body(crowd, OnlyForAgent(FILES, OPERATOR, "curl"), "a/b.txt") == b"text<script>mine()</script>"
    assert body(crowd, OnlyForAgent(FILES, OPERATOR, "curl", "index.html"), "a/b.txt") == b"text"
    assert body(crowd, OnlyForAgent(FILES, OPERATOR, "curl", "a/b.txt"), "a/b.txt") == b"text<script>mine()</script>"
    assert body(crowd, OnlyForAddress(FILES, OPERATOR, PROBER_ADDRESS), "a/b.txt") == b"text"
    assert body(crowd, OnlyForAddress(FILES, OPERATOR, "127.1.1.9"), "a/b.txt") is None


def test_a_drip_never_falls_silent_and_never_ends_in_time(crowd: Crowd) -> None:
    server = crowd.start(Server(Drip(FILES, OPERATOR, 0.2), ADDRESS))
    response = ask(server.url, "index.html", retries=1)
    assert (response.reason, response.attempts, server.requests) == (Reason.TIMEOUT, 1, 1)
    assert ask(server.url, WELL_KNOWN).status == 200


def test_flapping_cuts_in_the_middle_third(crowd: Crowd) -> None:
    now = int(time.time())
    for into_s, status in ((100, 200), (1_500, 0), (2_500, 200)):
        site = Flapping(FILES, OPERATOR, Clock(now - into_s, 3_000, 0, 0))
        assert ask(crowd.start(Server(site, ADDRESS)).url, "a/b.txt").status == status


def test_each_name_names_its_own_operator(crowd: Crowd) -> None:
    server = crowd.start(Server(Names(FILES, {"localhost": "one", "127.0.0.1": "two"}), "127.0.0.1"))
    for host, operator in (("localhost", b"one"), ("127.0.0.1", b"two")):
        url = server.url.replace("127.0.0.1", host)
        assert operator in (ask(url, WELL_KNOWN, "127.0.0.1").body or b"")


def test_relays_have_it_all_from_the_primary_and_only_caches_outlive_it(crowd: Crowd) -> None:
    key = "ab" * 32
    primary = crowd.start(Server(Primary(key), "127.1.7.2"))
    primary.site.files |= {f"/{path}": body for path, body in FILES.items()}
    upstream = (primary.addresses[0], primary.port)
    sites = [Proxy(upstream, OPERATOR), CachingProxy(upstream, OPERATOR), FilteringProxy(upstream, OPERATOR, FILES)]
    hoarder = Hoarder(upstream, OPERATOR, FILES)
    crowd.do(hoarder.hoard(FILES))
    urls = [crowd.start(Server(site, ADDRESS)).url for site in (*sites, hoarder)]
    assert [ask(url, "a/b.txt?v=1").body for url in urls] == [b"text"] * 4
    before = primary.requests
    assert [ask(url, "other").status for url in urls] == [404] * 4
    assert primary.requests == before + 2
    crowd.do(primary.stop())
    assert [ask(url, "a/b.txt?v=1").status for url in urls] == [502, 200, 200, 200]
    assert [ask(url, "index.html").status for url in urls] == [502, 502, 502, 200]


def test_of_a_thousand_connections_ten_are_lost_half_of_them_silently() -> None:
    weather = Weather(seed=1)
    fates = [weather.fate() for _ in range(20_000)]
    assert 150 < weather.lost < 250
    assert abs(fates.count(Fate.RESET) - fates.count(Fate.STALLED)) <= 1
    assert all(0.01 <= weather.delay_s() <= 0.08 for _ in range(1_000))


@pytest.mark.parametrize(("lost", "reasons"), [(0, {None}), (1000, {Reason.CONNECT, Reason.PROTOCOL, Reason.TIMEOUT})])
def test_a_line_passes_on_or_loses(crowd: Crowd, lost: int, reasons: set[Reason | None]) -> None:
    server = crowd.start(Server(Site(FILES, OPERATOR), ADDRESS))
    line = crowd.start(Line(Weather(seed=1, lost_in_1000=lost), "127.1.7.3", (ADDRESS, server.port)))
    requests = [Request(f"{line.url}/a/b.txt", line.address, timeout_ms=700) for _ in range(32)]
    assert {response.reason for response in fetch_all(requests, 5.0)} == reasons


def test_one_may_be_served_by_hand() -> None:
    argv = [sys.executable, "-m", "tests.zoo", "altered"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline() + process.stdout.readline()
            urls: dict[str, str] = dict(re.findall(r"^(\w+) (http://\S+)$", told, re.MULTILINE))
            honest, altered = (ask(urls[name], "pages/0005.html", address).body for name, address in
                               (("primary", "127.1.0.1"), ("altered", "127.1.1.1")))  # fmt: skip
        finally:
            process.terminate()
    assert honest
    assert altered == flipped(honest)
