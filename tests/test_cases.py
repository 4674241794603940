"""A report is about what the chain had at the epoch's start."""

from pathlib import Path

import pytest

from oracle.assignment import assignment
from oracle.cases import assignments, fund_epoch, panel_at, ranks_before
from oracle.errors import InvalidInput
from oracle.model import Address, CommitteeId, Epoch, FundId
from oracle.report import close_epoch
from oracle.store import tables
from oracle.store.db import upsert, writing
from oracle.store.ledger import mirrors_digest_at
from oracle.store.reports import load_evidence
from tests.fixtures.epochs import ranked
from tests.fixtures.ledger import EPOCH_S, FEE_BPS, POLICY, REWARD_WEI, TARGET, Ledger


def test_a_fund_epoch_is_what_the_chain_says_with_the_ranks_before(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    task = assignment(ledger.engine, 1, 1)
    assert task is not None
    case = fund_epoch(ledger.engine, task, [ranked(2, rank=0), ranked(7, rank=1)])
    assert (case.reward_wei, case.target, case.fee_bps, case.policy) == (REWARD_WEI, TARGET, FEE_BPS, POLICY)
    assert case.mirrors_digest == mirrors_digest_at(ledger.engine, 1, 1)
    assert case.release == ledger.release
    # Mirror 2 keeps its rank, 7 does not count any more, 1 is new.
    assert [(one.mirror, one.rank, one.url) for one in case.mirrors] == [
        (2, 0, "http://mirror-2.example"),
        (1, 1, "http://mirror-1.example"),
    ]


def test_the_panel_is_the_configuration_in_force(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, members=4, quorum=3)
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    assert panel.members == tuple(Address(one.address) for one in ledger.accounts)
    assert panel.quorum == 3


def test_an_epoch_without_funds_has_no_report(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert [task.fund for task in assignments(ledger.engine, CommitteeId(1), Epoch(1))] == [1]
    with pytest.raises(InvalidInput, match="epoch: 0 has no fund that committee 1 reports on"):
        assignments(ledger.engine, CommitteeId(1), Epoch(0))


def committee_from(ledger: Ledger, epoch: int, committee: int) -> None:
    """The fund names another committee from the epoch on."""
    offer = {"fund": 1, "binds_from": epoch, "reward_wei": REWARD_WEI, "target": TARGET, "fee_bps": FEE_BPS}
    with writing(ledger.engine) as connection:
        upsert(connection, tables.offers, [offer | {"committee": committee, "policy": "{}"}])


def test_a_fund_that_came_from_another_committee_needs_no_evidence_of_before(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    committee_from(ledger, 1, 2)
    committee_from(ledger, 5, 1)
    for epoch in (2, 3, 4):  # about other funds
        ledger.reported(epoch, "0x" + "66" * 32, "0x" + "77" * 32)
    assert ranks_before(ledger.engine, CommitteeId(1), [FundId(1)], Epoch(5), lambda _: {}) == {}


def test_a_fund_that_comes_back_to_a_committee_has_the_ranks_that_it_left_with(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, ago_s=4 * EPOCH_S + 10)
    ledger.vote_all(1)
    report = close_epoch(ledger.context, Epoch(1))
    ledger.reported(1, report.root, report.evidence)
    committee_from(ledger, 2, 2)
    committee_from(ledger, 5, 1)
    ledger.reported(3, "0x" + "66" * 32, "0x" + "77" * 32)
    stored = {Epoch(1): load_evidence(ledger.engine, 1, 1)}
    before = ranks_before(ledger.engine, CommitteeId(1), [FundId(1)], Epoch(5), stored.__getitem__)
    assert before is not None
    assert [one.mirror for one in before[FundId(1)]] == [1, 2]
