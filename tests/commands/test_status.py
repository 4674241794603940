"""`mirrorbond status` says how the measuring goes, to people and to programs."""

import json
import time
from pathlib import Path

import pytest
import typer

from oracle.commands.status import run
from oracle.errors import InvalidInput
from oracle.settings import settings
from oracle.store import facts
from oracle.store.db import close_store
from tests.fixtures.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger(tmp_path)
    monkeypatch.setenv("MIRRORBOND_HOME", str(tmp_path))
    settings.cache_clear()
    return made


@pytest.fixture(autouse=True)
def _forget_settings() -> object:
    yield
    close_store(settings().store_url())
    settings.cache_clear()


def work(ledger: Ledger) -> None:
    """A worker has just told of itself."""
    vitals = {"at_s": int(time.time()), "waiting": 3, "under_way": 1, "processes": 4}
    facts.put(ledger.engine, facts.VITALS + "node", vitals)


def test_it_is_told_in_words(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    work(ledger)
    ledger.vote(1, "UD", epoch=2)
    run(as_json=False)
    said = capsys.readouterr().out
    assert "epoch 2: slot 1 of 4" in said
    assert "votes of this epoch: 1 up, 1 down, 0 unknown" in said
    assert "worker: 4 processes, 1 tasks under way, 3 wait" in said


def test_it_is_told_as_json(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    work(ledger)
    run(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["epoch"], told["mirrors"], told["vitals"]["waiting"]) == (2, 2, 3)


def test_without_a_worker_it_fails(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left:
        run(as_json=False)
    assert left.value.exit_code == 1
    assert "worker: not heard of" in capsys.readouterr().out


def test_before_the_chain_was_indexed_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRRORBOND_HOME", str(tmp_path))
    settings.cache_clear()
    with pytest.raises(InvalidInput, match="holds no chain yet"):
        run(as_json=True)


def test_what_the_endpoint_left_out_is_told_with_the_mend(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    work(ledger)
    run(as_json=False)
    assert "left logs out" not in capsys.readouterr().out
    facts.put(ledger.engine, facts.COMPARED, {"epoch": 2, "left_out": ["the chain has 7 mirrors, the store 6"]})
    run(as_json=False)
    said = capsys.readouterr().out
    assert "mirrorbond index --anew" in said
    assert "  the chain has 7 mirrors, the store 6" in said
    run(as_json=True)
    assert json.loads(capsys.readouterr().out)["left_out"] == ["the chain has 7 mirrors, the store 6"]
