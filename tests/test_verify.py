"""Anyone can recompute an epoch; whatever was altered is named."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oracle import evidence
from oracle.cases import ranks_before
from oracle.codec import bundle_to_json, result_from_json
from oracle.errors import EvidenceMismatch
from oracle.model import Address, Bundle, CommitteeId, Digest, Epoch, FundId, MirrorId, Reason, canonical
from oracle.report import close_epoch
from oracle.schedule import commitment
from oracle.store.reports import load_evidence, load_result
from oracle.store.sightings import How, record_sighting
from oracle.verify import OnChain, Verdict, broken_commitments, on_chain, payout, verify
from tests.fixtures.ledger import EPOCH_S, FUND_CONTRACT, POLICY, Ledger, in_order

FUND = "funds/1.json"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An epoch that was reported and settled by three keys of four."""
    made = Ledger(tmp_path, 4, 3, 3)
    made.vote(0, "UUDU")
    made.vote(1, "UUUU")
    made.vote(2, "UUDU")
    report = close_epoch(made.context, Epoch(1))
    made.reported(1, report.root, report.evidence)
    settle(made)
    return made


def settle(ledger: Ledger, extra: int = 0) -> None:
    """What the contract pays; `extra` more to the first mirror."""
    outcome = verify(load_evidence(ledger.engine, 1, 1), chain_of(ledger)).outcomes[0]
    due = payout(outcome)
    weights = {weight.mirror: weight.weight for weight in outcome.result.weights}
    shares: dict[int, tuple[int, int]] = {
        mirror: (weights[mirror], amount + (extra if mirror == 1 else 0)) for mirror, amount in due.credits.items()
    }
    ledger.settled(1, "0x" + outcome.vector.hex(), due.paid + extra, due.fee, shares)


def chain_of(ledger: Ledger) -> OnChain:
    return on_chain(ledger.engine, ledger.context.domain, FUND_CONTRACT, CommitteeId(1), Epoch(1), {})


def verdict(ledger: Ledger, files: Mapping[str, bytes] | None = None) -> Verdict:
    return verify(files or load_evidence(ledger.engine, 1, 1), chain_of(ledger))


def bundle_file(revealed: bytes | None, committed: bytes | None) -> dict[str, bytes]:
    """The evidence of a member that reveals and commits to these secrets."""
    told = Digest("0x" + revealed.hex()) if revealed else None
    promise = commitment(committed) if committed else None
    bundle = Bundle(CommitteeId(1), Epoch(1), Address(in_order(1)[0].address), {}, told, promise)
    return {"bundles/x.json": canonical({"bundle": bundle_to_json(bundle), "signature": "0x"})}


@pytest.mark.parametrize(
    ("promised", "revealed", "broken"),
    [(b"a" * 32, b"a" * 32, 0), (b"a" * 32, b"b" * 32, 1), (b"a" * 32, None, 1), (None, b"a" * 32, 0)],
)
def test_a_secret_is_held_against_the_commitment_two_epochs_before(
    promised: bytes | None, revealed: bytes | None, broken: int
) -> None:
    assert len(broken_commitments(bundle_file(revealed, None), bundle_file(None, promised))) == broken
    assert broken_commitments(bundle_file(revealed, None), {}) == ()


