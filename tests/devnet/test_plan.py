"""The terms that demos and tests run on are ones that the contract takes, and that keep what docs/protocol.md says."""

import pytest

from oracle.chain.structs import Terms
from oracle.devnet.deploy import SHORT_TERMS
from oracle.devnet.plan import Plan
from oracle.model import Clock
from tests.fixtures.chain import ARBITRATION_S, EPOCH_S, GRACE_S, WINDOW_S

PLAN = Plan()
CLOCKS = {
    "tests": (SHORT_TERMS, Clock(0, EPOCH_S, GRACE_S, WINDOW_S, ARBITRATION_S)),
    "the demo": (PLAN.terms, Clock(0, PLAN.epoch_length_s, PLAN.grace_s, PLAN.window_s, PLAN.arbitration_s)),
}


@pytest.mark.parametrize(("terms", "clock"), CLOCKS.values(), ids=CLOCKS)
def test_P6_a_depositor_can_leave_before_a_change_binds_and_before_its_notice_lapses(
    terms: Terms, clock: Clock
) -> None:
    assert terms.deposit_notice * clock.epoch_length_s >= clock.finality_s
    assert max(terms.deposit_notice, terms.settle_time) + 2 <= terms.change_notice
    assert terms.settle_time + 2 <= 2 * terms.deposit_notice


@pytest.mark.parametrize(("terms", "clock"), CLOCKS.values(), ids=CLOCKS)
def test_P11_stakes_and_vectors_wait_for_a_final_report_and_locks_for_an_answer(terms: Terms, clock: Clock) -> None:
    assert min(terms.unbonding, terms.settle_time) * clock.epoch_length_s > clock.finality_s
    assert terms.lock_time >= 4
