"""Values to JSON and back, without loss: what is stored, signed and published.

Reading trusts nobody: every `*_from_json` checks types and ranges and raises InvalidInput naming the field. A value has
exactly one JSON, so equal values have equal digests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from itertools import groupby, pairwise
from typing import Any

from oracle.digests import is_digest
from oracle.errors import InvalidInput
from oracle.fields import (
    address_of,
    ascending,
    boolean,
    integer,
    list_of,
    object_of,
    optional_integer,
    parse_json,
    refuse,
    text_of,
)
from oracle.model import (
    FULL_BPS,
    MOST_MIRRORS,
    ONE,
    PRIMARY,
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
    state_of,
)

MOST_SLOTS = 2_880
MOST_PLACES = 2 * MOST_SLOTS
MOST_NETWORKS = 4 * MOST_SLOTS
MOST_RTT_US = 120_000_000
MOST_POLICY_BYTES = 4_096
_DAY_MS = 86_400_000
POLICY_RANGES: Mapping[str, tuple[int, int]] = {
    "slots": (1, MOST_SLOTS),
    "outage_weight": (1, 1_000),
    "network_factor": (1, 1_000_000),
    "latency_target_ms": (0, _DAY_MS),
    "latency_limit_ms": (1, _DAY_MS),
    "latency_floor_bps": (0, FULL_BPS),
    "untested_bps": (0, FULL_BPS),
    "release_grace_epochs": (0, 365),
    "timeout_ms": (100, 120_000),
    "max_file_bytes": (1, 1 << 30),
    "budget_requests": (1, 1_000_000_000),
    "budget_bytes": (1, 1 << 50),
}
"""The least and the most of every field of a policy."""


# ----------------------------------------------------------------------------------------------------- policies


def parse_policy(text: str | bytes) -> Policy:
    """The policy in the bytes that stand on the chain: JSON, of which fields left out have their defaults.

    Raises: InvalidInput naming the field.
    """
    if len(text) > MOST_POLICY_BYTES:
        refuse("policy", f"has more than {MOST_POLICY_BYTES} bytes")
    return policy_from_json(parse_json("policy", text))


def policy_from_json(value: Any) -> Policy:
    """A policy from its fields; those left out have their defaults.

    Raises: InvalidInput naming the field that is unknown, no integer or out of range.
    """
    fields = object_of("policy", value, optional=tuple(POLICY_RANGES))
    policy = Policy(**{name: integer(f"policy.{name}", given, *POLICY_RANGES[name]) for name, given in fields.items()})
    if policy.latency_limit_ms <= policy.latency_target_ms:
        refuse("policy.latency_limit_ms", f"must be above latency_target_ms, {policy.latency_target_ms}")
    return policy


# ------------------------------------------------------------------------------------------------------ bundles


def bundle_to_json(bundle: Bundle) -> dict[str, Any]:
    """A bundle; the SHA-256 of its canonical form is what its member signs."""
    # A bundle that names no segments is written as before there were any.
    segments = {"segments": {str(fund): digest for fund, digest in bundle.segments.items()}} if bundle.segments else {}
    return segments | {
        "committee": bundle.committee,
        "epoch": bundle.epoch,
        "member": bundle.member,
        "funds": {
            str(fund): [observation_to_json(seen) for seen in sorted(observations, key=lambda seen: seen.mirror)]
            for fund, observations in bundle.funds.items()
        },
        "revealed": bundle.revealed,
        "committed": bundle.committed,
        "vantage": bundle.vantage and bundle.vantage.to_json(),
    }


def bundle_from_json(value: Any) -> Bundle:
    """A bundle from its JSON, as another member may have sent it.

    Raises: InvalidInput naming the field.
    """
    names = ("committee", "epoch", "member", "funds", "revealed", "committed", "vantage")
    fields = object_of("bundle", value, names, ("segments",))
    funds, segments = fields["funds"], fields.get("segments", {})
    if not isinstance(funds, Mapping):
        refuse("bundle.funds", "must be an object")
    if not isinstance(segments, Mapping) or ("segments" in fields and not segments):
        refuse("bundle.segments", "must be an object that is not empty, or left out")
    return Bundle(
        committee=CommitteeId(integer("bundle.committee", fields["committee"])),
        epoch=Epoch(integer("bundle.epoch", fields["epoch"])),
        member=address_of("bundle.member", fields["member"]),
        funds={
            _fund("bundle.funds", fund): _observations(f"bundle.funds.{fund}", given) for fund, given in funds.items()
        },
        revealed=_secret("bundle.revealed", fields["revealed"]),
        committed=_secret("bundle.committed", fields["committed"]),
        vantage=vantage_from_json(fields["vantage"], "bundle.vantage"),
        segments={
            _fund("bundle.segments", fund): _digest(f"bundle.segments.{fund}", digest)
            for fund, digest in segments.items()
        },
    )


def observation_to_json(seen: Observation) -> dict[str, Any]:
    """An observation; its slots as runs of one reason: [["up", 12], ["timeout", 3]]."""
    return {
        "mirror": seen.mirror,
        "slots": [[reason.value, len(list(run))] for reason, run in groupby(seen.slots)],
        "latency_ms": seen.latency_ms,
        "places": [place.to_json() for place in sorted(seen.places, key=_place_key)],
        "wrong_bytes": seen.wrong_bytes,
        "relaying": seen.relaying,
        "rtts": dict(seen.rtts),
    }


def observation_from_json(value: Any, name: str = "observation") -> Observation:
    """An observation from its JSON.

    Raises: InvalidInput naming the field, `name` first.
    """
    fields = object_of(name, value, ("mirror", "slots", "latency_ms", "places", "wrong_bytes", "relaying", "rtts"))
    places = list_of(f"{name}.places", fields["places"], place_from_json, MOST_PLACES)
    ascending(f"{name}.places", [_place_key(place) for place in places])
    return Observation(
        mirror=MirrorId(integer(f"{name}.mirror", fields["mirror"], PRIMARY)),
        slots=_slots(f"{name}.slots", fields["slots"]),
        latency_ms=optional_integer(f"{name}.latency_ms", fields["latency_ms"]),
        places=places,
        wrong_bytes=boolean(f"{name}.wrong_bytes", fields["wrong_bytes"]),
        relaying=boolean(f"{name}.relaying", fields["relaying"]),
        rtts=_rtts(f"{name}.rtts", fields["rtts"], {place.address for place in places}),
    )


def place_from_json(value: Any, name: str = "place") -> Place:
    """A place from its JSON; the address must lie in the prefix.

    Raises: InvalidInput naming the field, `name` first.
    """
    fields = object_of(name, value, ("address", "prefix", "asn", "country", "platform"))
    address, prefix = (text_of(f"{name}.{key}", fields[key], 64) for key in ("address", "prefix"))
    try:
        parsed, network = ipaddress.ip_address(address), ipaddress.ip_network(prefix)
    except ValueError as error:
        raise InvalidInput(name, str(error)) from error
    if parsed not in network or str(parsed) != address or str(network) != prefix:
        refuse(name, f"{address} is not within {prefix}, or one of them is not in its shortest form")
    asn = integer(f"{name}.asn", fields["asn"], 0, (1 << 32) - 1)
    country, platform = (text_of(f"{name}.{key}", fields[key], 64) for key in ("country", "platform"))
    return Place(address, prefix, asn, country, platform)


def vantage_from_json(value: Any, name: str = "vantage") -> Vantage | None:
    """A position from its JSON; None for null.

    Raises: InvalidInput naming the field, `name` first.
    """
    if value is None:
        return None
    fields = object_of(name, value, tuple(Vantage.__slots__))
    return Vantage(
        integer(f"{name}.latitude_mdeg", fields["latitude_mdeg"], -90_000, 90_000),
        integer(f"{name}.longitude_mdeg", fields["longitude_mdeg"], -180_000, 180_000),
    )


# ------------------------------------------------------------------------------------------- ranks and results


def ranked_to_json(ranked: RankedMirror) -> dict[str, Any]:
    """A mirror of the rank list."""
    return {
        "mirror": ranked.mirror,
        "position": ranked.position,
        "operator": ranked.operator,
        "url": ranked.url,
        "rank": ranked.rank,
        "lead": ranked.lead,
        "outages": list(ranked.outages),
        "passed_outage": ranked.passed_outage,
        "networks": sorted(ranked.networks),
    }


def ranked_from_json(value: Any, name: str = "ranked") -> RankedMirror:
    """A mirror of the rank list from its JSON.

    Raises: InvalidInput naming the field, `name` first.
    """
    fields = object_of(name, value, tuple(RankedMirror.__slots__))
    networks = list_of(f"{name}.networks", fields["networks"], lambda given, at: text_of(at, given, 200), MOST_NETWORKS)
    ascending(f"{name}.networks", networks)
    return RankedMirror(
        mirror=MirrorId(integer(f"{name}.mirror", fields["mirror"], 1)),
        position=integer(f"{name}.position", fields["position"]),
        operator=address_of(f"{name}.operator", fields["operator"]),
        url=text_of(f"{name}.url", fields["url"], 4_096),
        rank=integer(f"{name}.rank", fields["rank"]),
        lead=integer(f"{name}.lead", fields["lead"]),
        outages=list_of(f"{name}.outages", fields["outages"], lambda given, at: boolean(at, given), 16),
        passed_outage=boolean(f"{name}.passed_outage", fields["passed_outage"]),
        networks=frozenset(networks),
    )


def weight_to_json(weight: Weight) -> dict[str, Any]:
    """A mirror's weight; `reasons` from code to number of slots."""
    fields = {name: getattr(weight, name) for name in Weight.__slots__}
    return fields | {"reasons": {reason.value: slots for reason, slots in weight.reasons.items()}}


