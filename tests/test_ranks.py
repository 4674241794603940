"""Rank moves by merit, one place at a time; newcomers and those who move house start at the end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from oracle.codec import ranked_from_json, ranked_to_json
from oracle.errors import InvalidInput
from oracle.model import MirrorId, Place, RankedMirror
from oracle.ranks import (
    LEAD_TO_SWAP_BPS,
    MARGIN_BPS,
    MOST_A_TIME_BPS,
    MOST_REMEMBERED,
    Entry,
    networks,
    next_ranks,
    rank,
)
from tests.fixtures.epochs import account, place, ranked


def entry(mirror: int) -> Entry:
    return MirrorId(mirror), mirror + 10, account(mirror), f"http://new-{mirror}.example"


def order(mirrors: Sequence[RankedMirror]) -> list[int]:
    assert [one.rank for one in mirrors] == list(range(len(mirrors)))
    return [one.mirror for one in mirrors]


def after(mirrors: Sequence[RankedMirror], services: Sequence[int], epochs: int = 1) -> tuple[RankedMirror, ...]:
    """The ranks after some epochs in which mirror n served services[n - 1]."""
    now = tuple(mirrors)
    for _ in range(epochs):
        now = next_ranks(now, {one.mirror: services[one.mirror - 1] for one in now}, {})
    return now


# --------------------------------------------------------------------------------------------- who is in the list


def test_newcomers_come_last_in_the_order_of_registration() -> None:
    found = rank([ranked(2, 0), ranked(1, 1)], [entry(n) for n in (9, 1, 4, 2)])
    assert order(found) == [2, 1, 4, 9]


def test_those_who_left_leave_no_gap() -> None:
    found = rank([ranked(n) for n in (1, 2, 3, 4)], [entry(4), entry(2)])
    assert order(found) == [2, 4]


def test_the_chain_says_what_a_mirror_is_and_the_list_what_it_did() -> None:
    before = ranked(1, 0, lead=0, outages=(True, False), networks=frozenset({"AS1"}))
    (found,) = rank([before], [entry(1)])
    assert (found.position, found.operator, found.url) == (11, account(1), "http://new-1.example")
    assert (found.outages, found.passed_outage, found.networks) == ((True, False), True, frozenset({"AS1"}))


def test_a_newcomer_has_no_past() -> None:
    (found,) = rank([], [entry(1)])
    assert (found.lead, found.outages, found.passed_outage, found.networks) == (0, (), False, frozenset())


def test_a_lead_is_one_over_the_same_mirror() -> None:
    before = [ranked(1), ranked(2, lead=500), ranked(3, lead=750)]
    assert [one.lead for one in rank(before, [entry(2), entry(3)])] == [0, 750]


def test_the_list_does_not_depend_on_the_order_it_is_given_in() -> None:
    before, entries = [ranked(n) for n in (1, 2, 3)], [entry(n) for n in (1, 2, 3, 4, 5)]
    assert rank(before[::-1], entries[::-1]) == rank(before, entries)


@pytest.mark.parametrize(
    "before", [[ranked(1, 0), ranked(2, 0)], [ranked(1, 0), ranked(1, 1)]], ids=["rank twice", "mirror twice"]
)
def test_a_list_with_two_in_one_place_is_refused(before: list[RankedMirror]) -> None:
    with pytest.raises(InvalidInput, match="ranks"):
        rank(before, [entry(1), entry(2)])
    with pytest.raises(InvalidInput, match="ranks"):
        next_ranks(before, {}, {})


def test_a_mirror_that_counts_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="mirrors"):
        rank([], [entry(1), entry(1)])


# ----------------------------------------------------------------------------------------------------- overtaking


def test_four_better_epochs_overtake() -> None:
    start = [ranked(1), ranked(2)]
    services = [9_000, 9_400]
    assert order(after(start, services, 3)) == [1, 2]
    overtaken = after(start, services, 4)
    assert order(overtaken) == [2, 1]
    assert [one.lead for one in overtaken] == [0, 0]


def test_what_is_less_than_the_margin_is_not_better() -> None:
    assert order(after([ranked(1), ranked(2)], [9_000, 9_000 + MARGIN_BPS], 20)) == [1, 2]
    assert order(after([ranked(1), ranked(2)], [9_000, 9_050 + MARGIN_BPS], 20)) == [2, 1]


def test_one_epoch_counts_for_so_much_however_bad_it_was() -> None:
    nearly = after([ranked(1), ranked(2)], [0, 10_000], 3)
    again = after(nearly, [10_000, 0])
    assert [one[1].lead for one in (nearly, again)] == [3 * MOST_A_TIME_BPS, 2 * MOST_A_TIME_BPS]


def test_an_epoch_that_is_equal_takes_the_margin_from_the_lead_and_none_is_below_nothing() -> None:
    nearly = after([ranked(1), ranked(2)], [0, 10_000], 3)
    equal = [after(nearly, [10_000, 10_000], epochs)[1].lead for epochs in (1, 2, 20)]
    assert equal == [750 - MARGIN_BPS, 750 - 2 * MARGIN_BPS, 0]


def test_nobody_moves_by_two_places_at_once() -> None:
    """Two earned it against the one above each: the upper pair swaps, the lower starts again below another mirror."""
    found = after([ranked(1), ranked(2, lead=750), ranked(3, lead=750)], [0, 5_000, 10_000])
    assert order(found) == [2, 1, 3]
    assert [one.lead for one in found] == [0, 0, 0]


def test_pairs_apart_swap_in_the_same_epoch() -> None:
    start = [ranked(1), ranked(2, lead=750), ranked(3), ranked(4, lead=750)]
    assert order(after(start, [0, 1_000, 0, 1_000])) == [2, 1, 4, 3]


def test_the_best_of_the_crowd_climbs_to_the_top() -> None:
    start = [ranked(n) for n in range(1, 5)]
    assert order(after(start, [5_000, 5_000, 5_000, 10_000], 3 * LEAD_TO_SWAP_BPS // MOST_A_TIME_BPS)) == [4, 1, 2, 3]


def test_an_epoch_in_which_nothing_was_measured_changes_nothing() -> None:
    start = (ranked(1), ranked(2, lead=750))
    assert next_ranks(start, {}, {}) == start


def test_who_was_not_measured_is_not_beaten() -> None:
    """Nor is a lead over it lost: the nodes failed, not one of the two."""
    found = next_ranks([ranked(1), ranked(2, lead=750), ranked(3, lead=500)], {MirrorId(2): 9_000, MirrorId(3): 0}, {})
    assert [(one.mirror, one.lead) for one in found] == [(1, 0), (2, 750), (3, 250)]


# --------------------------------------------------------------------------------------------------- moving house


def moved(before: frozenset[str], *places: Place) -> tuple[RankedMirror, ...]:
    return next_ranks([ranked(1, networks=before), ranked(2), ranked(3)], {}, {MirrorId(1): places})


def test_first_sight_is_no_move() -> None:
    found = moved(frozenset(), place(1))
    assert order(found) == [1, 2, 3]
    assert found[0].networks == {"10.1.0.0/24", "AS2"}


def test_a_new_prefix_or_system_is_a_move_to_the_end() -> None:
    home = networks([place(1)])
    for elsewhere in (place(1, asn=9), place(2, asn=2)):
        for seen_in in ([elsewhere], [place(1), elsewhere]):
            found = moved(home, *seen_in)
            assert order(found) == [2, 3, 1]
            assert found[-1].networks == home | networks([elsewhere])


def test_another_host_of_the_same_prefix_is_no_move() -> None:
    assert order(moved(networks([place(1)]), place(1, host=9))) == [1, 2, 3]


def test_coming_back_or_not_being_seen_is_no_move() -> None:
    home = networks([place(1), place(2)])
    for seen_in in ([place(2)], []):
        found = moved(home, *seen_in)
        assert order(found) == [1, 2, 3]
        assert found[0].networks == home


def test_other_addresses_of_one_platform_are_no_move() -> None:
    home = networks([place(1, platform="cloud")])
    assert home == {"platform cloud"}
    assert order(moved(home, place(2, platform="cloud"))) == [1, 2, 3]
    assert order(moved(home, place(2, platform="other"))) == [2, 3, 1]


def test_a_move_ends_the_lead_of_who_moves_and_of_who_stood_below() -> None:
    start = [ranked(1), ranked(2, lead=250, networks=frozenset({"AS9"})), ranked(3, lead=750)]
    found = next_ranks(start, {MirrorId(3): 10_000, MirrorId(2): 5_000}, {MirrorId(2): [place(2)]})
    assert order(found) == [1, 3, 2]
    assert [one.lead for one in found] == [0, 0, 0]


def test_a_move_does_not_hold_up_those_below() -> None:
    """The third beat the second, who moves, and the fourth beat the third: only the latter is a swap."""
    start = [ranked(1), ranked(2, networks=frozenset({"AS9"})), ranked(3, lead=750), ranked(4, lead=750)]
    services = {MirrorId(n): 1_000 * n for n in range(1, 5)}
    assert order(next_ranks(start, services, {MirrorId(2): [place(2)]})) == [1, 4, 3, 2]


def test_a_rank_list_does_not_grow_without_end() -> None:
    """Two more networks an epoch; beyond the most, only those of the last epoch are kept."""
    now, sizes = [ranked(1, networks=frozenset({"AS0", "AS1000"}))], []
    for i in range(40):
        now = list(next_ranks(now, {}, {MirrorId(1): [place(i, asn=i + 1)]}))
        sizes.append(len(now[0].networks))
    assert sizes[:33] == [*range(4, 65, 2), 2, 4]


def test_a_rank_list_can_be_read_back_however_many_places_a_mirror_was_seen_in() -> None:
    """A name may show each node another address in every slot; who is seen where nothing is remembered has moved."""
    crowd = [Place(f"10.{i >> 8}.{i & 255}.1", f"10.{i >> 8}.{i & 255}.0/24", i + 1, "DE", "") for i in range(12_000)]
    now = next_ranks([ranked(1), ranked(2)], {}, {MirrorId(1): crowd})
    assert [ranked_from_json(ranked_to_json(one)) for one in now] == list(now)
    assert len(now[0].networks) == MOST_REMEMBERED
    assert now == next_ranks([ranked(1), ranked(2)], {}, {MirrorId(1): crowd[::-1]})
    assert order(next_ranks(now, {}, {MirrorId(1): crowd})) == [2, 1]


def test_an_unknown_system_is_none() -> None:
    assert networks([place(1, asn=0)]) == {"10.1.0.0/24"}
