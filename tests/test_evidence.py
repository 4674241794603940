"""The evidence is canonical, complete, and read with suspicion."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from oracle import evidence, merkle
from oracle.digests import keccak256, sha256_digest, to_bytes32
from oracle.errors import InvalidInput
from oracle.evidence import FundEpoch, Panel, SignedBundle, compute, files, read_bundle, read_fund, read_leaves
from oracle.fields import parse_json
from oracle.merkle import NO_MIRRORS, leaf, parse_vector
from oracle.model import (
    Address,
    Bundle,
    CommitteeId,
    Digest,
    Epoch,
    FundId,
    MirrorId,
    Observation,
    Policy,
    Reason,
    canonical,
)
from tests.fixtures.epochs import account, ranked

CONTRACT = account(999)
PANEL = Panel(CommitteeId(1), (account(1),), 1, Digest("0x" + "cc" * 32))
POLICY = Policy(slots=2)


def case(fund: int = 1, mirrors: int = 2) -> FundEpoch:
    return FundEpoch(
        fund=FundId(fund),
        epoch=Epoch(7),
        committee=CommitteeId(1),
        reward_wei=2**90,
        target=2,
        fee_bps=100,
        policy=POLICY,
        release=Digest("0x" + "dd" * 32),
        mirrors_digest=NO_MIRRORS,
        mirrors=tuple(ranked(number) for number in range(1, mirrors + 1)),
    )


def bundle(*funds: int) -> Bundle:
    up = (Reason.UP, Reason.UP)
    seen = tuple(Observation(MirrorId(number), up, 5, ()) for number in range(3))
    return Bundle(CommitteeId(1), Epoch(7), account(1), {FundId(fund): seen for fund in funds})


def all_files() -> dict[str, bytes]:
    outcomes = [compute(case(fund), [bundle(1, 2)], PANEL, CONTRACT) for fund in (1, 2)]
    return files(Epoch(7), PANEL, CONTRACT, [SignedBundle(bundle(1, 2), "0x" + "11" * 65)], outcomes)


def test_every_file_is_canonical_and_named_in_the_index() -> None:
    named = all_files()
    assert set(named) == {"index.json", "report.json", "funds/1.json", "funds/2.json", f"bundles/{account(1)}.json"}
    assert all(canonical(parse_json(name, body)) == body for name, body in named.items())
    listed = parse_json("index", named["index.json"])["files"]
    assert listed == {name: sha256_digest(body) for name, body in named.items() if name != "index.json"}
    assert evidence.digest(named) == sha256_digest(named["index.json"])


def test_a_funds_file_says_again_what_it_was_made_of() -> None:
    outcome = compute(replace(case(), arbiter=account(77)), [bundle(1)], PANEL, CONTRACT)
    read = read_fund("f", evidence.fund_file(outcome))
    assert (read.case, read.result, read.vector) == (outcome.case, outcome.result, outcome.vector)


def wrong(member: int, *mirrors: int) -> Bundle:
    """A member's bundle that saw wrong bytes of these mirrors of fund 1."""
    down = (Reason.WRONG_BYTES, Reason.UP)
    seen = tuple(Observation(MirrorId(number), down, 5, (), number in mirrors) for number in range(3))
    return Bundle(CommitteeId(1), Epoch(7), account(member), {FundId(1): seen})


FOUR = Panel(CommitteeId(1), tuple(account(number) for number in range(1, 5)), 3, Digest("0x" + "cc" * 32))
ARBITER = account(77)


@pytest.mark.parametrize(
    ("bundles", "arbiter", "expected"),
    [
        ([wrong(1, 1), wrong(2, 1), wrong(3, 1)], ARBITER, [1]),
        ([wrong(1, 1), wrong(2, 1), wrong(3, 1), wrong(4)], ARBITER, [1]),
        ([wrong(1, 1, 2), wrong(2, 1), wrong(3, 2, 1), wrong(4, 2)], ARBITER, [1, 2]),
        ([wrong(1, 1), wrong(2, 1), wrong(3), wrong(4)], ARBITER, []),
        ([wrong(1, 0), wrong(2, 0), wrong(3, 0)], ARBITER, []),
        ([wrong(1, 1), wrong(2, 1), wrong(3, 1)], None, []),
    ],
    ids=["a quorum", "one saw none", "two mirrors", "too few", "the primary", "no arbiter"],
)
def test_a_mirror_is_slashed_if_a_quorum_saw_wrong_bytes_and_somebody_arbitrates(
    bundles: list[Bundle], arbiter: Address | None, expected: list[int]
) -> None:
    given = replace(case(), arbiter=arbiter)
    outcome = compute(given, bundles, FOUR, CONTRACT)
    payloads = {mirror: keccak256(mirror.to_bytes(32, "big")) for mirror in expected}
    leaves = {m: leaf(2, CONTRACT, 1, 7, given.mirrors_digest, payload) for m, payload in payloads.items()}
    assert outcome.slashes == leaves
    assert outcome.leaves == (outcome.leaf, *leaves.values())