def weight_from_json(value: Any, name: str = "weight") -> Weight:
    """A mirror's weight from its JSON.

    Raises: InvalidInput naming the field, `name` first.
    """
    fields = object_of(name, value, tuple(Weight.__slots__))
    reasons = fields["reasons"]
    if not isinstance(reasons, Mapping):
        refuse(f"{name}.reasons", "must be an object")
    known = {_reason(f"{name}.reasons", code): integer(f"{name}.reasons.{code}", n) for code, n in reasons.items()}
    return Weight(
        mirror=MirrorId(integer(f"{name}.mirror", fields["mirror"], 1)),
        position=integer(f"{name}.position", fields["position"]),
        weight=integer(f"{name}.weight", fields["weight"], 0, ONE),
        count=integer(f"{name}.count", fields["count"], 0, ONE),
        alive=boolean(f"{name}.alive", fields["alive"]),
        up_slots=integer(f"{name}.up_slots", fields["up_slots"]),
        known_slots=integer(f"{name}.known_slots", fields["known_slots"]),
        latency_ms=optional_integer(f"{name}.latency_ms", fields["latency_ms"]),
        latency_bps=integer(f"{name}.latency_bps", fields["latency_bps"], 0, FULL_BPS),
        tested_bps=integer(f"{name}.tested_bps", fields["tested_bps"], 0, FULL_BPS),
        reasons={reason: known[reason] for reason in Reason if reason in known},
    )


