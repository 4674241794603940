"""Weights pay for marginal redundancy: what a mirror adds, when it matters, to those above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from oracle.errors import InvalidInput
from oracle.model import FULL_BPS, ONE, PRIMARY, FundResult, Merged, Policy, RankedMirror, Reason, Weight
from oracle.weights import latency_bps, weigh
from oracle.weights import tested_bps as factor_of
from tests.fixtures.epochs import EPOCH, FUND, merged, place, policy, primary, ranked, seen

R = Reason


def of(result: FundResult, mirror: int) -> Weight:
    return next(weight for weight in result.weights if weight.mirror == mirror)


def weighed(
    *observations: Merged, mirrors: Sequence[RankedMirror] | None = None, target: int = 10, **fields: int
) -> FundResult:
    """The result of an epoch in which these were seen; each mirror tested and of its own operator unless given."""
    if mirrors is None:
        mirrors = [ranked(one.mirror) for one in observations if one.mirror != PRIMARY]
    count = len(observations[0].slots) if observations else 4
    return weigh(FUND, EPOCH, policy(count, **fields), target, mirrors, seen(*observations))


# ------------------------------------------------------------------------------------- slots and the denominator


def test_a_mirror_that_is_up_all_epoch_weighs_one() -> None:
    weight = of(weighed(merged(1, "UUUU")), 1)
    assert (weight.weight, weight.count, weight.up_slots, weight.known_slots) == (ONE, ONE, 4, 4)
    assert weight.reasons == {R.UP: 4}


def test_weight_is_the_share_of_slots_up() -> None:
    result = weighed(merged(1, "UDUh"), merged(2, "UUUU"))
    assert (of(result, 1).weight, of(result, 2).weight) == (ONE // 2, ONE)
    assert of(result, 1).reasons == {R.UP: 2, R.TIMEOUT: 1, R.HTTP_STATUS: 1}


def test_a_slot_unknown_for_every_mirror_leaves_the_denominator() -> None:
    result = weighed(merged(1, "U?Ud"), merged(2, "U?Dd"))
    assert (result.counted_slots, result.slots) == (2, 4)
    assert (of(result, 1).weight, of(result, 2).weight) == (ONE, ONE // 2)


def test_a_slot_unknown_for_one_mirror_but_known_for_one_above_is_not_up() -> None:
    result = weighed(merged(1, "UDUU"), merged(2, "U?U?"))
    assert result.counted_slots == 4
    assert of(result, 2).weight == ONE // 2
    assert of(result, 2).reasons == {R.UP: 2, R.NOT_MEASURED: 2}


def test_what_is_known_of_those_below_is_not_held_against_a_mirror() -> None:
    """The nodes failed to measure the first in half of the slots: not its fault, whoever else they measured then."""
    result = weighed(merged(1, "U?U?"), merged(2, "UDUU"))
    assert (of(result, 1).weight, of(result, 1).count, of(result, 2).weight) == (ONE, ONE, 3 * ONE // 4)
    assert of(result, 1).reasons == {R.UP: 2, R.NOT_MEASURED: 2}


def test_the_place_of_one_that_nobody_could_measure_is_kept_for_it() -> None:
    """Else the first would be paid in full for the slot in which the second is paid in its stead."""
    result = weighed(merged(1, "U?"), merged(2, "?U"), target=1)
    assert [weight.weight for weight in result.weights] == [ONE, 0]
    assert of(result, 2).reasons == {R.STANDBY: 1, R.NOT_MEASURED: 1}


def test_one_that_was_never_measured_keeps_no_place() -> None:
    result = weighed(merged(1, "??"), merged(2, "UU"), target=1)
    assert [weight.weight for weight in result.weights] == [0, ONE]


def test_a_second_server_is_not_paid_for_the_slots_in_which_nobody_saw_the_first() -> None:
    result = weighed(merged(1, "U?"), merged(2, "UU"), mirrors=[ranked(1), ranked(2, operator=1)])
    assert [weight.weight for weight in result.weights] == [ONE, 0]
    assert of(result, 2).reasons == {R.SAME_OPERATOR: 2}


@pytest.mark.parametrize(("of_primary", "weight"), [("UU", ONE // 2), ("UD", ONE // 11), ("U?", ONE), ("UX", ONE)])
def test_to_be_seen_differently_is_no_advantage_where_the_primary_could_be_judged(of_primary: str, weight: int) -> None:
    assert of(weighed(primary(of_primary), merged(1, "UX")), 1).weight == weight


def test_a_slot_known_for_the_primary_only_is_unknown() -> None:
    assert weighed(primary("UD"), merged(1, "U?")).counted_slots == 1


def test_what_is_known_of_mirrors_that_do_not_count_is_ignored() -> None:
    result = weighed(merged(1, "U?"), merged(2, "UU"), mirrors=[ranked(1)])
    assert (result.counted_slots, [weight.mirror for weight in result.weights]) == (1, [1])


def test_a_mirror_nobody_saw_is_unknown_throughout() -> None:
    result = weighed(merged(1, "UUUU"), mirrors=[ranked(1), ranked(2)])
    assert of(result, 2).reasons == {R.NOT_MEASURED: 4}
    assert (of(result, 2).weight, of(result, 2).known_slots, of(result, 2).latency_ms) == (0, 0, None)


def test_an_epoch_in_which_nothing_was_measured_pays_nothing_and_keeps_the_ranks() -> None:
    before = [ranked(1), ranked(2, lead=750)]
    result = weighed(primary("????"), mirrors=before)
    assert (result.counted_slots, result.n_eff, [weight.weight for weight in result.weights]) == (0, 0, [0, 0])
    assert result.ranks == tuple(before)
    assert all(weight.alive for weight in result.weights)


def test_a_fund_without_mirrors_has_an_empty_result() -> None:
    result = weighed(primary("UD"), mirrors=[])
    assert (result.n_eff, result.weights, result.ranks, result.counted_slots) == (0, (), (), 0)


# ------------------------------------------------------------------------------------------------------- outages


def test_slots_with_the_primary_down_count_outage_weight_times() -> None:
    """Of 4 slots one is an outage's: 13 parts, of which the one who served it has 10 + 1."""
    result = weighed(primary("UUUD"), merged(1, "UDDU"), merged(2, "UUUD"), outage_weight=10)
    assert (of(result, 1).weight, of(result, 2).weight) == (11 * ONE // 13, 3 * ONE // 13)
    assert result.outage_slots == 1


def test_the_effective_number_is_not_weighted_by_outages() -> None:
    result = weighed(primary("UUUD"), merged(1, "UUUU"), merged(2, "UUUD"))
    assert result.n_eff == ONE + 3 * ONE // 4


@pytest.mark.parametrize("unknown", ["??", "dd"])
def test_an_unknown_primary_is_no_outage(unknown: str) -> None:
    result = weighed(primary(unknown), merged(1, "UD"), outage_weight=10)
    assert (result.outage_slots, of(result, 1).weight) == (0, ONE // 2)


def test_a_primary_that_nobody_asked_is_no_outage() -> None:
    assert weighed(merged(1, "UD")).outage_slots == 0


def test_an_outage_in_a_slot_that_does_not_count_is_none() -> None:
    assert weighed(primary("DD"), merged(1, "U?")).outage_slots == 1


OUTAGES = [
    # primary, mirror, outages before, passed before, outages after, passed after
    ("DDDU", "UUUU", (), False, (True,), True),
    ("DDDU", "UUDU", (), False, (True,), True),
    ("DDDU", "UDDU", (), False, (False,), False),
    ("DDDD", "UUDD", (), False, (False,), False),  # half is not most
    ("DDUU", "UUUU", (), False, (), False),  # two slots are no outage
    ("DDDU", "U??U", (), False, (True,), True),  # of the slots known for it
    ("DDDU", "???U", (), False, (), False),  # nothing known of it: no result
    ("DDDU", "UXXU", (), False, (False,), False),  # disputed is not up
    ("DDDU", "XXXU", (), False, (False,), False),
    ("DDDU", "UUXU", (), False, (True,), True),
    ("DDDU", "DDDU", (True, True), True, (True, False), True),
    ("DDDU", "UUUU", (False, False), False, (False, True), True),
    ("???U", "UUUU", (), False, (), False),
]


@pytest.mark.parametrize(("of_primary", "of_mirror", "before", "passed", "after", "passed_after"), OUTAGES)
def test_an_outage_of_three_slots_is_passed_by_being_up_in_most(
    of_primary: str,
    of_mirror: str,
    before: tuple[bool, ...],
    passed: bool,
    after: tuple[bool, ...],
    passed_after: bool,
) -> None:
    mirrors = [ranked(1, outages=before, passed_outage=passed), ranked(2)]
    result = weighed(primary(of_primary), merged(1, of_mirror), merged(2, "UUUU"), mirrors=mirrors)
    found = next(one for one in result.ranks if one.mirror == 1)
    assert (found.outages, found.passed_outage) == (after, passed_after)


TESTED = [
    ((), False, 5_000, R.UNTESTED),
    ((False,), False, 5_000, R.UNTESTED),
    ((False, False), False, 0, R.FAILED_OUTAGES),
    ((False, False), True, 0, R.FAILED_OUTAGES),
    ((True, False), True, FULL_BPS, None),
    ((False, True), True, FULL_BPS, None),
    ((False,), True, FULL_BPS, None),
]


@pytest.mark.parametrize(("outages", "passed", "bps", "reason"), TESTED)
def test_the_tested_factor_is_earned_in_earlier_outages(
    outages: tuple[bool, ...], passed: bool, bps: int, reason: Reason | None
) -> None:
    mirror = ranked(1, outages=outages, passed_outage=passed)
    assert factor_of(Policy(), mirror) == (bps, reason)
    weight = of(weighed(merged(1, "UUUU"), mirrors=[mirror]), 1)
    assert weight.weight == ONE * bps // FULL_BPS
    assert weight.reasons == {R.UP: 4} | ({reason: 4} if reason else {})


def test_a_fund_that_pays_the_untested_in_full_names_no_cut() -> None:
    weight = of(
        weighed(merged(1, "UU"), mirrors=[ranked(1, outages=(), passed_outage=False)], untested_bps=FULL_BPS), 1
    )
    assert (weight.weight, weight.reasons) == (ONE, {R.UP: 2})


def test_the_outage_that_is_passed_now_only_counts_from_the_next_epoch() -> None:
    untested = [ranked(1, outages=(), passed_outage=False)]
    first = weighed(primary("DDDD"), merged(1, "UUUU"), mirrors=untested)
    assert of(first, 1).weight == ONE // 2
    second = weighed(primary("UUUU"), merged(1, "UUUU"), mirrors=first.ranks)
    assert of(second, 1).weight == ONE


def test_a_mirror_that_failed_twice_earns_again_once_it_passes() -> None:
    now = weighed(primary("UUU"), merged(1, "UUU")).ranks
    weights = []
    for letters in ("DDD", "DDD", "UUU", "UUU"):
        result = weighed(primary("DDD"), merged(1, letters), merged(2, "UUU"), mirrors=[*now[:1], ranked(2)])
        weights.append(of(result, 1).weight)
        now = tuple(one for one in result.ranks if one.mirror == 1)
    assert weights == [0, 0, 0, ONE]


# ------------------------------------------------------------------------------------------------------- latency


@pytest.mark.parametrize(
    ("latency_ms", "bps"),
    [(None, 10_000), (0, 10_000), (1_000, 10_000), (1_001, 9_998), (3_000, 7_500), (5_000, 5_000), (60_000, 5_000)],
)
def test_the_latency_factor_falls_in_a_straight_line_to_its_floor(latency_ms: int | None, bps: int) -> None:
    assert latency_bps(Policy(), latency_ms) == bps


def test_a_slow_mirror_is_told_for_how_many_slots() -> None:
    weight = of(weighed(merged(1, "UUUD", latency_ms=3_000)), 1)
    assert weight.weight == 3 * ONE // 4 * 7_500 // FULL_BPS
    assert weight.reasons == {R.UP: 3, R.TIMEOUT: 1, R.SLOW: 3}
    assert weight.count == 3 * ONE // 4


# --------------------------------------------------------------------------------------------------- exclusions


def test_the_second_server_of_an_operator_is_paid_while_the_first_is_down() -> None:
    mirrors = [ranked(1), ranked(2, operator=1)]
    result = weighed(merged(1, "UUDD"), merged(2, "UUUD"), mirrors=mirrors)
    assert of(result, 2).reasons == {R.UP: 1, R.TIMEOUT: 1, R.SAME_OPERATOR: 2}
    assert (of(result, 2).weight, of(result, 2).up_slots) == (ONE // 4, 3)


def test_rank_decides_who_of_two_is_paid_and_not_the_order_of_the_list() -> None:
    mirrors = [ranked(1, 1), ranked(2, 0, operator=1)]
    result = weighed(merged(1, "U"), merged(2, "U"), mirrors=mirrors)
    assert [(weight.mirror, weight.weight) for weight in result.weights] == [(2, ONE), (1, 0)]


def test_factors_only_name_slots_that_they_cut() -> None:
    mirrors = [ranked(1), ranked(2, operator=1, outages=(), passed_outage=False)]
    result = weighed(merged(1, "UU"), merged(2, "UU", latency_ms=9_000), mirrors=mirrors)
    assert of(result, 2).reasons == {R.SAME_OPERATOR: 2}


def test_fourteen_mirrors_of_one_network_and_country_weigh_one_and_a_third() -> None:
    crowd = [merged(i, "UUUU", place(i, asn=5)) for i in range(1, 15)]
    result = weighed(*crowd, target=100)
    assert result.n_eff <= 134 * ONE // 100
    assert sum(weight.weight for weight in result.weights) == result.n_eff


def test_beyond_the_target_the_lowest_ranks_stand_by() -> None:
    result = weighed(merged(1, "UD"), merged(2, "UU"), merged(3, "UU"), target=2)
    assert of(result, 3).reasons == {R.UP: 1, R.STANDBY: 1}
    assert result.n_eff == 2 * ONE


def test_who_served_wrong_bytes_counts_nowhere_and_holds_nobodys_place() -> None:
    mirrors = [ranked(1), ranked(2, operator=1)]
    result = weighed(merged(1, "UUUh", wrong_bytes=True), merged(2, "UUUU"), mirrors=mirrors, target=1)
    assert (of(result, 1).weight, of(result, 1).count, of(result, 1).up_slots, of(result, 1).alive) == (0, 0, 0, True)
    assert of(result, 1).reasons == {R.WRONG_BYTES: 3, R.HTTP_STATUS: 1}
    assert (of(result, 2).weight, result.n_eff) == (ONE, ONE)


def test_who_relays_the_primary_counts_nowhere_and_holds_nobodys_place_but_lives() -> None:
    mirrors = [ranked(1), ranked(2, operator=1)]
    result = weighed(replace(merged(1, "UUUD"), relaying=True), merged(2, "UUUU"), mirrors=mirrors, target=1)
    assert (of(result, 1).weight, of(result, 1).count, of(result, 1).up_slots, of(result, 1).alive) == (0, 0, 0, True)
    assert of(result, 1).reasons[R.RELAYING] == 3
    assert (of(result, 2).weight, result.n_eff) == (ONE, ONE)


def test_who_relays_and_serves_wrong_bytes_is_told_the_worse() -> None:
    both = replace(merged(1, "UUUU", wrong_bytes=True), relaying=True)
    assert of(weighed(both), 1).reasons == {R.WRONG_BYTES: 4}


def test_a_primary_that_published_early_is_only_down_where_it_was_seen() -> None:
    result = weighed(replace(primary("UUUD"), wrong_bytes=True), merged(1, "UUUU"))
    assert result.outage_slots == 1


@pytest.mark.parametrize(
    ("letters", "alive"),
    [("DDDD", False), ("DDDU", True), ("DDDh", True), ("????", True), ("D???", False), ("?d?h", True)],
)
def test_a_sign_of_life_is_any_answer_or_that_nobody_could_look(letters: str, alive: bool) -> None:
    assert of(weighed(merged(1, letters), merged(2, "UUUU")), 1).alive is alive


# --------------------------------------------------------------------------------------------------------- ranks


def test_service_before_exclusions_moves_the_rank() -> None:
    """The duplicate earns nothing while the first is up, but serves better and overtakes."""
    mirrors: Sequence[RankedMirror] = [ranked(1), ranked(2, operator=1)]
    for _ in range(4):
        result = weighed(merged(1, "U" * 48 + "DD"), merged(2, "U" * 50), mirrors=mirrors)
        mirrors = result.ranks
    assert [one.mirror for one in mirrors] == [2, 1]


def test_one_point_more_of_service_is_not_enough() -> None:
    mirrors: Sequence[RankedMirror] = [ranked(1), ranked(2)]
    for _ in range(8):
        mirrors = weighed(merged(1, "U" * 99 + "D"), merged(2, "U" * 100), mirrors=mirrors).ranks
    assert [(one.mirror, one.lead) for one in mirrors] == [(1, 0), (2, 0)]


def test_latency_counts_as_service() -> None:
    mirrors: Sequence[RankedMirror] = [ranked(1), ranked(2)]
    for _ in range(4):
        mirrors = weighed(merged(1, "UU", latency_ms=2_000), merged(2, "UU"), mirrors=mirrors).ranks
    assert [one.mirror for one in mirrors] == [2, 1]


def test_places_are_remembered_in_the_ranks() -> None:
    result = weighed(merged(1, "UU", place(1)), merged(2, "UU"), mirrors=[ranked(1), ranked(2)])
    assert result.ranks[0].networks == {"10.1.0.0/24", "AS2"}
    moved = weighed(merged(1, "UU", place(9)), merged(2, "UU"), mirrors=result.ranks)
    assert [one.mirror for one in moved.ranks] == [2, 1]


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "mirrors",
    [
        [ranked(1), replace(ranked(2), position=0)],
        [ranked(1), ranked(2, 0)],
        [ranked(1), replace(ranked(1), rank=1, position=1)],
    ],
    ids=["position", "rank", "mirror"],
)
def test_nothing_may_stand_twice(mirrors: list[RankedMirror]) -> None:
    with pytest.raises(InvalidInput):
        weighed(merged(1, "U"), mirrors=mirrors)


def test_every_observation_has_the_policys_slots() -> None:
    with pytest.raises(InvalidInput, match="mirror 2: has 3 slots, the policy says 4"):
        weighed(merged(1, "UUUU"), merged(2, "UUU"))
