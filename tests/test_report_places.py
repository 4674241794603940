"""Where mirrors are is in the bundles: seen by each node, merged by all, and never looked up again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from oracle import evidence
from oracle.cases import panel_at
from oracle.codec import result_from_json
from oracle.errors import NotEnoughBundles
from oracle.model import ONE, PRIMARY, CommitteeId, Epoch, FundId, FundResult, MirrorId, Place, Reason, Slot, Vote
from oracle.placement.data import FILE_NAME
from oracle.placement.update import from_tables, install
from oracle.report import close_epoch
from oracle.store import facts
from oracle.store.observations import record_votes
from oracle.store.reports import load_bundles, load_evidence, load_result, save_bundle
from tests.fixtures.ledger import Ledger
from tests.placement.test_update import write_tables

FRANKFURT, HELSINKI = "50.11,8.68", "60.17,24.94"  # 1,500 km: 10 ms of both round trips
ADDRESSES = {1: "5.9.1.9", 2: "95.216.1.9"}  # both of AS24940, registered in Germany
EPOCH = Epoch(1)


def node(folder: Path, number: int, vantage: str, **changes: object) -> Ledger:
    """One of two nodes, each with one of two members' keys."""
    ledger = Ledger(folder, members=2, quorum=2, keys=2, changes={"vantage": vantage, **changes})
    keep: str = ledger.accounts[number].address
    members = {address: key for address, key in ledger.context.members.items() if address == keep}
    ledger.context.__dict__["members"] = members
    return ledger


def see(ledger: Ledger, rtts_us: Mapping[int, int], platform: str = "") -> None:
    """Votes of an epoch in which everything is up."""
    for mirror in (PRIMARY, *ADDRESSES):
        address, rtt_us = ADDRESSES.get(mirror, "192.0.2.1"), rtts_us.get(mirror)
        votes = [
            Vote(
                FundId(1),
                MirrorId(mirror),
                EPOCH,
                Slot(slot),
                Reason.UP,
                latency_ms=50,
                address=address,
                rtt_us=rtt_us and rtt_us + slot,
                platform=platform,
            )
            for slot in range(ledger.policy.slots)
        ]
        record_votes(ledger.engine, ledger.node_name, votes)


def closed(first: Ledger, second: Ledger) -> FundResult:
    """The result after the first node has the second's bundle."""
    second.clock = first.clock
    for ledger in (first, second):
        with pytest.raises(NotEnoughBundles):
            close_epoch(ledger.context, EPOCH)
    for bundle in load_bundles(second.engine, 1, EPOCH):
        save_bundle(first.engine, bundle)
    close_epoch(first.context, EPOCH)
    return result_from_json(load_result(first.engine, FundId(1), EPOCH))


def test_two_nodes_prove_two_servers_of_one_network_apart(tmp_path: Path) -> None:
    nodes = [node(tmp_path / "a", 0, FRANKFURT), node(tmp_path / "b", 1, HELSINKI)]
    see(nodes[0], {1: 5_000, 2: 30_000})
    see(nodes[1], {1: 30_000, 2: 1_000})
    result = closed(*nodes)
    assert [weight.count for weight in result.weights] == [ONE, ONE]


@pytest.mark.parametrize(
    ("vantages", "rtts"),
    [
        (("", HELSINKI), ({1: 5_000}, {2: 1_000})),
        ((FRANKFURT, HELSINKI), ({1: 5_000}, {2: 6_000})),
        ((FRANKFURT, HELSINKI), ({1: 5_000}, {})),
    ],
    ids=["one node does not say where it is", "too slow to tell", "not measured"],
)
def test_otherwise_they_are_one_network(
    tmp_path: Path, vantages: tuple[str, str], rtts: tuple[dict[int, int], dict[int, int]]
) -> None:
    nodes = [node(tmp_path / "a", 0, vantages[0]), node(tmp_path / "b", 1, vantages[1])]
    for ledger, times in zip(nodes, rtts, strict=True):
        see(ledger, times)
    assert [weight.count for weight in closed(*nodes).weights] == [ONE, ONE // 4]


def test_a_platform_that_the_names_lead_to_is_one_network(tmp_path: Path) -> None:
    nodes = [node(tmp_path / "a", 0, FRANKFURT), node(tmp_path / "b", 1, HELSINKI)]
    see(nodes[0], {1: 5_000, 2: 30_000}, "netlify")
    see(nodes[1], {1: 30_000, 2: 1_000}, "netlify")
    assert [weight.count for weight in closed(*nodes).weights] == [ONE, ONE // 4]


def test_the_evidence_gives_the_same_weights_whatever_data_the_reader_has(tmp_path: Path) -> None:
    nodes = [node(tmp_path / "a", 0, FRANKFURT), node(tmp_path / "b", 1, HELSINKI)]
    see(nodes[0], {1: 5_000, 2: 30_000})
    see(nodes[1], {1: 30_000, 2: 1_000})
    result = closed(*nodes)
    files = load_evidence(nodes[0].engine, 1, EPOCH)
    case = evidence.read_fund("funds/1.json", files["funds/1.json"]).case
    bundles = [evidence.read_bundle(name, body).bundle for name, body in files.items() if name.startswith("bundles/")]
    panel = panel_at(nodes[0].engine, CommitteeId(1), EPOCH)
    assert evidence.compute(case, bundles, panel, nodes[0].context.fund_contract).result == result
    apart = [replace(bundle, vantage=None) for bundle in bundles]
    assert evidence.compute(case, apart, panel, nodes[0].context.fund_contract).result != result
    (first,) = (seen for seen in bundles[0].funds[FundId(1)] if seen.mirror == 1)
    assert first.places == (Place("5.9.1.9", "5.9.1.0/24", 24940, "DE"),)
    assert set(first.rtts) == {"5.9.1.9"}


def places_of(ledger: Ledger) -> tuple[Place, ...]:
    """Where the one node of a committee of one says that mirror 1 is."""
    see(ledger, {})
    close_epoch(ledger.context, EPOCH)
    (body,) = (body for name, body in load_evidence(ledger.engine, 1, EPOCH).items() if name.startswith("bundles/"))
    seen = evidence.read_bundle("bundle", body).bundle.funds[FundId(1)]
    return next(one.places for one in seen if one.mirror == 1)


TABLE = {"5.9.1.0/24": {"asn": 64500, "country": "FR"}}


def test_the_table_of_a_development_chain_holds_there(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(json.dumps(TABLE))
    ledger = Ledger(tmp_path / "a", changes={"placement_file": tmp_path / "table.json"})
    assert [(place.asn, place.country) for place in places_of(ledger)] == [(64500, "FR")]


def test_no_table_holds_on_another_chain(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(json.dumps(TABLE))
    ledger = Ledger(tmp_path / "a", changes={"placement_file": tmp_path / "table.json"})
    facts.put(ledger.engine, facts.CHAIN_ID, 1)
    assert [(place.asn, place.country) for place in places_of(ledger)] == [(24940, "DE")]


def test_data_that_a_node_fetched_hold_for_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a")
    tables = write_tables(tmp_path / "tables")
    (tables / "asn-ipv4.csv").write_text("5.9.0.0,5.9.255.255,65001,Moved\n")
    install(from_tables(tables, "2030-01-01"), ledger.context.settings.home / FILE_NAME)
    assert [place.asn for place in places_of(ledger)] == [65001]