def test_the_leaves_of_a_report_prove_what_is_in_its_root() -> None:
    bundles = [wrong(number, 1, 2) for number in range(1, 4)]
    outcomes = [compute(replace(case(fund), arbiter=ARBITER), bundles, FOUR, CONTRACT) for fund in (1, 2)]
    leaves = read_leaves(files(Epoch(7), FOUR, CONTRACT, [], outcomes)[evidence.REPORT])
    assert leaves.weights == {1: outcomes[0].leaf, 2: outcomes[1].leaf}
    assert leaves.slashes == {1: outcomes[0].slashes}
    root = to_bytes32(evidence.root(outcomes))
    for one in (*outcomes[0].leaves, outcomes[1].leaf):
        assert merkle.verify(root, one, leaves.proof(one))


@pytest.mark.parametrize(
    "edit",
    [
        lambda told: told.pop("slashes"),
        lambda told: told.update(leaves=[]),
        lambda told: told.update(leaves={"one": "0x" + "00" * 32}),
        lambda told: told.update(leaves={"9" * 5_000: "0x" + "00" * 32}),
        lambda told: told.update(leaves={"1": 7}),
        lambda told: told.update(slashes={"1": {"1": "0x00"}}),
        lambda told: told.update(slashes={"1": []}),
    ],
)
def test_leaves_that_are_none_are_refused(edit: Callable[[dict[str, Any]], Any]) -> None:
    told = parse_json("report", all_files()[evidence.REPORT])
    edit(told)
    with pytest.raises(InvalidInput, match=r"report\.json"):
        read_leaves(canonical(told))


def test_a_leaf_that_stands_twice_proves_nothing() -> None:
    twice = "0x" + "07" * 32
    told = parse_json("report", all_files()[evidence.REPORT]) | {"leaves": {"1": twice, "2": twice}}
    leaves = read_leaves(canonical(told))
    with pytest.raises(InvalidInput, match="twice"):
        leaves.proof(to_bytes32(twice))


def test_a_bundles_file_says_again_what_was_signed() -> None:
    signed = SignedBundle(bundle(1), "0x" + "11" * 65)
    name = f"bundles/{account(1)}.json"
    written = files(Epoch(7), PANEL, CONTRACT, [signed], [compute(case(), [bundle(1)], PANEL, CONTRACT)])[name]
    assert read_bundle(name, written) == signed


def test_the_vector_reaches_to_the_highest_position_that_counts() -> None:
    sparse = replace(case(), mirrors=(ranked(1), replace(ranked(2), position=5)))
    assert len(parse_vector(compute(sparse, [bundle(1)], PANEL, CONTRACT).vector)) == 6
    nobody = compute(case(mirrors=0), [bundle(1)], PANEL, CONTRACT)
    assert nobody.vector == b""


def test_the_root_of_one_fund_is_its_leaf_and_does_not_depend_on_the_order_of_many() -> None:
    outcomes = [compute(case(fund), [bundle(1, 2)], PANEL, CONTRACT) for fund in (1, 2)]
    assert evidence.root(outcomes) == evidence.root(outcomes[::-1])
    assert evidence.root(outcomes[:1]) == "0x" + outcomes[0].leaf.hex()


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def edit(document: Any) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            document = document[parent]
        document[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (_set("offer.reward", 5), "f.offer.reward"),
        (_set("offer.reward", "-5"), "f.offer.reward"),
        (_set("offer.reward", "٣"), "f.offer.reward"),
        (_set("offer.target", "2"), "f.offer.target"),
        (_set("policy.slots", 0), "policy.slots"),
        (_set("vector", "0xzz"), "f.vector"),
        (_set("vector", 7), "f.vector"),
        (_set("mirrors", {}), "f.mirrors"),
        (_set("release", None), "f.release"),
        (_set("extra", 1), "f.extra"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(edit: Callable[[Any], None], field: str) -> None:
    document = parse_json("f", evidence.fund_file(compute(case(), [bundle(1)], PANEL, CONTRACT)))
    edit(document)
    with pytest.raises(InvalidInput) as refused:
        read_fund("f", canonical(document))
    assert refused.value.name == field
