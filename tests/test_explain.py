"""Why a mirror was paid what it was: every step, with its numbers."""

from pathlib import Path

import pytest

from oracle.errors import InvalidInput
from oracle.evidence import FundFile, read_fund
from oracle.explain import explain
from oracle.model import Epoch, MirrorId
from oracle.report import close_epoch
from oracle.store.reports import load_evidence
from tests.fixtures.ledger import Ledger


@pytest.fixture
def fund(tmp_path: Path) -> FundFile:
    ledger = Ledger(tmp_path)
    ledger.vote(0, "UUDU")
    ledger.vote(1, "UDUU")
    ledger.vote(2, "WUUU")
    close_epoch(ledger.context, Epoch(1))
    return read_fund("funds/1.json", load_evidence(ledger.engine, 1, 1)["funds/1.json"])


def test_the_sentences_lead_from_slots_to_the_amount(fund: FundFile) -> None:
    told = explain(fund.case, fund.result, MirrorId(1))
    assert told.sentences == (
        "Mirror 1 had rank 1 of 2 and was up in 3 of the 4 slots in which it is known (the epoch has 4).",
        "In 1 slot the primary was down: these weigh more.",
        "In 3 slots it was up and counted in full.",
        "In 1 slot it did not answer in time.",
        "Its average count is 0.7500 of an effective mirror.",
        "It has not served through an outage of an earlier epoch yet: a factor of 0.5000.",
        f"Its weight is 0.4615 of a target of 2: of the reward of 1000000 less the committee's fee of 50000 "
        f"that is {told.credited_wei}.",
    )
    assert told.credited_wei == 950_000 * told.weight // (2 * 10**9)


def test_wrong_bytes_are_said_to_cost_the_whole_epoch(fund: FundFile) -> None:
    told = explain(fund.case, fund.result, MirrorId(2))
    assert told.credited_wei == 0
    assert any("makes the whole epoch's weight 0" in sentence for sentence in told.sentences)


def test_json_has_amounts_as_text_and_reasons_by_code(fund: FundFile) -> None:
    told = explain(fund.case, fund.result, MirrorId(1)).to_json()
    assert told["reward"] == "1000000"
    assert told["reasons"] == {"up": 3, "timeout": 1, "untested": 3}


def test_a_mirror_that_does_not_count_is_refused(fund: FundFile) -> None:
    with pytest.raises(InvalidInput, match="--mirror: 9 does not count in epoch 1 of fund 1"):
        explain(fund.case, fund.result, MirrorId(9))
