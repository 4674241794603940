"""The evidence of one report: named canonical JSON files from which anybody recomputes every weight. Pure.

`index.json` names every other file by its SHA-256; its own SHA-256 is what members sign and the chain's event holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oracle import merkle
from oracle.codec import (
    bundle_from_json,
    bundle_to_json,
    policy_from_json,
    ranked_from_json,
    ranked_to_json,
    result_from_json,
    result_to_json,
)
from oracle.digests import sha256_digest, to_digest
from oracle.errors import InvalidInput
from oracle.fields import integer, list_of, object_of, parse_json, text_of
from oracle.merge import merge
from oracle.model import (
    MOST_MIRRORS,
    Address,
    Bundle,
    CommitteeId,
    Digest,
    Epoch,
    FundId,
    FundResult,
    Policy,
    RankedMirror,
    canonical,
)
from oracle.weights import weigh

INDEX = "index.json"
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class FundEpoch:
    """All that decides what a fund's epoch pays, besides the bundles: as it was on the chain at the epoch's start."""

    fund: FundId
    epoch: Epoch
    committee: CommitteeId
    reward_wei: int
    target: int
    fee_bps: int
    policy: Policy
    release: Digest
    mirrors_digest: Digest
    mirrors: tuple[RankedMirror, ...]

    @property
    def positions(self) -> int:
        """The length of the weight vector: up to the highest position that counts."""
        return max((ranked.position + 1 for ranked in self.mirrors), default=0)


@dataclass(frozen=True, slots=True)
class Panel:
    """Who signs for an epoch: a configuration of the committee, by its digest on the chain."""

    committee: CommitteeId
    members: tuple[Address, ...]
    quorum: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A member's bundle with its signature, 0x-hex."""

    bundle: Bundle
    signature: str

    @property
    def body(self) -> bytes:
        """The canonical JSON, whose SHA-256 was signed."""
        return canonical(bundle_to_json(self.bundle))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is computed of one fund: the result, its weight vector and its leaf."""

    case: FundEpoch
    result: FundResult
    vector: bytes
    leaf: bytes


def compute(case: FundEpoch, bundles: Sequence[Bundle], panel: Panel, fund_contract: str) -> Outcome:
    """One fund's epoch from a set of bundles.

    Raises: NotEnoughBundles; InvalidInput.
    """
    merged = merge(bundles, case.fund, panel.quorum, len(panel.members))
    result = weigh(case.fund, case.epoch, case.policy, case.target, case.mirrors, merged)
    vector = merkle.vector(result.weights, case.positions)
    digest = merkle.vector_digest(vector)
    leaf = merkle.leaf(merkle.WEIGHTS, fund_contract, case.fund, case.epoch, case.mirrors_digest, digest)
    return Outcome(case, result, vector, leaf)


def root(outcomes: Iterable[Outcome]) -> Digest:
    """The root of a report: over one leaf for each fund."""
    return to_digest(merkle.Tree(outcome.leaf for outcome in outcomes).root)


# --------------------------------------------------------------------------------------------------- the files


def files(
    epoch: Epoch, panel: Panel, fund_contract: str, bundles: Sequence[SignedBundle], outcomes: Sequence[Outcome]
) -> dict[str, bytes]:
    """All files of an epoch's evidence by name, the index included."""
    named: dict[str, bytes] = {f"bundles/{signed.bundle.member}.json": _bundle_file(signed) for signed in bundles}
    named |= {f"funds/{outcome.case.fund}.json": fund_file(outcome) for outcome in outcomes}
    named[REPORT] = canonical(_report_file(epoch, panel, fund_contract, outcomes))
    return named | {INDEX: index_file(panel.committee, epoch, named)}


def index_file(committee: CommitteeId, epoch: Epoch, named: Mapping[str, bytes]) -> bytes:
    """The index of all other files."""
    digests = {name: sha256_digest(body) for name, body in named.items() if name != INDEX}
    return canonical({"committee": committee, "epoch": epoch, "files": digests})


