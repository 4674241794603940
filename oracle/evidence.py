"""The evidence of one report: named canonical JSON files from which anybody recomputes every weight. Pure.

`index.json` names every other file by its SHA-256; its own SHA-256 is what members sign and the chain's event holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from oracle.digests import is_digest, sha256_digest, to_bytes32, to_digest
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
    Merged,
    MirrorId,
    Policy,
    RankedMirror,
    canonical,
)
from oracle.weights import weigh

_NUMBER = re.compile(r"[0-9]{1,20}")
INDEX = "index.json"
REPORT = "report.json"
REPORT_FIELDS = (
    "committee",
    "epoch",
    "config",
    "members",
    "quorum",
    "fund_contract",
    "root",
    "leaves",
    "slashes",
)
_FUND_FIELDS = (
    "fund",
    "epoch",
    "policy",
    "offer",
    "mirrors",
    "mirrors_digest",
    "arbiter",
    "release",
    "result",
    "vector",
)


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
    arbiter: Address | None = None
    """Who may confirm that a stake is slashed; without one nothing can be."""

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
    """What is computed of one fund: the result, its weight vector and the leaf of it, and a leaf for each mirror that a
    part of its stake is to be locked of."""

    case: FundEpoch
    result: FundResult
    vector: bytes
    leaf: bytes
    slashes: Mapping[MirrorId, bytes] = field(default_factory=dict)

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """All leaves that the report has of the fund."""
        return (self.leaf, *self.slashes.values())


def compute(case: FundEpoch, bundles: Sequence[Bundle], panel: Panel, fund_contract: str) -> Outcome:
    """One fund's epoch from a set of bundles.

    Raises: NotEnoughBundles; InvalidInput.
    """
    merged = merge(bundles, case.fund, panel.quorum, len(panel.members))
    result = weigh(case.fund, case.epoch, case.policy, case.target, case.mirrors, merged)
    vector = merkle.vector(result.weights, case.positions)
    leaf = _leaf(merkle.WEIGHTS, fund_contract, case, merkle.vector_digest(vector))
    payloads = {mirror: merkle.slash_digest(mirror) for mirror in slashed(case, merged)}
    slashes = {mirror: _leaf(merkle.SLASH, fund_contract, case, payload) for mirror, payload in payloads.items()}
    return Outcome(case, result, vector, leaf, slashes)


def slashed(case: FundEpoch, merged: Mapping[MirrorId, Merged]) -> list[MirrorId]:
    """The mirrors that a quorum saw wrong bytes of, in ascending order; none where nobody may arbitrate."""
    if case.arbiter is None:
        return []
    counting = sorted(ranked.mirror for ranked in case.mirrors)
    return [mirror for mirror in counting if mirror in merged and merged[mirror].wrong_bytes]


def _leaf(kind: int, fund_contract: str, case: FundEpoch, payload: Digest) -> bytes:
    return merkle.leaf(kind, fund_contract, case.fund, case.epoch, case.mirrors_digest, payload)


def root(outcomes: Iterable[Outcome]) -> Digest:
    """The root of a report: over all leaves of all funds."""
    return to_digest(merkle.Tree(leaf for outcome in outcomes for leaf in outcome.leaves).root)


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


def read_index(body: bytes) -> Mapping[str, Any]:
    """What an index lists: a digest for each name, of which nothing is believed before it is compared.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(INDEX, parse_json(INDEX, body), ("committee", "epoch", "files"))
    if not isinstance(fields["files"], dict):
        raise InvalidInput(f"{INDEX}.files", "must be an object")
    return fields["files"]


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
        "slashes": {str(outcome.case.fund): _slashes(outcome) for outcome in outcomes if outcome.slashes},
    }


def _slashes(outcome: Outcome) -> dict[str, Digest]:
    return {str(mirror): to_digest(leaf) for mirror, leaf in outcome.slashes.items()}


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves of a report as its file names them: nothing in it is believed before a proof of it holds."""

    weights: Mapping[FundId, bytes]
    slashes: Mapping[FundId, Mapping[MirrorId, bytes]]

    def proof(self, leaf: bytes) -> tuple[bytes, ...]:
        """The proof of one of the leaves.

        Raises: InvalidInput if they make no tree.
        """
        slashes = (leaf for of_fund in self.slashes.values() for leaf in of_fund.values())
        try:
            return tuple(merkle.Tree([*self.weights.values(), *slashes]).proof(leaf))
        except ValueError as error:
            raise InvalidInput(f"{REPORT}.leaves", str(error)) from error


def read_leaves(body: bytes) -> Leaves:
    """The leaves in the file of a report.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(REPORT, parse_json(REPORT, body), REPORT_FIELDS)
    weights = _leaves_of(f"{REPORT}.leaves", fields["leaves"])
    by_fund = _by_number(f"{REPORT}.slashes", fields["slashes"])
    slashes = {FundId(fund): _leaves_of(f"{REPORT}.slashes.{fund}", told) for fund, told in by_fund.items()}
    return Leaves(
        {FundId(fund): leaf for fund, leaf in weights.items()},
        {fund: {MirrorId(mirror): leaf for mirror, leaf in told.items()} for fund, told in slashes.items()},
    )


def _leaves_of(name: str, value: Any) -> dict[int, bytes]:
    return {number: _digest(f"{name}.{number}", leaf) for number, leaf in _by_number(name, value).items()}


def _by_number(name: str, value: Any) -> dict[int, Any]:
    if not isinstance(value, dict) or not all(_NUMBER.fullmatch(key) for key in value):
        raise InvalidInput(name, "must be an object whose keys are numbers")
    return {int(key): one for key, one in value.items()}


def _digest(name: str, value: Any) -> bytes:
    text = text_of(name, value, 66)
    if not is_digest(text):
        raise InvalidInput(name, "must be 0x and 64 lower-case hexadecimal digits")
    return to_bytes32(text)


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
            "arbiter": case.arbiter,
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
    signature = text_of(f"{name}.signature", fields["signature"], 132)
    _bytes(f"{name}.signature", signature)
    return SignedBundle(bundle_from_json(fields["bundle"]), signature)


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
    fields = object_of(name, parse_json(name, body), _FUND_FIELDS)
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
        arbiter=_arbiter(f"{name}.arbiter", fields["arbiter"]),
    )
    return FundFile(case, result_from_json(fields["result"]), _bytes(f"{name}.vector", fields["vector"]))


def _arbiter(name: str, value: Any) -> Address | None:
    return None if value is None else Address(text_of(name, value, 42))


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
