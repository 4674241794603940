"""A committee says what a majority of those who could say saw; otherwise it says that it does not know."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.errors import InvalidInput, NotEnoughBundles
from oracle.merge import decide, merge
from oracle.model import PRIMARY, Address, Bundle, FundId, MirrorId, Observation, Place, Reason, Vantage
from oracle.weights import weigh
from tests.fixtures.epochs import EPOCH, FUND, bundle, bundles, observation, place, policy, ranked, slots

R = Reason
ONE_MIRROR = MirrorId(1)


@pytest.mark.parametrize(
    ("votes", "quorum", "decided"),
    [
        # one of one: the member's vote
        ("U", 1, R.UP),
        ("D", 1, R.TIMEOUT),
        ("?", 1, R.NOT_MEASURED),
        ("d", 1, R.SELF_DOUBT),
        # three of four
        ("UUUU", 3, R.UP),
        ("UUUD", 3, R.UP),
        ("UUD?", 3, R.UP),
        ("UDD?", 3, R.TIMEOUT),
        ("UUDD", 3, R.DISPUTED),
        ("UU??", 3, R.NOT_MEASURED),
        ("DD?d", 3, R.NOT_MEASURED),
        ("UDdd", 3, R.SELF_DOUBT),
        ("UUU", 3, R.UP),
        ("UDD", 3, R.TIMEOUT),
        # nobody knows, or too few: the commonest unknown reason, the first of `Reason` in a tie
        ("??dd", 3, R.NOT_MEASURED),
        ("?ddd", 3, R.SELF_DOUBT),
        # a majority of down: the commonest reason, the first of `Reason` in a tie
        ("UhhD", 3, R.HTTP_STATUS),
        ("UhcD", 3, R.CONNECT),
        ("hhDD", 3, R.TIMEOUT),
        # three of five
        ("UUDD?", 3, R.DISPUTED),
        ("UUUDD", 3, R.UP),
    ],
)
def test_a_slot_is_decided_by_the_majority_of_those_who_know(votes: str, quorum: int, decided: Reason) -> None:
    assert decide(slots(votes), quorum) is decided


def test_slots_are_decided_one_by_one() -> None:
    found = merge(bundles(1, ["UUDU?", "UDDU?", "UDUD?", "UDD?d"]), FUND, 3, 4)
    assert found[ONE_MIRROR].slots == (R.UP, R.TIMEOUT, R.TIMEOUT, R.UP, R.NOT_MEASURED)


def test_with_a_committee_of_one_the_bundle_is_the_result() -> None:
    alone = observation(1, "UD?h", place(3), latency_ms=77, wrong=True)
    found = merge([bundle(1, alone)], FUND, 1, 1)[ONE_MIRROR]
    assert (found.slots, found.latency_ms, found.places, found.wrong_bytes) == (alone.slots, 77, alone.places, True)


def test_a_mirror_that_a_bundle_leaves_out_was_not_measured_by_that_member() -> None:
    given_bundles = [
        bundle(1, observation(1, "UUD")),
        bundle(2, observation(1, "UDD")),
        bundle(3, observation(2, "UUU")),
    ]
    found = merge(given_bundles, FUND, 2, 3)
    assert found[ONE_MIRROR].slots == (R.UP, R.DISPUTED, R.TIMEOUT)
    assert found[MirrorId(2)].slots == (R.NOT_MEASURED,) * 3


def test_the_primary_is_always_there_unknown_if_nobody_saw_it() -> None:
    found = merge(bundles(1, ["UU"]), FUND, 1, 1)
    assert list(found) == [PRIMARY, ONE_MIRROR]
    assert found[PRIMARY].slots == (R.NOT_MEASURED,) * 2


def test_a_fund_that_nobody_saw_is_empty() -> None:
    assert merge(bundles(1, ["UU"]), FundId(2), 1, 1) == {}


@pytest.mark.parametrize(
    ("values", "quorum", "members", "latency_ms"),
    [
        ([50], 1, 1, 50),
        ([400, 100, 300, 200], 3, 4, 200),
        ([1, 900, 900, 900], 3, 4, 900),  # one liar cannot make it fast
        ([900, 900, 900, 99_999], 3, 4, 900),  # nor slow
        ([400, None, 300, None], 3, 4, 400),
        ([400, None, None], 3, 4, 400),  # fewer values: the highest there is
        ([None, None, None], 3, 4, None),
        ([3, 1, 2, 5, 4], 3, 5, 3),
    ],
)
def test_latency_is_the_value_that_a_quorum_reaches(
    values: list[int | None], quorum: int, members: int, latency_ms: int | None
) -> None:
    given_bundles = [bundle(i + 1, observation(1, "U", latency_ms=value)) for i, value in enumerate(values)]
    assert merge(given_bundles, FUND, quorum, members)[ONE_MIRROR].latency_ms == latency_ms


EAST, WEST = Vantage(1, 2), Vantage(3, 4)


def timed(member: int, vantage: Vantage | None, rtts: dict[str, int], *places: Place) -> Bundle:
    seen = replace(observation(1, "U", *(places or (A,))), rtts=rtts)
    return replace(bundle(member, seen), vantage=vantage)


def test_round_trips_are_kept_by_address_and_vantage_the_least_of_each() -> None:
    given_bundles = [
        timed(1, EAST, {A.address: 50}),
        timed(2, WEST, {A.address: 70}),
        timed(3, EAST, {A.address: 40}),
        timed(4, None, {A.address: 1}),  # who does not say where it stands proves nothing
    ]
    assert merge(given_bundles, FUND, 3, 4)[ONE_MIRROR].rtts == {A.address: {EAST: 40, WEST: 70}}


def test_round_trips_to_an_address_that_does_not_count_are_dropped() -> None:
    given_bundles = [timed(i, EAST, {A.address: 50}) for i in (1, 2, 3)]
    given_bundles.append(timed(4, WEST, {B.address: 1}, A, B))
    assert merge(given_bundles, FUND, 3, 4)[ONE_MIRROR].rtts == {A.address: {EAST: 50}}


A, B = place(1), place(2)
PLACES_SEEN: list[tuple[list[list[Place]], int, int, tuple[Place, ...]]] = [
    ([[A], [A], [A], [A]], 3, 4, (A,)),
    ([[A], [A], [A], [A, B]], 3, 4, (A,)),  # one liar cannot place a mirror beside another
    ([[A], [A], [B], [B]], 3, 4, (A, B)),
    ([[A, A], [B], [B]], 3, 4, (B,)),  # one member counts once
    ([[A, B]], 1, 1, (A, B)),
    ([[A], [B], []], 3, 4, (A, B)),  # another address for each member: all of them count
    ([[], [], []], 3, 4, ()),
]


@pytest.mark.parametrize(("lists", "quorum", "members", "places"), PLACES_SEEN)
def test_an_address_counts_when_more_members_than_may_lie_saw_it(
    lists: list[list[Place]], quorum: int, members: int, places: tuple[Place, ...]
) -> None:
    given_bundles = [bundle(i + 1, observation(1, "U", *found)) for i, found in enumerate(lists)]
    assert merge(given_bundles, FUND, quorum, members)[ONE_MIRROR].places == places


def test_one_liar_does_not_place_a_mirror_that_nobody_else_saw_up() -> None:
    """Being seen elsewhere sends it to the end of the ranks."""
    given_bundles = [*bundles(1, ["DDDD"] * 3), bundle(4, observation(1, "UUUU", place(9)))]
    merged = merge(given_bundles, FUND, 3, 4)
    assert merged[ONE_MIRROR].places == ()
    before = [ranked(1, networks=frozenset({place(1).prefix, "AS2"})), ranked(2)]
    assert [one.mirror for one in weigh(FUND, EPOCH, policy(4), 2, before, merged).ranks] == [1, 2]


def test_where_members_place_an_address_differently_the_commonest_place_holds() -> None:
    elsewhere = replace(A, country="FR")
    given_bundles = [bundle(i + 1, observation(1, "U", found)) for i, found in enumerate([elsewhere, A, A])]
    assert merge(given_bundles, FUND, 3, 4)[ONE_MIRROR].places == (A,)


@pytest.mark.parametrize(("claims", "wrong"), [(0, False), (2, False), (3, True), (4, True)])
def test_wrong_bytes_need_a_quorum_of_witnesses(claims: int, wrong: bool) -> None:
    given_bundles = [bundle(i + 1, observation(1, "U", wrong=i < claims)) for i in range(4)]
    assert merge(given_bundles, FUND, 3, 4)[ONE_MIRROR].wrong_bytes is wrong


@pytest.mark.parametrize(("claims", "relaying"), [(0, False), (2, False), (3, True), (4, True)])
def test_relaying_needs_a_quorum_of_witnesses(claims: int, relaying: bool) -> None:
    given_bundles = [bundle(i + 1, replace(observation(1, "U"), relaying=i < claims)) for i in range(4)]
    assert merge(given_bundles, FUND, 3, 4)[ONE_MIRROR].relaying is relaying


def test_fewer_bundles_than_the_quorum_decide_nothing() -> None:
    with pytest.raises(NotEnoughBundles) as caught:
        merge(bundles(1, ["U", "U"]), FUND, 3, 4)
    assert (caught.value.epoch, caught.value.bundles, caught.value.quorum) == (7, 2, 3)
    with pytest.raises(NotEnoughBundles):
        merge([], FUND, 1, 1)


ODD_SETS: list[tuple[str, list[Bundle]]] = [
    ("stands twice", [bundle(1, observation(1, "U")), bundle(1, observation(1, "D"))]),
    ("epoch 8", [bundle(1, observation(1, "U")), bundle(2, observation(1, "U"), epoch=8)]),
    ("committee 2", [bundle(1, observation(1, "U")), bundle(2, observation(1, "U"), committee=2)]),
    ("2 slots", [bundle(1, observation(1, "U")), bundle(2, observation(1, "UU"))]),
    ("2 slots", [bundle(1, observation(1, "U")), bundle(2, observation(1, "U"), observation(2, "UU"))]),
    ("mirror of fund 1 twice", [bundle(1, observation(1, "U")), bundle(2, observation(1, "U"), observation(1, "U"))]),
    (
        "no vote",
        [bundle(1, observation(1, "U")), bundle(2, Observation(ONE_MIRROR, (Reason.SAME_OPERATOR,), None, ()))],
    ),
]


@pytest.mark.parametrize(("problem", "given_bundles"), ODD_SETS)
def test_a_bundle_that_does_not_fit_is_named_with_its_member(problem: str, given_bundles: list[Bundle]) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        merge(given_bundles, FUND, 2, 3)
    assert caught.value.name == f"bundle of {given_bundles[-1].member}"


def test_one_member_in_two_spellings_is_one_member() -> None:
    one = bundle(1, observation(1, "U"))
    lower, upper = (replace(one, member=Address("0x" + octet * 20)) for octet in ("ab", "AB"))
    with pytest.raises(InvalidInput, match="stands twice"):
        merge([lower, upper], FUND, 2, 3)


@pytest.mark.parametrize(("quorum", "members", "count"), [(0, 1, 1), (2, 1, 2), (1, 1, 2)])
def test_more_than_the_committee_is_refused(quorum: int, members: int, count: int) -> None:
    with pytest.raises(InvalidInput):
        merge(bundles(1, ["U"] * count), FUND, quorum, members)


VOTES = st.text("UD?dhc", min_size=6, max_size=6)
OBSERVED = st.lists(
    st.tuples(VOTES, st.none() | st.integers(0, 5_000), st.lists(st.integers(1, 4), max_size=3), st.booleans()),
    min_size=3,
    max_size=4,
)


@given(OBSERVED, st.randoms(use_true_random=False))
def test_the_order_of_bundles_and_of_what_they_hold_changes_nothing(
    observed: list[tuple[str, int | None, list[int], bool]], shuffle: random.Random
) -> None:
    def turned(reverse: bool) -> list[Bundle]:
        made = []
        for i, (letters, latency_ms, networks, wrong) in enumerate(observed):
            places = [place(n, asn=n + i % 2) for n in networks]
            entries = [
                observation(1, letters, *(places[::-1] if reverse else places), latency_ms=latency_ms, wrong=wrong),
                observation(2, letters[::-1], latency_ms=latency_ms),
            ]
            made.append(bundle(i + 1, *(entries[::-1] if reverse else entries)))
        return made

    shuffled = turned(reverse=True)
    shuffle.shuffle(shuffled)
    assert merge(shuffled, FUND, 3, 4) == merge(turned(reverse=False), FUND, 3, 4)


@given(VOTES)
def test_one_liar_of_four_never_turns_what_three_honest_members_agree_on(lie: str) -> None:
    for honest, decided in (("U", R.UP), ("D", R.TIMEOUT)):
        found = merge(bundles(1, [honest * 6] * 3 + [lie]), FUND, 3, 4)[ONE_MIRROR]
        assert found.slots == (decided,) * 6
