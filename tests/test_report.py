"""Closing an epoch: the same bytes however often, by one key or by three of four."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from oracle import evidence
from oracle.attest import recover, report_message
from oracle.cases import panel_at
from oracle.codec import result_from_json
from oracle.cosign import signatures_of
from oracle.digests import to_bytes32
from oracle.errors import EpochNotOver, EvidenceMismatch, InvalidInput, NotEnoughBundles
from oracle.fields import parse_json
from oracle.merkle import Tree, parse_vector
from oracle.model import ONE, Address, CommitteeId, Epoch, Reason
from oracle.report import close_epoch
from oracle.store import tables
from oracle.store.db import writing
from oracle.store.reports import (
    load_bundles,
    load_evidence,
    load_report,
    load_result,
    load_signatures,
    save_bundle,
    save_evidence,
)
from tests.fixtures.ledger import EPOCH_S, FUND_CONTRACT, Ledger

COMMITTEES = [(1, 1, 1), (4, 3, 3), (4, 3, 4)]
"""Members, quorum, keys on this node."""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path)
    made.vote_all()
    return made


@pytest.mark.parametrize(("members", "quorum", "keys"), COMMITTEES)
def test_every_key_of_this_node_signs_a_bundle_and_the_report(
    tmp_path: Path, members: int, quorum: int, keys: int
) -> None:
    ledger = Ledger(tmp_path, members, quorum, keys)
    ledger.vote_all()
    report = close_epoch(ledger.context, Epoch(1))
    signers = {Address(one.address) for one in ledger.accounts[:keys]}
    assert set(report.set_members) == signers
    signatures = load_signatures(ledger.engine, 1, 1, report.root)
    config = parse_json("report", load_evidence(ledger.engine, 1, 1)[evidence.REPORT])["config"]
    message = report_message(ledger.context.domain, 1, 1, config, report.root, report.evidence)
    assert {recover(message, signature) for signature in signatures.values()} == signers


def test_a_second_run_changes_nothing(ledger: Ledger) -> None:
    first = close_epoch(ledger.context, Epoch(1))
    before = load_evidence(ledger.engine, 1, 1)
    ledger.vote(1, "DDDD", epoch=1)  # too late, and first votes win anyway
    assert close_epoch(ledger.context, Epoch(1)) == first
    assert load_evidence(ledger.engine, 1, 1) == before
    ledger.publish(1, "0x" + "ee" * 32)  # were it computed again, the evidence would name this release
    assert close_epoch(ledger.context, Epoch(1)) == first


def test_a_run_that_was_stopped_after_the_bundles_goes_on_with_them(ledger: Ledger) -> None:
    first = close_epoch(ledger.context, Epoch(1))
    bundles = load_bundles(ledger.engine, 1, 1)
    again = Ledger(ledger.home.parent / "again")
    again.accounts = ledger.accounts
    for bundle in bundles:
        save_bundle(again.engine, bundle)
    again.vote(1, "DDDD")  # whatever is seen later, the member has spoken
    assert close_epoch(again.context, Epoch(1)).root == first.root


def test_of_two_nodes_that_close_an_epoch_of_one_store_at_once_the_first_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path, 3, 2, 2)
    ledger.vote_all()
    first = close_epoch(ledger.context, Epoch(1))
    ledger.context.__dict__["members"] = {Address(one.address): one for one in ledger.accounts}
    monkeypatch.setattr("oracle.report.load_report", lambda *_: None)  # it was not there when the other node looked
    assert close_epoch(ledger.context, Epoch(1)) == first
    assert evidence.digest(load_evidence(ledger.engine, 1, 1)) == first.evidence
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    signed = signatures_of(ledger.engine, ledger.context.domain, panel, Epoch(1), first.root, first.evidence)
    assert set(signed) == {Address(one.address) for one in ledger.accounts}


def test_the_root_is_over_the_funds_leaf_and_the_vector_holds_the_weights(ledger: Ledger) -> None:
    report = close_epoch(ledger.context, Epoch(1))
    (leaf,) = report.leaves
    assert report.root == leaf["leaf"] == "0x" + Tree([to_bytes32(leaf["leaf"])]).root.hex()
    body = load_result(ledger.engine, 1, 1)
    assert body is not None
    weights = {weight.position: weight.weight for weight in result_from_json(body).weights}
    entries = parse_vector(bytes.fromhex(leaf["vector"][2:]))
    assert {position: entry.weight for position, entry in enumerate(entries)} == weights
    assert all(entry.alive for entry in entries)
    # Half for never having been tested; the second is in the same unknown network as the first.
    assert weights == {0: ONE // 2, 1: ONE // 8}


def test_a_mirror_that_served_wrong_bytes_has_a_leaf_where_somebody_arbitrates(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 4, 3, 3, arbiter=FUND_CONTRACT)
    ledger.vote(0, "UUUU")
    ledger.vote(1, "UWUU")
    ledger.vote(2, "UUUU")
    report = close_epoch(ledger.context, Epoch(1))
    [slash] = [leaf for leaf in report.leaves if "mirror" in leaf]
    assert (slash["mirror"], len(report.leaves)) == (1, 2)
    assert report.root == "0x" + Tree([to_bytes32(leaf["leaf"]) for leaf in report.leaves]).root.hex()
    told = evidence.read_leaves(load_evidence(ledger.engine, 1, 1)[evidence.REPORT])
    assert told.slashes == {1: {1: to_bytes32(slash["leaf"])}}


def test_slots_without_a_vote_are_not_measured(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote(0, "UUUU")
    ledger.vote(1, "U..U")
    close_epoch(ledger.context, Epoch(1))
    body = load_result(ledger.engine, 1, 1)
    assert body is not None
    first, second = result_from_json(body).weights
    assert first.reasons[Reason.NOT_MEASURED] == 2
    assert second.reasons[Reason.NOT_MEASURED] == 4
    assert (first.up_slots, first.known_slots) == (2, 2)


def test_a_node_that_saw_nothing_signs_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(NotEnoughBundles):
        close_epoch(ledger.context, Epoch(1))
    assert load_bundles(ledger.engine, 1, 1) == []


def test_an_epoch_is_not_closed_before_its_end_is_indexed(ledger: Ledger) -> None:
    ledger.index_to(ledger.clock.end_s(1) - 1)
    with pytest.raises(EpochNotOver):
        close_epoch(ledger.context, Epoch(1))


def test_an_epoch_waits_until_the_one_before_is_decided(tmp_path: Path) -> None:
    """Its ranks are the input: a node that did not wait would compute another root than one that did."""
    ledger = Ledger(tmp_path, ago_s=EPOCH_S + 90)
    ledger.vote_all(2)
    grace_over_s = ledger.clock.end_s(1) + ledger.clock.grace_s
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oracle.store.ledger.knows", lambda *_: True)
        ledger.index_to(grace_over_s)
        with pytest.raises(EpochNotOver):
            close_epoch(ledger.context, Epoch(2))
        ledger.index_to(grace_over_s + 1)
        close_epoch(ledger.context, Epoch(2))  # epoch 1 was missed


def two_epochs(home: Path) -> Ledger:
    """The chain has the report of the first; nothing but the second is left to close."""
    ledger = Ledger(home, ago_s=EPOCH_S + 10)
    ledger.vote(0, "UUUU", 1)
    ledger.vote(1, "DDDD", 1)
    ledger.vote(2, "UUUU", 1)
    ledger.vote_all(2)
    report = close_epoch(ledger.context, Epoch(1))
    ledger.reported(1, report.root, report.evidence)
    return ledger


def networks_before(ledger: Ledger, epoch: int) -> dict[int, int]:
    """By mirror, in how many networks it was known to be when an epoch began."""
    body = load_evidence(ledger.engine, 1, epoch)["funds/1.json"]
    return {one.mirror: len(one.networks) for one in evidence.read_fund("funds/1.json", body).case.mirrors}


def test_ranks_come_from_the_evidence_of_the_last_report_that_the_chain_has(tmp_path: Path) -> None:
    ledger = two_epochs(tmp_path)
    with writing(ledger.engine) as connection:
        connection.execute(sa.delete(tables.results))  # what this node makes of an epoch is not what the chain has
    close_epoch(ledger.context, Epoch(2))
    assert networks_before(ledger, 1) == {1: 0, 2: 0}
    assert networks_before(ledger, 2) == {1: 0, 2: 1}


@pytest.mark.parametrize("kept", [{}, {"index.json": b"{}", "report.json": b"{}"}])
def test_without_the_evidence_of_the_last_report_no_epoch_is_closed(tmp_path: Path, kept: dict[str, bytes]) -> None:
    ledger = two_epochs(tmp_path)
    save_evidence(ledger.engine, 1, 1, kept)
    with pytest.raises(EvidenceMismatch, match="mirrorbond verify --epoch 1 --evidence URL"):
        close_epoch(ledger.context, Epoch(2))
    assert load_report(ledger.engine, 1, 2) is None


def test_evidence_that_cannot_be_read_back_is_not_signed(tmp_path: Path) -> None:
    """Its ranks are the input of every later epoch: such a report on the chain would be the committee's last."""
    ledger = Ledger(tmp_path, urls=("http://mirror.example/" + "x" * 4_096, "http://other.example"))
    ledger.vote_all()
    with pytest.raises(InvalidInput, match=r"mirrors\[0\]\.url"):
        close_epoch(ledger.context, Epoch(1))
    assert load_report(ledger.engine, 1, 1) is None


def test_evidence_names_every_file_by_its_digest(ledger: Ledger) -> None:
    report = close_epoch(ledger.context, Epoch(1))
    files = load_evidence(ledger.engine, 1, 1)
    member = ledger.accounts[0].address
    assert set(files) == {"index.json", "report.json", "funds/1.json", f"bundles/{member}.json"}
    assert evidence.digest(files) == report.evidence
    assert evidence.index_file(CommitteeId(1), Epoch(1), files) == files["index.json"]
    told = parse_json("report", files["report.json"])
    assert told["fund_contract"] == FUND_CONTRACT
    assert told["root"] == report.root


def test_a_committee_that_is_not_there_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, changes={"committee": 9})
    with pytest.raises(InvalidInput, match="committee: 9 is not on the chain"):
        close_epoch(ledger.context, Epoch(1))