def result_to_json(result: FundResult) -> dict[str, Any]:
    """A fund's epoch: weights and ranks in the order of rank."""
    fields = {name: getattr(result, name) for name in FundResult.__slots__}
    return fields | {
        "weights": [weight_to_json(weight) for weight in result.weights],
        "ranks": [ranked_to_json(ranked) for ranked in result.ranks],
    }


def result_from_json(value: Any) -> FundResult:
    """A fund's epoch from its JSON.

    Raises: InvalidInput naming the field.
    """
    fields = object_of("result", value, tuple(FundResult.__slots__))
    slots = integer("result.slots", fields["slots"], 1, MOST_SLOTS)
    return FundResult(
        fund=FundId(integer("result.fund", fields["fund"])),
        epoch=Epoch(integer("result.epoch", fields["epoch"])),
        slots=slots,
        counted_slots=integer("result.counted_slots", fields["counted_slots"], 0, slots),
        outage_slots=integer("result.outage_slots", fields["outage_slots"], 0, slots),
        n_eff=integer("result.n_eff", fields["n_eff"]),
        weights=list_of("result.weights", fields["weights"], weight_from_json, MOST_MIRRORS),
        ranks=list_of("result.ranks", fields["ranks"], ranked_from_json, MOST_MIRRORS),
    )


# ---------------------------------------------------------------------------------------------------- the parts


def _reason(name: str, value: Any) -> Reason:
    try:
        return Reason(value)
    except ValueError as error:
        raise InvalidInput(name, f"{str(value)[:60]!r} is no reason") from error


def _secret(name: str, value: Any) -> Digest | None:
    if value is None:
        return None
    return _digest(name, value)


def _digest(name: str, value: Any) -> Digest:
    text = text_of(name, value, 66)
    if not is_digest(text):
        refuse(name, "must be 0x and 64 lower-case hexadecimal digits")
    return Digest(text)


def _fund(name: str, value: str) -> FundId:
    if not value.isascii() or not value.isdigit() or str(int(value[:20])) != value:
        refuse(name, f"{value[:60]!r} is no fund's number")
    return FundId(int(value))


def _observations(name: str, value: Any) -> tuple[Observation, ...]:
    observations = list_of(name, value, observation_from_json, MOST_MIRRORS + 1)
    ascending(name, [seen.mirror for seen in observations])
    return observations


def _slots(name: str, value: Any) -> tuple[Reason, ...]:
    runs = list_of(name, value, _run, MOST_SLOTS)
    if sum(length for _, length in runs) > MOST_SLOTS:
        refuse(name, f"has more than {MOST_SLOTS} slots")
    if any(first == second for (first, _), (second, _) in pairwise(runs)):
        refuse(name, "has two runs of one reason in a row")
    return tuple(reason for reason, length in runs for _ in range(length))


def _run(value: Any, name: str) -> tuple[Reason, int]:
    if not isinstance(value, list) or len(value) != 2:
        refuse(name, "must be a reason and a number of slots")
    reason = _reason(name, value[0])
    try:
        state_of(reason)
    except ValueError as error:
        raise InvalidInput(name, str(error)) from error
    return reason, integer(name, value[1], 1, MOST_SLOTS)


def _rtts(name: str, value: Any, addresses: Collection[str]) -> Mapping[str, int]:
    fields = object_of(name, value, optional=tuple(addresses))
    return {address: integer(f"{name}.{address}", rtt_us, 0, MOST_RTT_US) for address, rtt_us in fields.items()}


def _place_key(place: Place) -> tuple[str, str, int, str, str]:
    return place.address, place.prefix, place.asn, place.country, place.platform
