"""What is kept of questions that are no files: who owns a host, who was asked for what, how much, and who relays."""

from functools import partial

import pytest
import sqlalchemy as sa

from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store import cold, controls, history, sightings
from oracle.store.cold import Echo, Echoes
from oracle.store.controls import ControlCheck
from oracle.store.observations import now_ms, record_votes
from oracle.store.ownerships import Ownership, ownerships, record_ownership
from oracle.store.sightings import How
from oracle.store.tallies import Asked, Load, Tally, add_to_tallies, forget_tallies, load_of, tallies

F, M, N, R = FundId(1), MirrorId(3), MirrorId(4), "0x" + "ab" * 32


# ------------------------------------------------------------------------------------------------------- ownership


def test_the_last_word_of_a_host_stands_and_its_proof_is_remembered(store: sa.Engine) -> None:
    record_ownership(store, "node", M, 5, Reason.UP, "", at_ms=1)
    record_ownership(store, "other", M, 5, Reason.NOT_OWNER, "no", at_ms=1)
    heard = record_ownership(store, "node", M, 6, Reason.TIMEOUT, "slow", at_ms=2)
    assert ownerships(store, "node") == {M: heard}
    assert heard == Ownership(M, 6, 1, 5, Reason.TIMEOUT, "slow", 2)
    assert record_ownership(store, "node", M, 6, Reason.UP, "", at_ms=3).asks == 2


@pytest.mark.parametrize(
    ("proved", "reason", "holds"),
    [
        (7, Reason.UP, True),
        (6, Reason.UP, True),  # not asked yet in this epoch
        (6, Reason.TIMEOUT, True),
        (5, Reason.UP, False),
        (6, Reason.NOT_OWNER, False),
        (None, Reason.TIMEOUT, False),
    ],
)
def test_a_proof_holds_for_its_epoch_and_the_next_unless_the_host_says_otherwise(
    proved: int | None, reason: Reason, holds: bool
) -> None:
    assert Ownership(M, 7, 1, proved, reason, "", 0).holds(7) is holds


@pytest.mark.parametrize(
    ("proved", "reason", "suspect", "may"),
    [
        (None, Reason.NOT_OWNER, False, False),
        (None, Reason.TIMEOUT, False, False),  # it was asked
        (None, Reason.CONNECT, False, True),  # it never was
        (None, Reason.NOT_OWNER, True, False),
        (6, Reason.NOT_OWNER, False, True),  # its own operator's until just now
        (7, Reason.UP, False, False),
        (7, Reason.UP, True, True),
    ],
)
def test_a_host_is_asked_again_within_an_epoch_only_with_reason(
    proved: int | None, reason: Reason, suspect: bool, may: bool
) -> None:
    heard = Ownership(M, 7, 1, proved, reason, "", 1_000)
    assert heard.may_ask(7, 1_000, suspect=suspect) is may
    assert not heard.may_ask(7, 999, suspect=suspect)
    assert heard.may_ask(8, 0)


# ------------------------------------------------------------------------------------------------------ cold files


def test_a_cold_file_is_taken_once(store: sa.Engine) -> None:
    assert cold.take(store, "node", M, R, 7, 1)
    assert not cold.take(store, "node", M, R, 7, 2)
    assert cold.take(store, "node", N, R, 7, 2)
    assert cold.take(store, "other", M, R, 7, 2)
    assert cold.recent_files(store, "node", R, now_ms() - 60_000) == {7}
    assert cold.recent_files(store, "node", R, now_ms() + 60_000) == frozenset()
    assert cold.asked_files(store, "node", R, [M, N, MirrorId(9)]) == {M: {7}, N: {7}, MirrorId(9): set()}


def test_echoes_are_summed_over_an_epoch_where_somebody_listened(store: sa.Engine) -> None:
    for file in range(4):
        cold.take(store, "node", M, R, file, 1)
    cold.take(store, "node", N, R, 9, 2)
    cold.record_echoes(store, "node", R, [Echo(M, 0, True, False), Echo(M, 1, True, True), Echo(M, 2, False, False)])
    assert cold.echoes(store, "node", R, 1) == {M: Echoes(3, 2, 1)}
    assert cold.echoes(store, "node", R, 2) == {}
    assert cold.forget_cold_asks(store, ["0x"]) == 0
    assert cold.forget_cold_asks(store, [R]) == 5


