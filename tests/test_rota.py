"""Who is probed when: every mirror once a slot, in a slice that the settings of a node do not change."""

from collections import Counter
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest

from oracle.assignment import assignment
from oracle.model import PRIMARY, Clock, Epoch, FundId, MirrorId, Slot
from oracle.rota import Grid, Rota, Shard, members_of, rota, shards_of, slice_count, slices, span_of
from oracle.schedule import probe_times, slice_of, subject_of
from tests.fixtures.ledger import Ledger

SECRET = sha256(b"rota").digest()
CLOCK = Clock(1_000_000, 86_400, 600, 600)
GRID = Grid(288, 10_000)
EPOCH, SLOT = Epoch(1), Slot(7)


def made(funds: int, mirrors: int) -> Rota:
    """Funds with so many mirrors each, all alike."""
    ids = {
        FundId(fund): (PRIMARY, *(MirrorId(1_000 * fund + n) for n in range(mirrors))) for fund in range(1, funds + 1)
    }
    of = Rota(EPOCH, {}, ids)
    of.__dict__["grids"] = {GRID: list(ids)}
    return of


def everybody(of: Rota) -> Counter[tuple[int, int]]:
    return Counter((fund, mirror) for fund, ids in of.members.items() for mirror in ids)


def probed(of: Rota, size: int) -> Counter[tuple[int, int]]:
    """Who is in the shards of all slices of a slot."""
    found: Counter[tuple[int, int]] = Counter()
    for part in range(slice_count(CLOCK, EPOCH, SLOT, GRID)):
        for shard in shards_of(of, GRID, SECRET, CLOCK, SLOT, part, size):
            members = members_of(of, shard, SECRET, CLOCK)
            assert members
            found.update((fund, mirror) for fund, ids in members.items() for mirror in ids)
    return found


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_everybody_is_probed_once_a_slot_however_large_shards_are(size: int) -> None:
    of = made(funds=9, mirrors=20)
    assert probed(of, size) == everybody(of)


def test_a_shard_has_about_its_size_and_whole_funds() -> None:
    of = made(funds=40, mirrors=100)  # about 290 in each of 14 slices
    shards = shards_of(of, GRID, SECRET, CLOCK, SLOT, 3, 100)
    sizes = [sum(map(len, members_of(of, shard, SECRET, CLOCK).values())) for shard in shards]
    assert len(sizes) == 3
    assert all(60 <= size <= 140 for size in sizes)
    whose = [fund for shard in shards for fund in members_of(of, shard, SECRET, CLOCK)]
    assert len(whose) == len(set(whose))


def test_a_slice_has_who_is_asked_within_it() -> None:
    of, count = made(funds=3, mirrors=50), slice_count(CLOCK, EPOCH, SLOT, GRID)
    for part, members in enumerate(slices(of, GRID, SECRET, SLOT, count)):
        span = span_of(CLOCK, EPOCH, SLOT, GRID, part)
        for fund, ids in members.items():
            for number in (subject_of(fund, mirror) for mirror in ids):
                assert slice_of(SECRET, number, EPOCH, SLOT, count) == part
                for into_ms in islice(probe_times(SECRET, number, EPOCH, SLOT, span.slot_ms, GRID.timeout_ms), 5):
                    assert span.begin_ms <= span.slot_start_ms + into_ms < span.end_ms


def test_slices_lie_end_to_end_and_leave_time_for_answers() -> None:
    spans = [span_of(CLOCK, EPOCH, SLOT, GRID, part) for part in range(slice_count(CLOCK, EPOCH, SLOT, GRID))]
    assert [span.end_ms for span in spans[:-1]] == [span.begin_ms for span in spans[1:]]
    start_ms = CLOCK.start_s(EPOCH) * 1000 + SLOT * 300_000
    assert (spans[0].begin_ms, spans[-1].end_ms) == (start_ms, start_ms + 287_000)
    assert {span.latest_ms for span in spans} == {start_ms + 290_000}
    with pytest.raises(ValueError, match="slice 14 of 14"):
        span_of(CLOCK, EPOCH, SLOT, GRID, 14)


def test_the_load_is_even_over_the_slices() -> None:
    sizes = [sum(map(len, part.values())) for part in slices(made(40, 100), GRID, SECRET, SLOT, 14)]
    assert max(sizes) < 1.3 * min(sizes)  # about 290 each


def test_a_slice_that_there_is_none_of_has_nobody() -> None:
    assert members_of(made(1, 5), Shard(EPOCH, SLOT, GRID, 14, 0, 1), SECRET, CLOCK) == {}
    assert members_of(made(1, 5), Shard(EPOCH, SLOT, Grid(288, 5_000), 0, 0, 1), SECRET, CLOCK) == {}


def test_a_shard_is_the_same_as_numbers() -> None:
    shard = Shard(EPOCH, SLOT, GRID, 2, 1, 3)
    assert Shard.of(*shard.args) == shard


def test_the_rota_is_what_the_chain_says_of_each_fund_and_follows_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    of = rota(ledger.engine, 1, 2)
    task = assignment(ledger.engine, 1, 2)
    assert task is not None
    known = of.funds[FundId(1)]
    assert (known.offer, known.policy, known.release) == (task.offer, task.policy, task.release)
    assert (known.releases, of.members[FundId(1)]) == (task.releases, task.ids)
    assert rota(ledger.engine, 1, 2) is of
    ledger.register(2, start=3)
    assert rota(ledger.engine, 1, 2).members == {1: (PRIMARY, 1)}
    assert rota(ledger.engine, 1, 3).members == {1: (PRIMARY, 1, 2)}
    assert rota(ledger.engine, 2, 2).funds == {}
