"""The demo's cast is the one that the issue asks for."""

from collections import Counter
from pathlib import Path

from oracle.devnet.cast import ADDRESSES, MIRRORS, OPERATORS, Served, hosts
from oracle.devnet.hosts import placement
from oracle.devnet.servers import Kind


def test_there_are_two_honest_mirrors_and_one_of_every_other_kind() -> None:
    kinds = Counter(part.kind for part in MIRRORS)
    assert kinds == Counter(kind for kind in Kind if kind is not Kind.PRIMARY) + Counter({Kind.HONEST: 1})


def test_only_the_duplicate_shares_an_operator_and_it_ranks_below() -> None:
    operators = [part.operator for part in MIRRORS]
    twice = [part.name for number, part in enumerate(MIRRORS) if part.operator in operators[:number]]
    assert twice == ["duplicate"]


def test_every_host_has_a_prefix_and_a_network_of_its_own() -> None:
    table = placement(len(ADDRESSES))
    assert {address.rpartition(".")[0] + ".0/24" for address in ADDRESSES} == set(table)
    assert len({place["asn"] for place in table.values()}) == len(ADDRESSES)


def test_stale_server_has_the_former_folder_and_the_proxy_an_upstream() -> None:
    accounts = {role: f"0x{number:040x}" for number, role in enumerate(OPERATORS)}
    made = hosts(20_000, accounts, "0x00", Served(Path("/1"), Path("/2"), {"/m": "m"}))
    assert [host.name for host in made if host.folder == "/1"] == ["stale"]
    assert [host.name for host in made if host.upstream] == ["proxy"]
    assert [host.name for host in made if host.extra] == ["primary"]
    assert made[1].url == "http://127.1.1.1:20000"
