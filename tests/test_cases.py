"""A report is about what the chain had at the epoch's start."""

from pathlib import Path

import pytest

from oracle.assignment import assignment
from oracle.cases import assignments, fund_epoch, panel_at
from oracle.errors import InvalidInput
from oracle.model import Address, CommitteeId, Epoch
from oracle.store.ledger import mirrors_digest_at
from tests.fixtures.epochs import ranked
from tests.fixtures.ledger import FEE_BPS, POLICY, REWARD_WEI, TARGET, Ledger


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