def test_a_mirror_that_was_caught_relaying_is_paid_nothing_and_recomputed_so(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote_all()
    record_sighting(ledger.engine, "node", FundId(1), MirrorId(1), 1, How.CANARY, "it answered a canary")
    report = close_epoch(ledger.context, Epoch(1))
    ledger.reported(1, report.root, report.evidence)
    found = verdict(ledger)
    assert found.differences == ()
    weights = {weight.mirror: weight for weight in found.outcomes[0].result.weights}
    assert (weights[MirrorId(1)].weight, weights[MirrorId(1)].reasons[Reason.RELAYING]) == (0, POLICY.slots)
    assert weights[MirrorId(2)].weight > 0


def test_untouched_evidence_gives_what_was_paid(ledger: Ledger) -> None:
    found = verdict(ledger)
    assert found.differences == ()
    found.check()
    body = load_result(ledger.engine, 1, 1)
    assert body is not None
    assert found.outcomes[0].result == result_from_json(body)


def test_a_voided_epoch_pays_nobody(ledger: Ledger) -> None:
    ledger.settled(1, "0x", 0, 0, {}, "voided")
    assert verdict(ledger).differences == ()


def test_mirrors_to_be_slashed_are_recomputed(tmp_path: Path) -> None:
    made = Ledger(tmp_path, 4, 3, 3, arbiter=FUND_CONTRACT)
    made.vote(0, "UUUU")
    made.vote(1, "UWUU")
    made.vote(2, "UUUU")
    report = close_epoch(made.context, Epoch(1))
    made.reported(1, report.root, report.evidence)
    files = load_evidence(made.engine, 1, 1)
    found = verify(files, chain_of(made))
    assert (found.differences, list(found.outcomes[0].slashes)) == ((), [1])
    spared = edited(files, "report.json", lambda told: told.update(slashes={}))
    assert rebound(made, spared).differences == (
        "report.json: the mirrors to be slashed are not those that the bundles give",
    )
    made.arbiter = None
    made._write(made.engine)
    assert any("arbiter is 0x" in one for one in verify(files, chain_of(made)).differences)


def test_an_epoch_without_a_report_cannot_be_verified(ledger: Ledger) -> None:
    with pytest.raises(EvidenceMismatch, match="the chain has no report of epoch 2"):
        on_chain(ledger.engine, ledger.context.domain, FUND_CONTRACT, CommitteeId(1), Epoch(2), {})


def edited(
    files: Mapping[str, bytes], name: str, edit: Callable[[Any], None], reindex: bool = True
) -> dict[str, bytes]:
    """Evidence in which one file says something else, with an index that knows it or not."""
    value = json.loads(files[name])
    edit(value)
    changed = {**files, name: canonical(value)}
    return changed | ({"index.json": evidence.index_file(CommitteeId(1), Epoch(1), changed)} if reindex else {})


def rebound(ledger: Ledger, files: Mapping[str, bytes]) -> Verdict:
    """The verdict if the altered evidence were the one that a captured quorum put on the chain."""
    chain = chain_of(ledger)
    return verify(files, replace(chain, report=replace(chain.report, evidence=evidence.digest(files))))


def test_a_changed_file_is_found_by_its_digest(ledger: Ledger) -> None:
    files = edited(load_evidence(ledger.engine, 1, 1), FUND, lambda v: v.update(vector="0x00"), reindex=False)
    assert verdict(ledger, files).differences == (f"{FUND}: its digest is not the one in the index",)


def test_a_changed_index_is_found_on_the_chain(ledger: Ledger) -> None:
    files = edited(load_evidence(ledger.engine, 1, 1), FUND, lambda v: v.update(vector="0x00"))
    (difference,) = verdict(ledger, files).differences
    assert difference.startswith("index.json: its digest is ")


@pytest.mark.parametrize("name", ["index.json", "report.json", FUND])
def test_a_missing_file_is_named(ledger: Ledger, name: str) -> None:
    files = {key: body for key, body in load_evidence(ledger.engine, 1, 1).items() if key != name}
    assert any(name in difference for difference in verdict(ledger, files).differences)


def test_an_added_file_is_named(ledger: Ledger) -> None:
    files = load_evidence(ledger.engine, 1, 1) | {"funds/2.json": b"{}"}
    assert verdict(ledger, files).differences == ("funds/2.json: is not in the index",)


def _weight(value: Any) -> None:
    value["result"]["weights"][0]["weight"] += 1


def _reward(value: Any) -> None:
    value["offer"]["reward"] = "2000000"


def _policy(value: Any) -> None:
    value["policy"]["outage_weight"] = 1


def _rank(value: Any) -> None:
    first, second = value["mirrors"]
    first["rank"], second["rank"] = second["rank"], first["rank"]


def _mirror(value: Any) -> None:
    value["mirrors"][0]["url"] = "http://elsewhere.example"


def _lead(value: Any) -> None:
    value["result"]["ranks"][0]["lead"] = 3


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (_weight, "mirror 1 has the weight"),
        (_reward, "reward_wei is 2000000, on the chain it is 1000000"),
        (_policy, "policy is"),
        (_rank, "the ranks before are not those that the last report left"),
        (_mirror, "the mirrors are not those that counted on the chain"),
        (_lead, "the result is not the one that the bundles give"),
        (lambda v: v.update(vector="0x" + "00" * 8), "the vector is not the one that the bundles give"),
        (lambda v: v.update(release="0x" + "00" * 32), "release is"),
    ],
)
def test_a_lie_in_a_funds_file_is_named_even_when_the_chain_holds_its_digest(
    ledger: Ledger, edit: Callable[[Any], None], told: str
) -> None:
    found = rebound(ledger, edited(load_evidence(ledger.engine, 1, 1), FUND, edit)).differences
    assert any(difference.startswith(f"{FUND}: ") and told in difference for difference in found), found


def test_a_second_file_for_one_fund_cannot_hide_what_the_first_one_says(ledger: Ledger) -> None:
    """Settling, and the ranks of the epochs to come, are read by name."""
    files = load_evidence(ledger.engine, 1, 1)
    for edit in (_rank, lambda v: v.update(fund=70)):
        found = rebound(ledger, edited({**files, "funds/70.json": files[FUND]}, FUND, edit)).differences
        assert "funds/70.json: by what is in it, it is funds/1.json" in found


