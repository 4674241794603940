import threading
import time
from collections.abc import Callable, Iterator

import pytest

from oracle.model import Reason
from oracle.probes import address as address_module
from oracle.probes.address import Addresses, Resolved, locate, resolve
from oracle.probes.route import Route

PUBLIC, OTHER_PUBLIC, PRIVATE = "93.184.216.34", "93.184.216.35", "10.0.0.7"
Lookup = Callable[[str, int], list[str]]


def knows(**names: list[str]) -> Lookup:
    """A resolver that knows these names below .example only."""

    def lookup(host: str, _port: int) -> list[str]:
        try:
            return names[host.removesuffix(".example")]
        except KeyError as error:
            raise OSError(-2, "Name or service not known") from error

    return lookup


@pytest.fixture
def hanging() -> Iterator[Lookup]:
    """A resolver that never answers for names that start with "slow"."""
    over = threading.Event()

    def lookup(host: str, _port: int) -> list[str]:
        if host.startswith("slow"):
            over.wait(20)
        return [PUBLIC]

    yield lookup
    over.set()


def one(host: str, lookup: Lookup | None = None, *, allow_loopback: bool = False, limit_s: float = 2.0) -> Resolved:
    return resolve([(host, 80)], limit_s, allow_loopback=allow_loopback, lookup=lookup)[host, 80]


def test_a_name_gives_all_of_its_addresses_ipv4_first() -> None:
    resolved = one("a.example", knows(a=["2606:4700::1111", OTHER_PUBLIC, PUBLIC, PUBLIC]))
    assert resolved.addresses == (PUBLIC, OTHER_PUBLIC, "2606:4700::1111")
    assert resolved.reason is None


@pytest.mark.parametrize(
    "refused", [PRIVATE, "127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0"]
)
def test_one_address_that_may_not_be_probed_refuses_the_whole_name(refused: str) -> None:
    resolved = one("a.example", knows(a=[PUBLIC, refused]))
    assert resolved.reason is Reason.ADDRESS_REFUSED
    assert resolved.addresses == ()
    assert refused.partition("%")[0] in resolved.detail


def test_an_unknown_name_is_dns() -> None:
    resolved = one("b.example", knows(a=[PUBLIC]))
    assert (resolved.reason, resolved.detail) == (Reason.DNS, "Name or service not known")


def test_a_name_without_an_address_is_dns() -> None:
    assert one("a.example", knows(a=[])).reason is Reason.DNS


def test_a_name_that_hangs_is_dns_at_the_limit_and_keeps_no_other_waiting(hanging: Lookup) -> None:
    began = time.monotonic()
    found = resolve([("slow.example", 80), ("quick.example", 80)], 0.8, lookup=hanging)
    assert time.monotonic() - began < 2
    assert found["slow.example", 80].reason is Reason.DNS
    assert found["quick.example", 80].addresses == (PUBLIC,)


def test_a_name_that_was_never_asked_for_is_not_measured(monkeypatch: pytest.MonkeyPatch, hanging: Lookup) -> None:
    monkeypatch.setattr(address_module, "_RESOLVERS", 1)
    found = resolve([("slow.example", 80), ("slow2.example", 80)], 0.2, lookup=hanging)
    assert [resolved.reason for resolved in found.values()] == [Reason.DNS, Reason.NOT_MEASURED]


def test_each_name_is_asked_once() -> None:
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    resolve([("a.example", 80), ("a.example", 80), (PUBLIC, 80)], 1.0, lookup=lookup)
    assert asked == ["a.example"]


def test_the_system_resolves_localhost_to_what_is_refused_without_the_allowance() -> None:
    assert one("localhost").reason is Reason.ADDRESS_REFUSED
    assert one("localhost", allow_loopback=True).addresses[0] in ("127.0.0.1", "::1")


def test_the_addresses_of_a_name_take_turns_and_ipv6_only_where_there_is_no_ipv4() -> None:
    both = Resolved((PUBLIC, OTHER_PUBLIC, "2606:4700::1"))
    assert [both.pick(turn) for turn in range(3)] == [PUBLIC, OTHER_PUBLIC, PUBLIC]
    assert Resolved(("2606:4700::1", "2606:4700::2")).pick(1) == "2606:4700::2"


def test_the_last_name_on_the_way_is_told() -> None:
    found = locate(["http://a.example/"], 1.0, lookup=lambda _host, _port: Addresses([PUBLIC], "b.example"))
    assert (found[0].address, found[0].alias) == (PUBLIC, "b.example")
    assert locate(["http://a.example/"], 1.0, lookup=knows(a=[PUBLIC]))[0].alias == ""


def test_the_systems_resolver_tells_the_last_name() -> None:
    assert locate(["http://localhost/"], 5.0, allow_loopback=True)[0].alias == "localhost"


def test_ipv4_and_ipv6_can_be_asked_for_apart() -> None:
    names = knows(both=[PUBLIC, "2606:4700::1"], four=[PUBLIC], bad=[PUBLIC, "::1"])
    urls = [f"http://{name}.example/" for name in ("both", "four", "bad")]
    assert [place.address for place in locate(urls, 1.0, version=4, lookup=names)] == [PUBLIC, PUBLIC, ""]
    both, four, bad = locate(urls, 1.0, version=6, lookup=names)
    assert (both.address, both.reason) == ("2606:4700::1", None)
    assert (four.reason, four.detail) == (Reason.DNS, "the name has no IPv6 address")
    assert bad.reason is Reason.ADDRESS_REFUSED


def test_an_ipv6_address_is_told_beside_an_ipv4_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "leads_to", lambda *_: True)
    sixes = ["2606:4700::1", "2606:4700::2"]
    names = knows(both=[PUBLIC, *sixes], four=[PUBLIC, OTHER_PUBLIC], six=sixes, bad=[PUBLIC, "::1"])
    urls = [f"http://{name}.example/" for name in ("both", "four", "six", "bad")]
    assert [place.six for place in locate(urls, 1.0, lookup=names)] == [sixes[0], "", "", ""]
    assert [place.six for place in locate(urls, 1.0, turn=1, lookup=names)] == [sixes[1], "", "", ""]


@pytest.mark.parametrize(("has_six", "asked", "reason"), [(True, "2606:4700::1", None), (False, "", Reason.DNS)])
def test_a_name_without_ipv4_is_dns_where_this_node_has_no_ipv6(
    monkeypatch: pytest.MonkeyPatch, has_six: bool, asked: str, reason: Reason | None
) -> None:
    """Or its owner could choose to be unknown to such nodes."""
    monkeypatch.setattr(Route, "leads_to", lambda _route, _address: has_six)
    names = knows(six=["2606:4700::1"], both=[PUBLIC, "2606:4700::1"])
    six, both = locate(["http://six.example/", "http://both.example/"], 1.0, lookup=names)
    assert (six.address, six.reason) == (asked, reason)
    assert (both.address, both.six, both.reason) == (PUBLIC, "2606:4700::1", None)


def test_a_url_that_cannot_be_read_is_refused_and_the_others_go_on() -> None:
    bad, good = locate(["http://u:p@a.example/", "http://a.example/x"], 1.0, lookup=knows(a=[PUBLIC]))
    assert bad.reason is Reason.ADDRESS_REFUSED
    assert "credentials" in bad.detail
    assert (str(good.base), good.address) == ("http://a.example/x", PUBLIC)
