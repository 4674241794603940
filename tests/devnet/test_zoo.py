"""Every cheat of docs/cheats.md against real nodes: chain, queue, Celery workers, sockets, to the posted report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import pytest

from oracle.budget import plan
from oracle.model import FULL_BPS, ONE, UNKNOWN_REASONS, Reason, VoteState
from oracle.store.outcomes import chain_report
from oracle.store.reports import load_evidence
from oracle.store.sightings import How
from oracle.weights import FACTOR_REASONS
from tests.fixtures.node import ROOT
from tests.zoo.cheats import AlteredLater
from tests.zoo.run import DRILL, EARLY, Zoo, running_zoo
from tests.zoo.stage import EPOCH_S, SLOTS, Enclosure, Watcher

pytestmark = [pytest.mark.demo, pytest.mark.timeout(400)]

RELAYS = ("proxy", "caching", "filtering")
SLOT_S = EPOCH_S / SLOTS


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    with running_zoo(tmp_path_factory.mktemp("zoo")) as run:
        yield run


def watcher_of(zoo: Zoo, fund: Enclosure) -> Watcher:
    return zoo.bare if fund is zoo.alike else zoo.usual


def share(zoo: Zoo, fund: Enclosure, epoch: int, name: str) -> Fraction:
    """What a mirror earned of what the honest one beside it did."""
    watcher = watcher_of(zoo, fund)
    return Fraction(watcher.weight(fund, epoch, name).weight, watcher.weight(fund, epoch, "honest").weight)


def is_paid(zoo: Zoo, fund: Enclosure, epoch: int, name: str) -> bool:
    """As much as the honest one, but for slots that a busy machine loses for either."""
    return abs(share(zoo, fund, epoch, name) - 1) <= Fraction(1, 5)


def reasons(zoo: Zoo, fund: Enclosure, epoch: int, name: str) -> set[Reason]:
    """Why its slots counted as they did, as far as they are known; factors apart."""
    found = watcher_of(zoo, fund).weight(fund, epoch, name).reasons
    return set(found) - UNKNOWN_REASONS - FACTOR_REASONS


def earns_nothing(zoo: Zoo, fund: Enclosure, name: str, reason: Reason) -> bool:
    """In no epoch, and always for this reason; wrong bytes are charged from when they are met in the epoch."""
    before = {Reason.NOT_ADMITTED} if reason is Reason.WRONG_BYTES else set[Reason]()
    found = [reasons(zoo, fund, at, name) - before for at in zoo.epochs]
    return all(share(zoo, fund, at, name) == 0 for at in zoo.epochs) and all(one == {reason} for one in found)


def was_ever_up(zoo: Zoo, fund: Enclosure, name: str) -> bool:
    """In any epoch, from the first on in which it was there at all."""
    votes = (vote for epoch in range(zoo.epochs[-1] + 1) for vote in watcher_of(zoo, fund).votes(fund, epoch, name))
    return any(vote.state is VoteState.UP for vote in votes)


# -------------------------------------------------------------------------------------------------- the measuring


def test_reports_of_all_funds_are_on_the_chain_and_their_evidence_verifies(zoo: Zoo) -> None:
    for watcher, committee in ((zoo.usual, 1), (zoo.bare, 2)):
        for epoch in zoo.epochs:
            assert chain_report(watcher.engine, committee, epoch)
            assert {"index.json", "report.json"} <= load_evidence(watcher.engine, committee, epoch).keys()
    argv = [sys.executable, "-m", "oracle", "verify", "--epoch", str(zoo.first), "--json"]
    environment = zoo.usual.node.environment
    told = subprocess.run(argv, env=dict(environment), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    assert {one["fund"] for one in json.loads(told.stdout)["funds"]} == {
        one.fund for one in zoo.enclosures if one is not zoo.alike
    }


def test_the_report_has_stakes_locked_of_whom_served_wrong_bytes_and_of_nobody_else(zoo: Zoo) -> None:
    locked: dict[int, set[int]] = defaultdict(set)
    for watcher, committee in ((zoo.usual, 1), (zoo.bare, 2)):
        for epoch in zoo.epochs:
            report = json.loads(load_evidence(watcher.engine, committee, epoch)["report.json"])
            for fund, leaves in report["slashes"].items():
                locked[int(fund)] |= {int(mirror) for mirror in leaves}
    cheats = {
        zoo.liars: ("agent", "altered", "soft"),
        zoo.many: ("altered", "altered later"),
        zoo.alike: ("agent", "agent, one file"),
    }
    assert locked == {fund.fund: {fund.mirrors[name] for name in names} for fund, names in cheats.items()}


def test_an_honest_mirror_beside_every_cheat_is_never_accused_and_loses_nothing(zoo: Zoo) -> None:
    for fund in zoo.enclosures:
        if fund is not zoo.crowd:
            for epoch in zoo.epochs:
                weight = watcher_of(zoo, fund).weight(fund, epoch, "honest")
                assert reasons(zoo, fund, epoch, "honest") == {Reason.UP}
                assert weight.latency_bps == FULL_BPS
                assert weight.known_slots > SLOTS // 2


# ------------------------------------------------------------------------------------------ other bytes than released


def test_a_file_altered_before_admission_never_counts(zoo: Zoo) -> None:
    for fund in (zoo.liars, zoo.many):
        assert earns_nothing(zoo, fund, "altered", Reason.WRONG_BYTES)
        assert not was_ever_up(zoo, fund, "altered")


def test_one_of_two_thousand_files_altered_later_is_met_within_the_stated_time(zoo: Zoo) -> None:
    fund, cheat = zoo.many, zoo.many.servers["altered later"].site
    assert isinstance(cheat, AlteredLater)
    stated = plan([len(body) for body in fund.files.values()], 0, fund.policy, EPOCH_S)
    assert (stated.walk_slots, stated.detection_slots) == (SLOTS, 2 * SLOTS - 1)
    votes = {(at, vote.slot): vote for at in zoo.epochs for vote in zoo.usual.votes(fund, at, "altered later")}
    met = next(when for when, vote in votes.items() if vote.reason is Reason.WRONG_BYTES)
    altered = (cheat.altered_s - zoo.clock.genesis_s) / SLOT_S
    slots = met[0] * SLOTS + met[1] - int(altered)
    assert 0 < slots <= stated.detection_slots
    assert votes[met].path == cheat.path
    assert share(zoo, fund, met[0], "altered later") == 0
    assert reasons(zoo, fund, met[0], "altered later") == {Reason.WRONG_BYTES}


def test_a_release_before_is_told_from_wrong_bytes_and_earns_nothing(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.liars, "stale", Reason.STALE_RELEASE)
    assert not was_ever_up(zoo, zoo.liars, "stale")


def test_the_index_page_for_everything_is_wrong_bytes_before_it_counts(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.liars, "soft", Reason.WRONG_BYTES)
    assert not was_ever_up(zoo, zoo.liars, "soft")


# ------------------------------------------------------------------------------------- who looks at the one who asks


def test_good_bytes_for_one_agent_only_are_found_by_a_browsers_words(zoo: Zoo) -> None:
    """With one address as with two."""
    for fund in (zoo.liars, zoo.alike):
        for epoch in zoo.epochs:
            assert share(zoo, fund, epoch, "agent") == 0
            assert Reason.WRONG_BYTES in reasons(zoo, fund, epoch, "agent")


def test_good_bytes_of_one_file_for_one_agent_only_are_found_in_a_round_in_a_browsers_words(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        assert share(zoo, zoo.alike, epoch, "agent, one file") == 0
        assert Reason.WRONG_BYTES in reasons(zoo, zoo.alike, epoch, "agent, one file")


def test_good_bytes_for_one_address_only_are_found_from_another(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        votes = zoo.usual.votes(zoo.liars, epoch, "address")
        first = min(vote.slot for vote in votes if vote.reason is Reason.HIDDEN)
        assert first < EARLY
        # A slot's questions may be made ready before the answers of the one before are in.
        assert {vote.reason for vote in votes if vote.slot > first + 1} - UNKNOWN_REASONS == {Reason.HIDDEN}
        assert share(zoo, zoo.liars, epoch, "address") <= Fraction(first + 1, SLOTS - 1)


def test_without_another_address_who_knows_the_one_is_paid(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        assert is_paid(zoo, zoo.alike, epoch, "address")


# ---------------------------------------------------------------------------------------------------- bad servers


def test_a_drip_is_down_by_its_time_limit(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.liars, "drip", Reason.TIMEOUT)


def test_a_slow_answer_costs_the_latency_factor(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        weight = zoo.usual.weight(zoo.liars, epoch, "slow")
        assert weight.reasons[Reason.SLOW] == weight.up_slots
        assert weight.latency_bps < FULL_BPS
        assert share(zoo, zoo.liars, epoch, "slow") < Fraction(9, 10)


def test_flapping_is_paid_for_the_slots_in_which_it_was_up(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        assert reasons(zoo, zoo.liars, epoch, "flapping") == {Reason.UP, Reason.CONNECT}
        assert abs(share(zoo, zoo.liars, epoch, "flapping") - Fraction(2, 3)) <= Fraction(2, SLOTS)


def test_a_wrong_certificate_is_down(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.liars, "certificate", Reason.TLS)
    assert zoo.liars.servers["certificate"].requests == 0


# ------------------------------------------------------------------------------------------------------- sharing


def test_someone_elses_server_is_paid_to_who_it_names(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.liars, "borrowed", Reason.NOT_OWNER)
    assert earns_nothing(zoo, zoo.unkeyed, "pipe", Reason.NOT_OWNER)
    assert not was_ever_up(zoo, zoo.liars, "borrowed")


@pytest.mark.parametrize(
    ("first", "further", "reason"),
    [
        ("door", "next door", Reason.SAME_ADDRESS),
        ("one name", "other name", Reason.SAME_ADDRESS),
        ("door", "neighbour", Reason.SAME_PREFIX),
        ("honest", "twin", Reason.SAME_OPERATOR),
    ],
)
def test_what_is_shared_is_paid_once(zoo: Zoo, first: str, further: str, reason: Reason) -> None:
    assert earns_nothing(zoo, zoo.liars, further, reason)
    assert all(is_paid(zoo, zoo.liars, epoch, first) for epoch in zoo.epochs)


def test_a_second_server_of_one_network_counts_a_quarter(zoo: Zoo) -> None:
    for epoch in zoo.epochs:
        assert reasons(zoo, zoo.liars, epoch, "rack") == {Reason.SAME_NETWORK}
        assert abs(share(zoo, zoo.liars, epoch, "rack") - Fraction(1, 4)) <= Fraction(1, 20)


# ------------------------------------------------------------------------------------------------------ relaying


@pytest.mark.parametrize(("name", "how"), [("proxy", How.CANARY), ("caching", How.CANARY), ("filtering", How.ECHO)])
def test_with_a_shared_key_a_relay_is_found_within_the_epoch(zoo: Zoo, name: str, how: How) -> None:
    assert earns_nothing(zoo, zoo.keyed, name, Reason.RELAYING)
    assert all(how in zoo.usual.sightings(zoo.keyed, epoch, name) for epoch in zoo.epochs)
    assert (How.CANARY in zoo.usual.sightings(zoo.keyed, zoo.first, name)) == (how is How.CANARY)


def test_without_the_primarys_log_a_relay_that_filters_is_paid_as_untested(zoo: Zoo) -> None:
    assert earns_nothing(zoo, zoo.unheard, "proxy", Reason.RELAYING)
    for epoch in zoo.epochs:
        assert is_paid(zoo, zoo.unheard, epoch, "filtering")
        assert Reason.UNTESTED in zoo.usual.weight(zoo.unheard, epoch, "filtering").reasons


@pytest.mark.parametrize("name", RELAYS)
def test_without_a_key_and_a_drill_a_relay_is_paid_as_untested(zoo: Zoo, name: str) -> None:
    for epoch in zoo.epochs:
        assert is_paid(zoo, zoo.unkeyed, epoch, name)
        assert Reason.UNTESTED in zoo.usual.weight(zoo.unkeyed, epoch, name).reasons


@pytest.mark.parametrize("name", RELAYS)
def test_without_a_key_a_drill_takes_more_than_half_of_a_relays_weight(zoo: Zoo, name: str) -> None:
    result = zoo.usual.result(zoo.drilled, zoo.first)
    assert result.outage_slots >= len(DRILL) - 1
    assert reasons(zoo, zoo.drilled, zoo.first, name) == {Reason.UP, Reason.HTTP_STATUS}
    assert share(zoo, zoo.drilled, zoo.first, name) < Fraction(1, 2)
    assert share(zoo, zoo.drilled, zoo.first + 1, name) <= Fraction(1, 2)


def test_who_holds_every_byte_is_a_mirror_wherever_it_has_them_from(zoo: Zoo) -> None:
    for fund in (zoo.keyed, zoo.unkeyed, zoo.drilled):
        for epoch in zoo.epochs:
            assert is_paid(zoo, fund, epoch, "hoarder")


# ------------------------------------------------------------------------------------------------- fifty honest ones


def test_fifty_honest_servers_behind_a_bad_line_are_never_accused(zoo: Zoo) -> None:
    innocent = {Reason.UP, Reason.TIMEOUT, Reason.CONNECT, Reason.PROTOCOL, Reason.HIDDEN}
    for epoch in zoo.epochs:
        for name in zoo.crowd.mirrors:
            assert reasons(zoo, zoo.crowd, epoch, name) <= innocent
            assert not zoo.usual.sightings(zoo.crowd, epoch, name)


def test_fifty_honest_servers_behind_a_bad_line_lose_at_most_two_percent(zoo: Zoo) -> None:
    """Of what they would have had, each slot known up: half a mirror each, since none was tested yet. All together, and
    none more than 2 % or, as these epochs have few slots, one slot."""
    weather = zoo.weather
    assert weather.lost >= weather.connections // 200
    weights = [zoo.usual.weight(zoo.crowd, epoch, name) for epoch in zoo.epochs for name in zoo.crowd.mirrors]
    possible = sum(ONE * weight.tested_bps // FULL_BPS for weight in weights)
    earned = sum(weight.weight for weight in weights)
    print(f"\n{weather.lost} of {weather.connections} connections lost, {earned / possible:.2%} of the weight kept")
    assert 50 * earned >= 49 * possible
    worst = max(weight.known_slots - weight.up_slots for weight in weights)
    assert worst <= max(1, ceil(SLOTS / 50))
