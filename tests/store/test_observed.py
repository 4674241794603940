"""One row a mirror and epoch says what all its votes say."""

import pytest
import sqlalchemy as sa
from alembic import command
from hypothesis import given
from hypothesis import strategies as st

from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Reason, Slot, Vote, VoteState, state_of
from oracle.store.db import open_store, reading
from oracle.store.migrate import configuration
from oracle.store.observations import record_votes, votes_of
from oracle.store.observed import LETTERS, NO_VOTE, Observed, Sums, forget_observed, observed, sums

F, M, N, EPOCH = FundId(1), MirrorId(3), MirrorId(4), Epoch(7)


def vote(slot: int, reason: Reason = Reason.UP, mirror: MirrorId = M, latency_ms: int | None = None) -> Vote:
    return Vote(F, mirror, EPOCH, Slot(slot), reason, latency_ms=latency_ms)


def seen(store: sa.Engine, *mirrors: MirrorId) -> dict[int, list[Observed]]:
    with reading(store) as connection:
        return observed(connection, F, EPOCH, mirrors)


def test_every_vote_has_a_letter_of_its_own() -> None:
    for reason in Reason:
        try:
            state_of(reason)
        except ValueError:
            assert reason not in LETTERS
        else:
            assert len(LETTERS[reason]) == 1
    assert len({*LETTERS.values(), NO_VOTE}) == len(LETTERS) + 1


def test_votes_come_to_one_row_with_their_sums(store: sa.Engine) -> None:
    record_votes(store, "node", [vote(2, latency_ms=30), vote(0, latency_ms=50), vote(2, mirror=N)])
    record_votes(store, "node", [vote(4, Reason.TIMEOUT), vote(5, Reason.SELF_DOUBT), vote(2, Reason.DNS)])
    record_votes(store, "other", [vote(0, Reason.WRONG_BYTES)])
    found = seen(store, M, N, PRIMARY)
    assert found[M] == [
        Observed(F, EPOCH, M, "node", "U U td", 2, 1, 1, 80, 50),
        Observed(F, EPOCH, M, "other", "W", 0, 1, 0),
    ]
    assert found[M][0].reasons == {Reason.UP: 2, Reason.TIMEOUT: 1, Reason.SELF_DOUBT: 1}
    assert (len(found[N]), found[PRIMARY]) == (1, [])
    with reading(store) as connection:
        told = sums(connection, "node", EPOCH)
    assert told == Sums(EPOCH, 5, {Reason.UP: 3, Reason.TIMEOUT: 1, Reason.SELF_DOUBT: 1})


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([Reason.UP, Reason.DNS, Reason.NOT_MEASURED])), max_size=20)
)
def test_the_first_vote_of_a_slot_stands_in_any_order(cast: list[tuple[int, Reason]]) -> None:
    row, first = Observed(F, EPOCH, M, "node"), dict(reversed(cast))
    for slot, reason in cast:
        row.take(vote(slot, reason))
    kept = {slot: letter for slot, letter in enumerate(row.slots) if letter != NO_VOTE}
    assert kept == {slot: LETTERS[reason] for slot, reason in first.items()}
    counts = [sum(state_of(reason) is state for reason in first.values()) for state in VoteState]
    assert [row.ups, row.downs, row.unknowns] == counts


def test_the_row_and_the_votes_agree(store: sa.Engine) -> None:
    for _ in range(2):
        record_votes(store, "node", [vote(slot, Reason.UP if slot % 3 else Reason.TLS) for slot in range(9)])
    letters = "".join(LETTERS[one.reason] for one in votes_of(store, F, EPOCH, "node"))
    assert seen(store, M)[M][0].slots == letters


def test_old_rows_are_forgotten(store: sa.Engine) -> None:
    record_votes(store, "node", [vote(0)])
    assert forget_observed(store, EPOCH) == 0
    assert forget_observed(store, EPOCH + 1) == 1
    assert seen(store, M)[M] == []


@pytest.mark.parametrize("slots", [3])
def test_an_older_stores_votes_get_their_rows(file_store_url: str, slots: int) -> None:
    engine, config = sa.create_engine(file_store_url), configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        text = "INSERT INTO votes VALUES (1, 7, 3, :slot, 'node', 'up', 10 + :slot, NULL, NULL, '', 1, NULL, '')"
        for slot in range(slots):
            connection.execute(sa.text(text), {"slot": slot})
    engine.dispose()
    assert seen(open_store(file_store_url), M)[M] == [Observed(F, EPOCH, M, "node", "UUU", 3, 0, 0, 33, 12)]