# ---------------------------------------------------------------------------------------------- tallies, sightings


def test_tallies_add_up_and_flags_stay_until_they_are_told_otherwise(store: sa.Engine) -> None:
    add_to_tallies(store, F, 1, "node", [Asked(M, 3, 100, hidden=True), Asked(PRIMARY, 1, 5)])
    add_to_tallies(store, F, 1, "node", [Asked(M, 2, 50, cold_failed=True)])
    add_to_tallies(store, F, 1, "node", [])
    assert tallies(store, F, 1, "node") == {M: Tally(M, 5, 150, True, True), PRIMARY: Tally(PRIMARY, 1, 5)}
    add_to_tallies(store, F, 1, "node", [Asked(M, 0, 0, hidden=False, cold_failed=False)])
    assert tallies(store, F, 1, "node")[M] == Tally(M, 5, 150)
    assert tallies(store, F, 2, "node") == tallies(store, F, 1, "other") == {}
    add_to_tallies(store, F, 1, "node", [Asked(M, read_requests=7, read_bytes=70, hidden_path="a")])
    add_to_tallies(store, F, 1, "node", [Asked(M, read_requests=1, read_bytes=1)])
    assert tallies(store, F, 1, "node")[M] == Tally(M, 5, 150, read_requests=8, read_bytes=71, hidden_path="a")
    with store.connect() as connection:
        assert load_of(connection, F, M, 1) == [Load("node", 13, 221)]
    assert forget_tallies(store, 2) == 2


def test_who_was_caught_relaying_stays_caught_for_the_epoch(store: sa.Engine) -> None:
    sightings.record_sighting(store, "node", F, M, 1, How.CANARY, "first")
    sightings.record_sighting(store, "node", F, M, 1, How.CANARY, "second")
    sightings.record_sighting(store, "node", F, N, 2, How.ECHO, "x" * 500)
    assert sightings.relaying(store, "node", F, 1) == {M}
    assert sightings.relaying(store, "node", F, 2) == {N}
    assert sightings.relaying(store, "other", F, 1) == frozenset()
    assert sightings.forget_sightings(store, 2) == 1
    assert sightings.relaying(store, "node", F, 2) == {N}


# ---------------------------------------------------------------------------------------------- controls, history


@pytest.mark.parametrize(
    ("check", "doubt"),
    [
        (ControlCheck(0, 3, 1), ""),
        (ControlCheck(0, 2, 1), ""),
        (ControlCheck(0, 3, 2), "2 of this node's 3"),
        (ControlCheck(0, 3, 0, 9_000), ""),
        (ControlCheck(0, 3, 0, 11_000), "11000 ms ahead"),
        (ControlCheck(0, 3, 0, -11_000), "-11000 ms ahead"),
    ],
)
def test_a_node_doubts_itself_when_most_controls_fail_or_its_clock_is_off(check: ControlCheck, doubt: str) -> None:
    assert doubt in check.doubt
    assert bool(check.doubt) == bool(doubt)


def test_control_checks_are_kept_for_a_day(store: sa.Engine) -> None:
    for at_ms in (0, 86_400_001, 86_400_002):
        controls.record_control_check(store, "node", ControlCheck(at_ms, 1, 0))
    assert [check.at_ms for check in controls.control_checks_since(store, "node", 0)] == [86_400_001, 86_400_002]
    assert [check.at_ms for check in controls.control_checks_since(store, "node", 86_400_002)] == [86_400_002]
    assert controls.control_checks_since(store, "other", 0) == []


def test_the_slot_before_the_first_is_the_last_of_the_epoch_before(store: sa.Engine) -> None:
    votes = [
        Vote(F, M, Epoch(epoch), Slot(slot), Reason.UP if epoch else Reason.DNS) for epoch in (0, 1) for slot in (0, 1)
    ]
    record_votes(store, "node", votes)
    at = partial(history.reasons_at, store)
    assert at("node", *history.slot_before(1, 1, 2), {F: [M]}) == {F: {M: Reason.UP}}
    assert at("node", *history.slot_before(1, 0, 2), {F: [M]}) == {F: {M: Reason.DNS}}
    assert at("other", *history.slot_before(1, 0, 2), {F: [M]}) == {F: {}}
    assert at("node", 1, 0, {F: [PRIMARY]}) == {F: {}}
