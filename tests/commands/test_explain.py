"""`mirrorbond explain` tells what the chain credited, and why where that is not what the weights give."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oracle.commands.explain import run
from oracle.model import Epoch
from oracle.report import close_epoch
from oracle.settings import settings
from oracle.store.db import close_store
from tests.fixtures.ledger import FEE_BPS, REWARD_WEI, Ledger

DUE = REWARD_WEI * (10_000 - FEE_BPS) // 10_000 // 4
"""By half of an effective mirror, as it has not been tested, of a target of two."""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("MIRRORBOND_HOME", str(tmp_path))
    settings.cache_clear()
    made = Ledger(tmp_path)
    made.vote_all()
    close_epoch(made.context, Epoch(1))
    yield made
    close_store(settings().store_url())
    settings.cache_clear()


def explained(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    run(mirror=1, epoch=1, as_json=True)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    run(mirror=1, epoch=1, as_json=False)
    assert capsys.readouterr().out.splitlines() == told["sentences"]
    return told


def test_before_the_settlement_it_is_what_the_weights_give(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(capsys)
    assert (told["credited"], told["due"], told["settlement"]) == (str(DUE), str(DUE), None)
    assert told["sentences"][-1] == "The epoch is not settled yet."


@pytest.mark.parametrize(
    ("settlement", "credited", "reason"),
    [
        ("voided", 0, "as the fund's arbiter voided the report"),
        ("given_up", 0, "as nobody showed the report's weights in time"),
        ("paid", DUE - 1, "by other weights: see `mirrorbond verify --epoch 1`"),
    ],
)
def test_what_the_chain_credited_is_told_with_the_reason(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], settlement: str, credited: int, reason: str
) -> None:
    ledger.settled(1, "0x", credited, 0, {1: (1, credited)} if credited else {}, settlement)
    told = explained(capsys)
    assert (told["credited"], told["due"], told["settlement"]) == (str(credited), str(DUE), settlement)
    tx = "0x" + "22" * 32
    assert told["sentences"][-1] == (
        f"The epoch is settled as {settlement} by {tx}: {credited} was credited and not {DUE}, {reason}."
    )


def test_an_epoch_paid_by_its_weights_needs_no_more_words(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.settled(1, "0x", DUE, 0, {1: (1, DUE)})
    assert explained(capsys)["sentences"][-1] == f"The epoch is settled as paid by 0x{'22' * 32}."
