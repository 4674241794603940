"""Facts are JSON by name."""

import sqlalchemy as sa

from oracle.model import Clock
from oracle.store import facts


def test_a_fact_is_replaced_by_the_next(store: sa.Engine) -> None:
    assert facts.get(store, facts.CHAIN_ID) is None
    facts.put(store, facts.CHAIN_ID, 1)
    facts.put(store, facts.CHAIN_ID, 31337)
    assert facts.get(store, facts.CHAIN_ID) == 31337


def test_the_clock_comes_back(store: sa.Engine) -> None:
    assert facts.get_clock(store) is None
    clock = Clock(genesis_s=1_700_000_000, epoch_length_s=20, grace_s=20, window_s=3)
    facts.put_clock(store, clock)
    assert facts.get_clock(store) == clock


def test_the_first_of_a_fact_stands(store: sa.Engine) -> None:
    assert facts.put_first(store, facts.SECRET + "node", "0xaa") == "0xaa"
    assert facts.put_first(store, facts.SECRET + "node", "0xbb") == "0xaa"
    assert facts.put_first(store, facts.SECRET + "other", "0xbb") == "0xbb"
