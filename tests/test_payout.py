"""An epoch's reward is split to the last unit, as the contract splits it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.errors import InvalidInput
from oracle.model import FULL_BPS, ONE
from oracle.payout import Payout, shares, unpaid
from tests.fixtures.golden import cases


@pytest.mark.parametrize("case", cases("payout"))
def test_golden_payouts(case: dict[str, Any]) -> None:
    asked, expected = case["given"], case["expected"]
    payout = shares(int(asked["reward"]), asked["target"], asked["fee_bps"], dict(enumerate(asked["weights"])))
    assert [payout.fee, payout.paid, payout.returned] == [int(expected[key]) for key in ("fee", "paid", "returned")]
    assert list(payout.credits.values()) == [int(credit) for credit in expected["credits"]]


@given(
    reward=st.integers(0, (1 << 96) - 1),
    target=st.integers(1, 256),
    fee_bps=st.integers(0, FULL_BPS),
    parts=st.lists(st.integers(0, ONE), max_size=20),
)
def test_paid_and_returned_are_the_reward(reward: int, target: int, fee_bps: int, parts: list[int]) -> None:
    payout = shares(reward, target, fee_bps, dict(enumerate(parts[:target])))
    assert payout.paid + payout.returned == reward
    assert payout.paid == payout.fee + sum(payout.credits.values())
    assert payout.returned >= 0
    assert min(payout.credits.values(), default=0) >= 0


def test_the_price_of_one_effective_mirror_does_not_depend_on_the_others() -> None:
    alone, together = (shares(1_000, 4, 0, dict.fromkeys(range(n), ONE)) for n in (1, 4))
    assert alone.credits[0] == together.credits[0] == 250


def test_weights_over_the_target_are_refused_as_in_the_contract() -> None:
    assert shares(10, 2, 0, {1: ONE, 2: ONE}).returned == 0
    with pytest.raises(InvalidInput, match="exceeds the target"):
        shares(10, 2, 0, {1: ONE, 2: ONE, 3: 1})


@pytest.mark.parametrize(("target", "weights"), [(0, {}), (1, {1: -1})])
def test_what_no_contract_could_hold_is_refused(target: int, weights: dict[int, int]) -> None:
    with pytest.raises(InvalidInput):
        shares(10, target, 0, weights)


def test_an_epoch_without_mirrors_pays_no_fee_as_in_the_contract() -> None:
    payout: Payout[int] = shares(1_000, 3, 500, {})
    assert (payout.paid, payout.fee, payout.returned) == (0, 0, 1_000)
    assert shares(1_000, 3, 500, {1: 0}).fee == 50


def test_a_missed_epoch_returns_all() -> None:
    payout: Payout[int] = unpaid(77)
    assert (payout.paid, payout.fee, payout.returned, dict(payout.credits)) == (0, 0, 77, {})
