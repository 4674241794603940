"""What is made of an epoch is kept whole, and a member's first bundle for good."""

import dataclasses

import sqlalchemy as sa

from oracle.model import Address, CommitteeId, Digest, Epoch, FundId
from oracle.store import reports
from oracle.store.reports import StoredBundle, StoredReport

MEMBER = Address("0x" + "11" * 20)
OTHER = Address("0x" + "aB" * 20)
ROOT = Digest("0x" + "22" * 32)
BUNDLE = StoredBundle(CommitteeId(1), Epoch(7), MEMBER, ROOT, "0x00", b'{"epoch":7}')


def test_a_members_first_bundle_of_an_epoch_stands(store: sa.Engine) -> None:
    assert reports.save_bundle(store, BUNDLE)
    assert not reports.save_bundle(store, dataclasses.replace(BUNDLE, body=b"{}"))
    assert reports.save_bundle(store, dataclasses.replace(BUNDLE, epoch=Epoch(8)))
    assert reports.load_bundles(store, 1, 7) == [BUNDLE]


def test_results_are_replaced_with_the_evidence_they_come_of(store: sa.Engine) -> None:
    for epoch, n_eff in ((5, 1), (7, 2), (7, 3)):
        reports.save_evidence(store, 1, epoch, {}, {FundId(3): {"n_eff": n_eff}})
    reports.save_evidence(store, 1, 5, {"index.json": b"{}"})
    assert reports.load_result(store, 3, 5) == {"n_eff": 1}
    assert reports.load_result(store, 3, 7) == {"n_eff": 3}
    assert reports.load_result(store, 3, 6) is None


def test_the_first_report_of_an_epoch_stands_with_all_that_belongs_to_it(store: sa.Engine) -> None:
    report = StoredReport(CommitteeId(1), Epoch(7), ROOT, ROOT, ["0x01", "0x02"], [MEMBER])
    assert reports.load_report(store, 1, 7) is None
    assert reports.save_report(store, report, {"index.json": b"1"}, {FundId(3): {"n_eff": 1}}) == report
    later = dataclasses.replace(report, evidence=Digest("0x" + "33" * 32), set_members=[MEMBER, OTHER])
    assert reports.save_report(store, later, {"index.json": b"2"}, {FundId(3): {"n_eff": 2}}) == report
    assert reports.load_report(store, 1, 7) == report
    assert reports.load_evidence(store, 1, 7) == {"index.json": b"1"}
    assert reports.load_result(store, 3, 7) == {"n_eff": 1}


def test_signatures_of_one_root_come_in_the_order_of_the_contract(store: sa.Engine) -> None:
    reports.save_signature(store, 1, 7, OTHER, ROOT, "0xbb")
    reports.save_signature(store, 1, 7, MEMBER, ROOT, "0xaa")
    reports.save_signature(store, 1, 7, Address("0x" + "99" * 20), "0x" + "33" * 32, "0xcc")
    assert list(reports.load_signatures(store, 1, 7, ROOT).items()) == [(MEMBER, "0xaa"), (OTHER, "0xbb")]


def test_evidence_is_replaced_as_a_whole(store: sa.Engine) -> None:
    reports.save_evidence(store, 1, 7, {"index.json": b"{}", "funds/9.json": b"9"})
    reports.save_evidence(store, 1, 8, {"index.json": b"8"})
    reports.save_evidence(store, 1, 7, {"index.json": b"{1}", "funds/1.json": b"1"})
    assert reports.load_evidence(store, 1, 7) == {"funds/1.json": b"1", "index.json": b"{1}"}
    assert reports.load_evidence_file(store, 1, 7, "funds/1.json") == b"1"
    assert reports.load_evidence_file(store, 1, 7, "funds/9.json") is None
    assert reports.load_evidence(store, 1, 9) == {}
