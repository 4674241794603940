"""What the pages show of the seeded fund, and of funds of which little is known."""

import dataclasses
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from oracle.model import Clock, FundId, VoteState
from oracle.store import moment as moments
from oracle.store import pages
from oracle.store.db import reading, writing
from oracle.store.mirrors import Stage
from oracle.store.moment import Moment
from oracle.store.observations import now_ms
from oracle.store.pages import FundView, fund_epochs, fund_ids, fund_token, fund_view, mirror_page
from oracle.store.reports import save_evidence
from oracle.store.tables import mirrors
from tests.fixtures import seeded
from tests.fixtures.seeded import NOW_EPOCH, REWARD_WEI, seed, seed_chain, seed_fund


@pytest.fixture
def moment(file_store: sa.Engine) -> Iterator[Moment]:
    clock = seed(file_store)
    seed_fund(file_store, fund=2, app="Bare")
    with reading(file_store) as connection:
        found = moments.moment(connection, (clock.start_s(NOW_EPOCH) + 10) * 1000)
        assert found is not None
        yield found


def view_of(moment: Moment, fund: int) -> FundView:
    view = fund_view(moment, fund)
    assert view is not None
    return view


def test_mirrors_come_by_rank_then_newcomers_then_those_that_ended(moment: Moment) -> None:
    found = view_of(moment, 1).mirrors
    assert [mirror.mirror for mirror in found] == [1, 2, 3, 4, 5, 6, 7, 9, 8]
    assert [mirror.rank for mirror in found] == [0, 1, 2, 3, 4, 5, 6, None, None]
    assert [mirror.stage for mirror in found[6:]] == [Stage.COUNTING, Stage.STARTING, Stage.ENDED]


def test_live_counts_only_mirrors_that_count_in_this_epoch(moment: Moment) -> None:
    view = view_of(moment, 1)
    assert (view.live, view.counting) == (5, 7)
    states = {mirror.mirror: mirror.now.state for mirror in view.mirrors}
    assert (states[5], states[6], states[9]) == (VoteState.DOWN, VoteState.UNKNOWN, VoteState.UNKNOWN)


def test_money_of_mirrors_and_epochs_adds_up(moment: Moment) -> None:
    view = view_of(moment, 1)
    settled = [epoch for epoch in view.epochs if epoch.paid_wei is not None]
    for epoch in settled:
        assert epoch.paid_wei == (epoch.fee_wei or 0) + sum(credit.amount_wei for credit in epoch.credits)
        assert epoch.paid_wei + (epoch.returned_wei or 0) == REWARD_WEI
    credited = sum(mirror.earned.credited_wei for mirror in view.mirrors)
    assert credited == sum(epoch.paid_wei or 0 for epoch in settled) - view.treasury.fee_wei
    first = next(mirror.earned for mirror in view.mirrors if mirror.mirror == 1)
    assert 0 < first.withdrawn_wei < first.credited_wei
    assert first.available_wei == first.credited_wei - first.withdrawn_wei


def test_epochs_have_their_outcome_and_none_where_nothing_is_known(moment: Moment) -> None:
    found = view_of(moment, 1).epochs
    assert [epoch.outcome for epoch in reversed(found)] == list(seeded.EPOCHS)
    running, missed = found[0], found[4]
    assert (running.paid_wei, running.n_eff, running.report) == (None, None, None)
    assert (missed.paid_wei, missed.returned_wei, missed.n_eff) == (0, REWARD_WEI, None)
    assert found[5].outage_slots == 6


def test_availability_has_its_coverage(moment: Moment) -> None:
    weighed = {mirror.mirror: mirror.weighed for mirror in view_of(moment, 1).mirrors}[5]
    assert weighed is not None
    assert (weighed.up_slots, weighed.known_slots, weighed.availability_bps, weighed.coverage_bps) == (
        14,
        19,
        7368,
        9500,
    )


def test_a_release_is_current_only_where_it_was_read(moment: Moment) -> None:
    current = {mirror.mirror: mirror.release_current for mirror in view_of(moment, 1).mirrors}
    assert (current[1], current[6], current[9]) == (True, None, None)


