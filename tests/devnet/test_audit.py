"""Each rule of the accounting is checked: books that break it are told apart from books that hold."""

from dataclasses import replace
from typing import Any

import pytest

from oracle.chain.structs import Offer
from oracle.devnet.audit import Books, Settled, credits_of, failures
from oracle.model import ONE

REWARD = 1_000
OFFER = Offer(reward_wei=REWARD, target=2, fee_bps=500, committee=1)
VECTOR = (ONE).to_bytes(4, "big") + (ONE // 2 | 1 << 31).to_bytes(4, "big")
# net 950: 475 for a weight of ONE, 237 (rounded down) for half of it, 50 for the committee
PAID = Settled(1, 0, 475 + 237 + 50, 50, REWARD - 762, VECTOR)
MISSED = Settled(2, 1, 0, 0, REWARD, b"")
BOOKS = Books(
    offer=OFFER,
    settled=(PAID, MISSED),
    reports=(1,),
    positions={7: 0, 8: 1},
    credit_wei={7: 0, 8: 100},
    withdrawn_wei={7: 475, 8: 137},
    received_wei={7: 475, 8: 137},
    fees_open_wei=20,
    fees_withdrawn_wei=30,
    deposited_wei=5_000,
    unspent_wei=5_000 - 762,
    held_wei=5_000 - 475 - 137 - 30,
    stakes_wei=10,
    stakes_held_wei=10,
)


def test_books_that_hold_have_no_failures() -> None:
    assert failures(BOOKS, [1]) == []


def test_credits_follow_from_the_vectors() -> None:
    assert credits_of(BOOKS, 7) == {1: 475, 2: 0}
    assert credits_of(BOOKS, 8) == {1: 237, 2: 0}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"reports": ()}, "has 0 reports"),
        ({"reports": (1, 1)}, "has 2 reports"),
        ({"settled": (MISSED,)}, "settled with its weights 0 times"),
        ({"settled": (replace(PAID, returned_wei=0), MISSED)}, "are not the reward"),
        ({"settled": (replace(PAID, paid_wei=763, returned_wei=237), MISSED)}, "by its weights 762"),
        ({"settled": (replace(PAID, fee_wei=49), MISSED)}, "credits and fee are not what was paid"),
        ({"credit_wei": {7: 1, 8: 100}}, "mirror 7: credited 475"),
        ({"received_wei": {7: 474, 8: 137}}, "mirror 7: withdrew 475, its account has 474"),
        ({"deposited_wei": 1_999}, "deposited 1999 (P1)"),
        ({"fees_open_wei": 21}, "are not what the epochs paid (P1)"),
        ({"unspent_wei": 5_000}, "less what was paid (P1)"),
        ({"held_wei": BOOKS.held_wei - 1}, "less than credits, fees and unspent money (P1)"),
        ({"stakes_held_wei": 9}, "stakes are 10 (P1)"),
    ],
)
def test_broken_books_are_told(broken: dict[str, Any], told: str) -> None:
    assert told in "; ".join(failures(replace(BOOKS, **broken), [1]))


def test_weights_above_the_target_are_told() -> None:
    too_much = replace(PAID, vector=(ONE).to_bytes(4, "big") * 3)
    assert failures(replace(BOOKS, settled=(too_much,)), [1]) == ["epoch 1: the weights exceed the target (P2)"]


def test_paying_more_than_the_reward_is_told() -> None:
    too_much = replace(PAID, paid_wei=REWARD + 1)
    assert failures(replace(BOOKS, settled=(too_much,)), [1]) == ["epoch 1: paid more than its reward (P2)"]
