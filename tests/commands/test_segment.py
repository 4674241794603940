"""`mirrorbond segment` prints raw votes, and only those that were signed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oracle.commands.segment import run
from oracle.errors import InvalidInput
from oracle.model import Digest, Epoch
from oracle.report import close_epoch
from oracle.segments import read_segment
from oracle.settings import settings
from oracle.store.db import close_store
from oracle.store.segments import load_segment, save_segments
from tests.fixtures.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("MIRRORBOND_HOME", str(tmp_path))
    settings.cache_clear()
    made = Ledger(tmp_path)
    made.vote(1, "U.UD")
    close_epoch(made.context, Epoch(1))
    yield made
    close_store(settings().store_url())
    settings.cache_clear()


def test_the_votes_are_printed(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    run(fund=1, epoch=1, as_json=False)
    first, *votes = capsys.readouterr().out.splitlines()
    assert "3 votes of node" in first
    assert votes == ["mirror 1 slot 0: up (10 ms)", "mirror 1 slot 2: up (12 ms)", "mirror 1 slot 3: timeout"]


def test_the_segment_is_printed_byte_for_byte(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    run(fund=1, epoch=1, as_json=True)
    found = load_segment(ledger.engine, 1, 1, "node")
    assert found is not None
    assert read_segment(capsys.readouterr().out.rstrip().encode()).digest == found.digest


def test_another_segment_than_was_signed_is_refused(ledger: Ledger) -> None:
    found = load_segment(ledger.engine, 1, 1, "node")
    assert found is not None
    save_segments(ledger.engine, [replace(found, digest=Digest("0x" + "ab" * 32))])
    with pytest.raises(InvalidInput, match="has the digest"):
        run(fund=1, epoch=1, as_json=False)


def test_an_epoch_without_one_is_told(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="no segment of epoch 9"):
        run(fund=1, epoch=9, as_json=False)