def test_a_fund_without_mirrors_knows_nothing_and_says_so(moment: Moment) -> None:
    view = view_of(moment, 2)
    assert (view.mirrors, view.live, view.counting, view.n_eff) == ((), 0, 0, None)
    assert view.primary.now.state is VoteState.UNKNOWN
    assert view.primary.running.up == 0


def test_every_database_tells_the_same(store: sa.Engine, moment: Moment) -> None:
    seed(store, now_s=moment.clock.start_s(NOW_EPOCH) + 10)
    with reading(store) as connection:
        there = moments.moment(connection, moment.now_ms)
        assert there is not None
        for read in (fund_view, mirror_page):
            ours, theirs = read(moment, 1), read(there, 1)
            assert ours is not None
            assert theirs is not None
            assert dataclasses.replace(theirs, moment=moment) == ours


def test_live_is_unknown_when_no_vote_is_fresh(file_store: sa.Engine) -> None:
    clock = seed(file_store)
    with reading(file_store) as connection:
        later = moments.moment(connection, (clock.start_s(NOW_EPOCH) + 3_600) * 1000)
        assert later is not None
        assert view_of(later, 1).live is None


def test_of_many_deposits_the_newest_are_shown_and_all_are_counted(
    moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "DEPOSITS_SHOWN", 2)
    view = view_of(moment, 1)
    assert [deposit.deposit for deposit in view.deposits] == [13, 12]
    assert view.deposit_count == 3
    assert view.treasury.deposited_wei == 520 * 10**18


def test_a_mirrors_address_is_whole_to_the_contracts_limit(file_store: sa.Engine) -> None:
    clock, url = seed(file_store), "https://a.example/" + "m" * 494
    with writing(file_store) as connection:
        connection.execute(sa.update(mirrors).where(mirrors.c.mirror == 1).values(url=url))
    with reading(file_store) as connection:
        now = moments.moment(connection, clock.start_s(NOW_EPOCH) * 1000)
        assert now is not None
        assert [mirror.url for mirror in view_of(now, 1).mirrors if mirror.mirror == 1] == [url]


def test_funds_come_page_by_page(moment: Moment) -> None:
    assert fund_ids(moment.connection) == [1, 2]
    assert fund_ids(moment.connection, after=1) == [2]
    assert fund_ids(moment.connection, limit=1) == [1]


def test_epochs_come_page_by_page(moment: Moment) -> None:
    first = fund_epochs(moment, 1, limit=3) or []
    second = fund_epochs(moment, 1, limit=3, before=first[-1].epoch) or []
    assert [epoch.epoch for epoch in [*first, *second]] == [7, 6, 5, 4, 3, 2]
    assert fund_epochs(moment, 99, limit=3) is None


def test_what_does_not_exist_is_none(moment: Moment) -> None:
    assert fund_view(moment, 99) is None
    assert mirror_page(moment, 99) is None
    assert fund_token(moment, 99) is None


def test_a_mirrors_page_has_its_votes_newest_first(moment: Moment) -> None:
    page = mirror_page(moment, 5)
    assert page is not None
    at = [(cast.vote.epoch, cast.vote.slot) for cast in page.votes]
    assert at == sorted(at, reverse=True)
    assert at[0] == (NOW_EPOCH, 9)
    assert [epoch.epoch for epoch in page.epochs] == [5, 4, 2, 1]


def test_a_result_of_another_version_is_unknown(file_store: sa.Engine) -> None:
    clock = seed_chain_only(file_store)
    save_evidence(file_store, 1, 1, {}, {FundId(1): {"n_eff": "many"}})
    with reading(file_store) as connection:
        found = moments.moment(connection, now_ms())
        assert found is not None
        assert found.clock == clock
        assert view_of(found, 1).n_eff is None


def seed_chain_only(store: sa.Engine) -> Clock:
    clock = Clock(now_ms() // 1000 - 50, 20, 20, 3)
    seed_chain(store, clock, now_ms() // 1000)
    seed_fund(store)
    return clock
