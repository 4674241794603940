"""The contracts and the model agree to the wei; and where they do not, it is seen."""

from __future__ import annotations

from collections import Counter, deque

import pytest

from tests.differential.campaign import Tally, play
from tests.differential.model import bonds, locks, settlement, shares, tokens
from tests.differential.propose import ACTIONS
from tests.differential.sequence import Difference, run

SEQUENCES, BATCHES = 150, 10
CORNERS = (
    "epochs paid", "epochs missed", "epochs given up", "epochs voided", "deposits left", "positions taken over",
    "terms changed", "funds rebased", "funds spent to nothing", "funds below zero", "locks burned", "locks released",
)  # fmt: skip


@pytest.fixture(scope="module")
def played() -> Tally:
    return Tally()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_contracts_and_model_agree_to_the_wei(batch: int, played: Tally) -> None:
    size = SEQUENCES // BATCHES
    tally = play(range(batch * size, (batch + 1) * size))
    assert tally.differences == []
    played.add(tally)


def test_the_sequences_come_to_every_corner(played: Tally) -> None:
    if played.sequences != SEQUENCES:
        pytest.skip("only all sequences together do")
    assert played.succeeded * 3 >= played.calls.total() * 2, "most calls are valid"
    assert [name for name in ACTIONS if not played.calls[name, ""]] == [], "never succeeded"
    assert [corner for corner in CORNERS if not played.reached[corner]] == [], "never reached"


WRONG: list[tuple[object, str, object]] = [
    (shares, "ceil_div", lambda one, other: one // other),
    (settlement, "BPS", 10_001),
    (settlement, "ONE", 10**9 + 1),
    (locks, "BPS", 9_999),
    (bonds, "notice", lambda _: 1),
    (tokens, "permit", lambda *_: None),
]


@pytest.mark.parametrize(("module", "name", "value"), WRONG, ids=[name for _, name, _ in WRONG])
def test_a_model_that_is_wrong_in_one_number_is_found_out(
    module: object, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    with pytest.raises(Difference):
        deque(map(run, range(SEQUENCES)), maxlen=0)


def test_a_sequence_is_the_same_whenever_it_is_played() -> None:
    assert run(7).calls == run(7).calls != Counter()