@pytest.mark.parametrize("name", ["bundles/another.json", "notes.txt"])
def test_a_file_that_is_not_named_by_what_is_in_it_is_a_difference(ledger: Ledger, name: str) -> None:
    files = dict(load_evidence(ledger.engine, 1, 1))
    own = f"bundles/{ledger.accounts[0].address}.json"
    files[name] = files.pop(own) if name.startswith("bundles/") else b"{}"
    files["index.json"] = evidence.index_file(CommitteeId(1), Epoch(1), files)
    (difference,) = rebound(ledger, files).differences
    assert difference.startswith(f"{name}: by what is in it, it is ")


def test_a_bundle_that_its_member_did_not_sign_is_named(ledger: Ledger) -> None:
    name = f"bundles/{ledger.accounts[0].address}.json"

    def claim_more(value: Any) -> None:
        value["bundle"]["funds"]["1"][2]["slots"] = [["up", 4]]

    found = rebound(ledger, edited(load_evidence(ledger.engine, 1, 1), name, claim_more)).differences
    assert f"{name}: its signature is not the member's" in found


def test_too_few_bundles_are_named(ledger: Ledger) -> None:
    name = f"bundles/{ledger.accounts[0].address}.json"
    files = {key: body for key, body in load_evidence(ledger.engine, 1, 1).items() if key != name}
    files["index.json"] = evidence.index_file(CommitteeId(1), Epoch(1), files)
    assert rebound(ledger, files).differences == ("epoch 1: 2 bundles, the quorum is 3",)


def test_another_root_on_the_chain_is_named(ledger: Ledger) -> None:
    chain = chain_of(ledger)
    other = replace(chain, report=replace(chain.report, root=Digest("0x" + "77" * 32)))
    found = verify(load_evidence(ledger.engine, 1, 1), other).differences
    assert any(difference.startswith("the root by the bundles is ") for difference in found)


def test_a_payment_that_differs_by_one_unit_is_named(ledger: Ledger) -> None:
    settle(ledger, extra=1)
    found = verdict(ledger).differences
    assert any("fund 1: paid is" in difference for difference in found)
    assert any("mirror 1 was credited" in difference for difference in found)


def test_evidence_that_is_no_json_is_a_difference_not_a_crash(ledger: Ledger) -> None:
    files = load_evidence(ledger.engine, 1, 1) | {FUND: b"\xff{"}
    files["index.json"] = evidence.index_file(CommitteeId(1), Epoch(1), files)
    (difference,) = rebound(ledger, files).differences
    assert difference.startswith(f"{FUND}: is not JSON")


@pytest.mark.parametrize("index", [b"null", b'{"committee":1,"epoch":1,"files":5}'])
def test_an_index_that_lists_nothing_is_a_difference_not_a_crash(ledger: Ledger, index: bytes) -> None:
    (difference,) = rebound(ledger, load_evidence(ledger.engine, 1, 1) | {"index.json": index}).differences
    assert "must be an object" in difference


def test_a_signature_that_is_no_hexadecimal_is_a_difference_not_a_crash(ledger: Ledger) -> None:
    name = f"bundles/{ledger.accounts[0].address}.json"
    files = dict(load_evidence(ledger.engine, 1, 1))
    files[name] = canonical(json.loads(files[name]) | {"signature": "0xzz"})
    files["index.json"] = evidence.index_file(CommitteeId(1), Epoch(1), files)
    assert rebound(ledger, files).differences == (f"{name}.signature: must be 0x and hexadecimal digits",)


def test_ranks_before_come_from_the_evidence_of_the_last_report(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, ago_s=EPOCH_S + 10)
    ledger.vote_all(1)
    report = close_epoch(ledger.context, Epoch(1))
    ledger.reported(1, report.root, report.evidence)
    stored = {Epoch(1): load_evidence(ledger.engine, 1, 1)}

    def before(files: Mapping[Epoch, Mapping[str, bytes]]) -> Any:
        return ranks_before(ledger.engine, CommitteeId(1), [FundId(1)], Epoch(2), lambda e: files.get(e, {}))

    assert [ranked.mirror for ranked in before(stored)[1]] == [1, 2]
    assert before({}) is None
    with pytest.raises(EvidenceMismatch, match=r"epoch 1: index\.json"):
        before({Epoch(1): {**stored[Epoch(1)], "index.json": b"{}"}})


def test_the_first_epoch_has_no_ranks_before(ledger: Ledger) -> None:
    assert ranks_before(ledger.engine, CommitteeId(1), [FundId(1)], Epoch(1), lambda _: {}) == {}
