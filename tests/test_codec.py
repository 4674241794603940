"""Values survive JSON, each has one JSON, and JSON that someone made up is refused with the name of the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.codec import (
    MOST_POLICY_BYTES,
    MOST_SLOTS,
    POLICY_RANGES,
    bundle_from_json,
    bundle_to_json,
    observation_from_json,
    observation_to_json,
    parse_policy,
    place_from_json,
    policy_from_json,
    ranked_from_json,
    ranked_to_json,
    result_from_json,
    result_to_json,
    weight_from_json,
    weight_to_json,
)
from oracle.digests import checksum_address
from oracle.errors import InvalidInput
from oracle.model import (
    ANSWERED_REASONS,
    NO_ANSWER_REASONS,
    UNKNOWN_REASONS,
    Bundle,
    CommitteeId,
    Digest,
    Epoch,
    FundId,
    FundResult,
    MirrorId,
    Observation,
    Place,
    Policy,
    RankedMirror,
    Reason,
    Vantage,
    Weight,
    canonical,
)

VOTES = sorted(UNKNOWN_REASONS | NO_ANSWER_REASONS | ANSWERED_REASONS | {Reason.UP})
NUMBERS = st.integers(0, (1 << 63) - 1)
ADDRESSES = st.integers(0, (1 << 160) - 1).map(lambda n: checksum_address(f"0x{n:040x}"))
PLACES = st.one_of(
    st.builds(
        lambda a, b, asn, country, platform: Place(f"10.{a}.0.{b}", f"10.{a}.0.0/24", asn, country, platform),
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, (1 << 32) - 1),
        st.sampled_from(["", "DE", "FR"]),
        st.sampled_from(["", "cloud"]),
    ),
    st.just(Place("2001:db8::1", "2001:db8::/48", 0, "")),
)


def rtts_of(seen: Observation) -> st.SearchStrategy[dict[str, int]]:
    """Round-trip times to some of the addresses."""
    addresses = sorted({place.address for place in seen.places})
    return st.dictionaries(st.sampled_from(addresses), st.integers(0, 120_000_000)) if addresses else st.just({})


OBSERVATIONS = st.builds(
    Observation,
    st.integers(0, 300).map(MirrorId),
    st.lists(st.sampled_from(VOTES), max_size=40).map(tuple),
    st.none() | st.integers(0, 100_000),
    st.lists(PLACES, unique=True, max_size=4).map(
        lambda places: tuple(sorted(places, key=lambda p: (p.address, p.prefix, p.asn, p.country, p.platform)))
    ),
    st.booleans(),
    st.booleans(),
).flatmap(lambda seen: rtts_of(seen).map(lambda rtts: replace(seen, rtts=rtts)))
VANTAGES = st.none() | st.builds(Vantage, st.integers(-90_000, 90_000), st.integers(-180_000, 180_000))
SECRETS = st.none() | st.binary(min_size=32, max_size=32).map(lambda word: Digest("0x" + word.hex()))
BUNDLES = st.builds(
    Bundle,
    NUMBERS.map(CommitteeId),
    NUMBERS.map(Epoch),
    ADDRESSES,
    st.dictionaries(
        NUMBERS.map(FundId),
        st.lists(OBSERVATIONS, max_size=4, unique_by=lambda seen: seen.mirror).map(
            lambda found: tuple(sorted(found, key=lambda seen: seen.mirror))
        ),
        max_size=3,
    ),
    SECRETS,
    SECRETS,
    VANTAGES,
)
RANKED = st.builds(
    RankedMirror,
    st.integers(1, 10**6).map(MirrorId),
    st.integers(0, 255),
    ADDRESSES,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.integers(0, 255),
    st.integers(0, 3),
    st.lists(st.booleans(), max_size=2).map(tuple),
    st.booleans(),
    st.frozensets(st.sampled_from(["AS1", "AS2", "10.0.0.0/24", "platform cloud"])),
)
WEIGHTS = st.builds(
    Weight,
    st.integers(1, 10**6).map(MirrorId),
    st.integers(0, 255),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.booleans(),
    st.integers(0, 288),
    st.integers(0, 288),
    st.none() | st.integers(0, 10**6),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.dictionaries(st.sampled_from(Reason), st.integers(1, 288), max_size=4),
)
RESULTS = st.builds(
    FundResult,
    NUMBERS.map(FundId),
    NUMBERS.map(Epoch),
    st.just(288),
    st.integers(0, 288),
    st.integers(0, 288),
    st.integers(0, 10**12),
    st.lists(WEIGHTS, max_size=3).map(tuple),
    st.lists(RANKED, max_size=3).map(tuple),
)


def through_json(value: Any) -> Any:
    return json.loads(canonical(value))


# ---------------------------------------------------------------------------------------------------- there and back


@given(BUNDLES)
def test_bundles_survive_json(bundle: Bundle) -> None:
    assert bundle_from_json(through_json(bundle_to_json(bundle))) == bundle


@given(RESULTS)
def test_results_survive_json(result: FundResult) -> None:
    assert result_from_json(through_json(result_to_json(result))) == result


@given(RANKED)
def test_ranked_mirrors_survive_json(ranked: RankedMirror) -> None:
    assert ranked_from_json(through_json(ranked_to_json(ranked))) == ranked


@given(WEIGHTS)
def test_weights_survive_json(weight: Weight) -> None:
    assert weight_from_json(through_json(weight_to_json(weight))) == weight


@given(st.fixed_dictionaries({name: st.integers(*bounds) for name, bounds in POLICY_RANGES.items()}))
def test_policies_survive_json(fields: dict[str, int]) -> None:
    fields["latency_limit_ms"] = max(fields["latency_limit_ms"], fields["latency_target_ms"] % 86_399_999 + 1)
    fields["latency_target_ms"] %= 86_399_999
    policy = Policy(**fields)
    assert parse_policy(canonical(policy.to_json())) == policy


@given(BUNDLES)
def test_a_bundle_has_one_json_whatever_the_order_of_its_parts(bundle: Bundle) -> None:
    turned = {
        fund: tuple(replace(seen, places=seen.places[::-1]) for seen in reversed(found))
        for fund, found in reversed(list(bundle.funds.items()))
    }
    assert canonical(bundle_to_json(replace(bundle, funds=turned))) == canonical(bundle_to_json(bundle))


def test_slots_are_runs_of_one_reason() -> None:
    seen = Observation(MirrorId(1), (Reason.UP,) * 12 + (Reason.TIMEOUT,) * 3 + (Reason.UP,), None, ())
    assert observation_to_json(seen)["slots"] == [["up", 12], ["timeout", 3], ["up", 1]]


def test_the_reasons_of_a_weight_keep_the_order_of_reason() -> None:
    weight = Weight(MirrorId(1), 0, 0, 0, True, 1, 1, None, 0, 0, {Reason.SLOW: 1, Reason.UP: 1})
    assert list(weight_from_json(weight_to_json(weight)).reasons) == [Reason.UP, Reason.SLOW]


def test_a_bundle_with_segments_comes_back_and_one_without_is_written_as_ever() -> None:
    plain = bundle_from_json(GOOD)
    named = replace(plain, segments={FundId(3): Digest("0x" + "ab" * 32)})
    assert bundle_to_json(plain) == GOOD
    assert bundle_from_json(bundle_to_json(named)) == named
    assert bundle_to_json(named)["segments"] == {"3": "0x" + "ab" * 32}


# --------------------------------------------------------------------------------------------------- hostile bundles

HOME = {"address": "10.1.0.1", "prefix": "10.1.0.0/24", "asn": 5, "country": "DE", "platform": ""}
SEEN = {"mirror": 1, "slots": [["up", 2]], "latency_ms": 5, "places": [HOME], "wrong_bytes": False, "relaying": False}
SEEN |= {"rtts": {"10.1.0.1": 700}}
MEMBER = checksum_address("0x" + "ab" * 20)
GOOD = {"committee": 1, "epoch": 7, "member": MEMBER, "funds": {"3": [SEEN]}, "revealed": None, "committed": None}
GOOD |= {"vantage": {"latitude_mdeg": 50_110, "longitude_mdeg": 8_680}}
FIRST = "bundle.funds.3[0]"

Spoil = Callable[[dict[str, Any]], Any]


def first(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bundle["funds"]["3"][0]
    return found


HOSTILE: list[tuple[str, Spoil]] = [
    ("bundle.committee", lambda b: b.update(committee=-1)),
    ("bundle.epoch", lambda b: b.update(epoch=True)),
    ("bundle.member", lambda b: b.update(member=MEMBER.lower())),
    ("bundle.member", lambda b: b.update(member=None)),
    ("bundle.extra", lambda b: b.update(extra=1)),
    ("bundle.revealed", lambda b: b.update(revealed="0x12")),
    ("bundle.committed", lambda b: b.update(committed="ab" * 32)),
    ("bundle.vantage", lambda b: b.pop("vantage")),
    ("bundle.vantage", lambda b: b.update(vantage="here")),
    ("bundle.vantage.latitude_mdeg", lambda b: b["vantage"].update(latitude_mdeg=90_001)),
    ("bundle.vantage.latitude_mdeg", lambda b: b["vantage"].update(latitude_mdeg=50.11)),
    ("bundle.vantage.longitude_mdeg", lambda b: b["vantage"].update(longitude_mdeg=-180_001)),
    ("bundle.vantage.longitude_mdeg", lambda b: b["vantage"].pop("longitude_mdeg")),
    ("bundle.segments", lambda b: b.update(segments={})),
    ("bundle.segments", lambda b: b.update(segments=[])),
    ("bundle.segments", lambda b: b.update(segments={"03": "0x" + "ab" * 32})),
    ("bundle.segments.3", lambda b: b.update(segments={"3": "ab"})),
    ("bundle.segments.3", lambda b: b.update(segments={"3": None})),
    ("bundle.funds", lambda b: b.pop("funds")),
    ("bundle.funds", lambda b: b.update(funds=[])),
    ("bundle.funds", lambda b: b.update(funds={"03": []})),
    ("bundle.funds", lambda b: b.update(funds={"": []})),
    ("bundle.funds", lambda b: b.update(funds={"٣": []})),
    ("bundle.funds", lambda b: b.update(funds={"9" * 5_000: []})),
    ("bundle.funds.3", lambda b: b["funds"].update({"3": {}})),
    ("bundle.funds.3", lambda b: b["funds"].update({"3": [SEEN, SEEN]})),
    ("bundle.funds.3", lambda b: b["funds"].update({"3": [SEEN] * 300})),
    (f"{FIRST}.mirror", lambda b: first(b).update(mirror=-1)),
    (f"{FIRST}.latency_ms", lambda b: first(b).update(latency_ms=1.5)),
    (f"{FIRST}.wrong_bytes", lambda b: first(b).update(wrong_bytes=0)),
    (f"{FIRST}.relaying", lambda b: first(b).update(relaying="no")),
    (f"{FIRST}.rtts", lambda b: first(b).update(rtts=None)),
    (f"{FIRST}.rtts.10.1.0.1", lambda b: first(b).update(rtts={"10.1.0.1": -1})),
    (f"{FIRST}.rtts.10.1.0.1", lambda b: first(b).update(rtts={"10.1.0.1": 120_000_001})),
    (f"{FIRST}.rtts.10.1.0.2", lambda b: first(b).update(rtts={"10.1.0.2": 1})),
    (f"{FIRST}.slots", lambda b: first(b).update(slots="up")),
    (f"{FIRST}.slots", lambda b: first(b).update(slots=[["up", 1], ["up", 1]])),
    (f"{FIRST}.slots", lambda b: first(b).update(slots=[["up", MOST_SLOTS], ["dns", 1]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[["up"]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[["up", 0]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[["up", 10**12]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[["nonsense", 1]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[[["up"], 1]])),
    (f"{FIRST}.slots[0]", lambda b: first(b).update(slots=[["same_operator", 1]])),
    (f"{FIRST}.places", lambda b: first(b).update(places=[HOME, HOME])),
    (f"{FIRST}.places[0]", lambda b: first(b).update(places=[{**HOME, "prefix": "10.2.0.0/24"}])),
    (f"{FIRST}.places[0]", lambda b: first(b).update(places=[{**HOME, "prefix": "10.1.0.5/24"}])),
    (f"{FIRST}.places[0]", lambda b: first(b).update(places=[{**HOME, "address": "mirror.example"}])),
    (f"{FIRST}.places[0].asn", lambda b: first(b).update(places=[{**HOME, "asn": 1 << 32}])),
    (f"{FIRST}.places[0].country", lambda b: first(b).update(places=[{**HOME, "country": "\ud800"}])),
    (f"{FIRST}.places[0].platform", lambda b: first(b).update(places=[{k: HOME[k] for k in HOME if k != "platform"}])),
]


@pytest.mark.parametrize(("named", "spoil"), HOSTILE, ids=[f"{i}-{name}" for i, (name, _) in enumerate(HOSTILE)])
def test_a_bundle_that_is_not_one_is_refused_by_field(named: str, spoil: Spoil) -> None:
    bundle = deepcopy(GOOD)
    assert bundle_from_json(bundle).funds
    spoil(bundle)
    with pytest.raises(InvalidInput) as caught:
        bundle_from_json(bundle)
    assert caught.value.name == named


@pytest.mark.parametrize("value", [None, [], "bundle", 5])
def test_a_bundle_is_an_object(value: Any) -> None:
    with pytest.raises(InvalidInput, match="bundle: must be an object"):
        bundle_from_json(value)


@pytest.mark.parametrize(
    ("address", "prefix"), [("2001:DB8::1", "2001:db8::/48"), ("2001:db8:0::1", "2001:db8::/48"), ("10.1.0.1", "::/0")]
)
def test_an_address_and_its_prefix_have_one_spelling(address: str, prefix: str) -> None:
    with pytest.raises(InvalidInput):
        place_from_json({**HOME, "address": address, "prefix": prefix})


def test_an_observation_names_itself_in_what_is_wrong() -> None:
    with pytest.raises(InvalidInput, match=r"mine\.mirror: must be an integer"):
        observation_from_json({**SEEN, "mirror": "1"}, "mine")


# ------------------------------------------------------------------------------------------------- hostile results

WEIGHT = weight_to_json(Weight(MirrorId(1), 0, 5, 5, True, 1, 1, None, 10_000, 10_000, {Reason.UP: 1}))
RANK = ranked_to_json(RankedMirror(MirrorId(1), 0, MEMBER, "http://a", 0))
RESULT = result_to_json(FundResult(FundId(1), Epoch(2), 4, 4, 0, 5, (), ())) | {"weights": [WEIGHT], "ranks": [RANK]}


@pytest.mark.parametrize(
    ("named", "spoiled"),
    [
        ("result.counted_slots", {"counted_slots": 5}),
        ("result.slots", {"slots": 0}),
        ("result.n_eff", {"n_eff": -1}),
        ("result.weights", {"weights": None}),
        ("result.weights[0].weight", {"weights": [{**WEIGHT, "weight": 10**9 + 1}]}),
        ("result.weights[0].alive", {"weights": [{**WEIGHT, "alive": 1}]}),
        ("result.weights[0].tested_bps", {"weights": [{**WEIGHT, "tested_bps": 10_001}]}),
        ("result.weights[0].reasons", {"weights": [{**WEIGHT, "reasons": []}]}),
        ("result.weights[0].reasons", {"weights": [{**WEIGHT, "reasons": {"nonsense": 1}}]}),
        ("result.weights[0].reasons.up", {"weights": [{**WEIGHT, "reasons": {"up": -1}}]}),
        ("result.ranks[0].mirror", {"ranks": [{**RANK, "mirror": 0}]}),
        ("result.ranks[0].operator", {"ranks": [{**RANK, "operator": "0x"}]}),
        ("result.ranks[0].outages[0]", {"ranks": [{**RANK, "outages": [1]}]}),
        ("result.ranks[0].networks", {"ranks": [{**RANK, "networks": ["b", "a"]}]}),
    ],
)
def test_a_result_that_is_not_one_is_refused_by_field(named: str, spoiled: dict[str, Any]) -> None:
    assert result_from_json(RESULT).fund == 1
    with pytest.raises(InvalidInput) as caught:
        result_from_json(RESULT | spoiled)
    assert caught.value.name == named


# --------------------------------------------------------------------------------------------------------- policies


def test_fields_left_out_of_a_policy_have_their_defaults() -> None:
    assert parse_policy(b"{}") == Policy()
    assert parse_policy('{"slots": 20}') == Policy(slots=20)


@pytest.mark.parametrize("name", sorted(POLICY_RANGES))
def test_every_field_of_a_policy_has_its_range(name: str) -> None:
    least, most = POLICY_RANGES[name]
    for value in (least - 1, most + 1, float(least), str(least), None, True):
        with pytest.raises(InvalidInput) as caught:
            policy_from_json({name: value})
        assert caught.value.name == f"policy.{name}"


def test_every_field_of_the_model_has_a_range_that_holds_its_default() -> None:
    assert set(POLICY_RANGES) == set(Policy().to_json())
    assert policy_from_json(Policy().to_json()) == Policy()


def test_the_latency_limit_is_above_the_target() -> None:
    with pytest.raises(InvalidInput, match=r"policy\.latency_limit_ms"):
        policy_from_json({"latency_target_ms": 400, "latency_limit_ms": 400})


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"slotz": 5}', b'{"slots": 5, "slots": 6}', b"\xff{}"])
def test_bytes_on_the_chain_that_are_no_policy_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="policy"):
        parse_policy(text)


def test_a_policy_is_short() -> None:
    with pytest.raises(InvalidInput, match=str(MOST_POLICY_BYTES)):
        parse_policy(b" " * MOST_POLICY_BYTES + b"{}")
