"""What binds for all funds at once is what binds for each."""

from pathlib import Path

from oracle.model import Epoch, FundId, MirrorId
from oracle.store import ledger
from oracle.store.binding import chain_view, mirror_ids, mirrors_among, releases_of_funds
from oracle.store.history import KEPT, releases_of
from tests.fixtures.ledger import Ledger

FUND = FundId(1)


def test_mirrors_and_releases_are_those_of_each_fund(tmp_path: Path) -> None:
    made = Ledger(tmp_path, mirrors=3)
    made.register(3, start=5)
    for sequence in range(2, KEPT + 4):
        made.publish(sequence, f"0x{sequence:064x}", binds_from=sequence)
    for epoch in (Epoch(2), Epoch(5)):
        one_by_one = ledger.mirrors_at(made.engine, FUND, epoch)
        assert mirror_ids(made.engine, epoch) == {FUND: tuple(mirror.mirror for mirror in one_by_one)}
        assert (
            mirrors_among(made.engine, [MirrorId(1), MirrorId(2), MirrorId(3)]).items()
            >= {mirror.mirror: mirror for mirror in one_by_one}.items()
        )
    assert releases_of_funds(made.engine) == {FUND: releases_of(made.engine, FUND)}


def test_the_view_of_the_chain_changes_with_each_block(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    before = chain_view(made.engine)
    assert chain_view(made.engine) == before
    made.another_block()
    assert chain_view(made.engine) != before