def digest(named: Mapping[str, bytes]) -> Digest:
    """The digest of the evidence, as on the chain."""
    return sha256_digest(named[INDEX])


def _bundle_file(signed: SignedBundle) -> bytes:
    return canonical({"bundle": bundle_to_json(signed.bundle), "signature": signed.signature})


def _report_file(epoch: Epoch, panel: Panel, fund_contract: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "committee": panel.committee,
        "epoch": epoch,
        "config": panel.digest,
        "members": list(panel.members),
        "quorum": panel.quorum,
        "fund_contract": fund_contract,
        "root": root(outcomes),
        "leaves": {str(outcome.case.fund): to_digest(outcome.leaf) for outcome in outcomes},
    }


def fund_file(outcome: Outcome) -> bytes:
    """The evidence of one fund: what went in besides the bundles, and what came out."""
    case = outcome.case
    return canonical(
        {
            "fund": case.fund,
            "epoch": case.epoch,
            "policy": case.policy.to_json(),
            "offer": {
                "reward": str(case.reward_wei),
                "target": case.target,
                "fee_bps": case.fee_bps,
                "committee": case.committee,
            },
            "mirrors": [ranked_to_json(ranked) for ranked in case.mirrors],
            "mirrors_digest": case.mirrors_digest,
            "release": case.release,
            "result": result_to_json(outcome.result),
            "vector": "0x" + outcome.vector.hex(),
        }
    )


def read_bundle(name: str, body: bytes) -> SignedBundle:
    """A bundle's file.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(name, parse_json(name, body), ("bundle", "signature"))
    return SignedBundle(bundle_from_json(fields["bundle"]), text_of(f"{name}.signature", fields["signature"], 132))


@dataclass(frozen=True, slots=True)
class FundFile:
    """A fund's file as it was read: nothing in it is believed before it is recomputed."""

    case: FundEpoch
    result: FundResult
    vector: bytes


def read_fund(name: str, body: bytes) -> FundFile:
    """A fund's file.

    Raises: InvalidInput naming the field.
    """
    needed = ("fund", "epoch", "policy", "offer", "mirrors", "mirrors_digest", "release", "result", "vector")
    fields = object_of(name, parse_json(name, body), needed)
    offer = object_of(f"{name}.offer", fields["offer"], ("reward", "target", "fee_bps", "committee"))
    case = FundEpoch(
        fund=FundId(integer(f"{name}.fund", fields["fund"])),
        epoch=Epoch(integer(f"{name}.epoch", fields["epoch"])),
        committee=CommitteeId(integer(f"{name}.offer.committee", offer["committee"])),
        reward_wei=_wei(f"{name}.offer.reward", offer["reward"]),
        target=integer(f"{name}.offer.target", offer["target"]),
        fee_bps=integer(f"{name}.offer.fee_bps", offer["fee_bps"]),
        policy=policy_from_json(fields["policy"]),
        release=Digest(text_of(f"{name}.release", fields["release"], 66)),
        mirrors_digest=Digest(text_of(f"{name}.mirrors_digest", fields["mirrors_digest"], 66)),
        mirrors=list_of(f"{name}.mirrors", fields["mirrors"], ranked_from_json, MOST_MIRRORS),
    )
    return FundFile(case, result_from_json(fields["result"]), _bytes(f"{name}.vector", fields["vector"]))


def _wei(name: str, value: Any) -> int:
    text = text_of(name, value, 80)
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(name, "must be an amount in decimal digits")
    return int(text)


def _bytes(name: str, value: Any) -> bytes:
    try:
        return bytes.fromhex(text_of(name, value, 2 + 8 * MOST_MIRRORS).removeprefix("0x"))
    except ValueError as error:
        raise InvalidInput(name, "must be 0x and hexadecimal digits") from error
