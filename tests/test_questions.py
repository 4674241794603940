"""What a mirror is asked over an epoch: everything that is planned, nothing that is not, and each as often as said."""

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from oracle.assignment import Assignment
from oracle.budget import plan
from oracle.checks import Check
from oracle.manifest import Manifest, ReleaseFile, compose
from oracle.model import (
    PRIMARY,
    Address,
    CommitteeId,
    Digest,
    Epoch,
    FundId,
    MirrorId,
    Policy,
    Reason,
    Slot,
    VoteState,
)
from oracle.probes.address import Located, parse_url
from oracle.probes.integrity import expect
from oracle.probes.question import Kind, Question
from oracle.probes.route import USUAL, Route
from oracle.questions import cold_due, cold_is_due, controls_for, is_asked_elsewhere, questions_for
from oracle.rounds import Round, without_asking
from oracle.schedule import slice_bounds
from oracle.standing import Draw, Standing
from oracle.store.ledger import Mirror, Offer
from oracle.store.observations import CompleteRead
from oracle.store.ownerships import Ownership
from oracle.store.tallies import Tally

SLOTS, EPOCH, DAY_S = 288, Epoch(5), 86_400
CURRENT, FORMER = Digest("0x" + "aa" * 32), Digest("0x" + "bb" * 32)
OPERATOR = Address("0x" + "ab" * 20)
KEY = bytes(range(32))
M, N = MirrorId(1), MirrorId(2)


def files(count: int, length: int = 1_000, prefix: str = "f") -> list[ReleaseFile]:
    return [ReleaseFile(f"{prefix}/{n:04}.js", f"{n:064x}", length) for n in range(count)]


def a_mirror(number: int) -> Mirror:
    return Mirror(
        MirrorId(number), FundId(1), OPERATOR, OPERATOR, number, 0, "http://m.example", Epoch(0), None, False, 0, 0
    )


class World:
    """A release, and a node's rounds over it."""

    def __init__(
        self, listed: list[ReleaseFile], *, cold: int = 40, checks: int = 0, policy: Policy | None = None
    ) -> None:
        declared = [Check(f"/check/{number}") for number in range(checks)]
        self.manifest: Manifest = compose("a", "1", "http://p.example", None, listed, files(cold, prefix="c"), declared)
        self.policy = policy or Policy(slots=SLOTS)
        self.draw = Draw(self.manifest.files, plan([f.length for f in listed], checks, self.policy, DAY_S))

    def round(self, slot: int, **changes: Any) -> Round:
        """A slot of mirrors 1 and 2 as all is well."""
        offer = Offer(FundId(1), EPOCH, 1, 1, 0, CommitteeId(1), "{}")
        mirrors = (a_mirror(1), a_mirror(2))
        read = {m.mirror: CompleteRead(m.mirror, CURRENT, "node", Reason.UP, "", 1, 1) for m in mirrors}
        this = Round(
            task=Assignment(FundId(1), EPOCH, offer, self.policy, None, (), mirrors),
            slot=Slot(slot),
            epoch_start_ms=0,
            start_ms=0,
            length_ms=300_000,
            now_ms=0,
            secret=b"a secret of 16 b",
            standing=Standing(CURRENT),
            manifest=self.manifest,
            draws={CURRENT: self.draw},
            reads={CURRENT: read},
            owners={m.mirror: Ownership(m.mirror, EPOCH, 1, EPOCH, Reason.UP, "", 0) for m in mirrors},
            tallies={},
            before={},
            retry_ms=1_000,
            cold_pool=tuple(range(len(self.manifest.cold))),
        )
        return replace(this, **changes)

    def asked(
        self, this: Round, mirror: int = 1, cold: int | None = None, *, elsewhere: bool = False
    ) -> tuple[Question, ...]:
        """The questions for a mirror, or for the primary as 0."""
        known = a_mirror(mirror) if mirror else None
        return questions_for(this, known, self.draw, self.manifest, expect, cold, elsewhere)

    def epoch(self, **changes: Any) -> list[Question]:
        """All questions for mirror 1 in an epoch."""
        return [question for slot in range(SLOTS) for question in self.asked(self.round(slot, **changes))]


def usual(questions: Iterable[Question]) -> list[Question]:
    """Those that go neither by another route nor over IPv6."""
    return [question for question in questions if question.route is None and not question.six]


def kinds(questions: Iterable[Question]) -> Mapping[Kind, int]:
    return Counter(question.kind for question in usual(questions))


def test_an_epoch_has_every_file_and_keeps_its_budget() -> None:
    world = World(files(500))
    asked = world.epoch()
    assert {question.shown for question in asked if question.kind is Kind.FILE} == {
        f.path for f in world.manifest.files
    }
    assert kinds(asked)[Kind.FILE] == 2 * SLOTS
    assert len(asked) <= world.draw.plan.requests


def test_every_check_comes_in_turn_beside_the_files() -> None:
    asked = World(files(3), checks=5).epoch()
    times = Counter(question.shown for question in usual(asked) if question.kind is Kind.CHECK)
    assert set(times) == {f"/check/{number}" for number in range(5)}
    assert max(times.values()) - min(times.values()) <= 1
    assert kinds(World([], checks=5).epoch()) == {Kind.CHECK: SLOTS}


def test_a_long_file_comes_once_an_epoch() -> None:
    long = ReleaseFile("long.bin", "ff" * 32, 50 * 1024 * 1024)
    times = Counter(question.shown for question in usual(World([*files(20), long]).epoch()))
    assert times["long.bin"] == 1


def test_a_tenth_of_the_slots_is_asked_elsewhere_by_one_route_for_all() -> None:
    world, routes = World(files(20)), (Route(source="eth1"), Route(source="eth2"))
    asked = [question for question in world.epoch(routes=routes) if question.route]
    assert 15 < len(asked) < 45
    assert {question.route for question in asked} == set(routes)
    assert len({world.round(7, routes=routes).route for _ in range(3)}) == 1
    assert {question.route for question in world.epoch() if question.route} == {USUAL}


def test_half_of_the_walk_is_in_a_browsers_words_by_the_usual_way() -> None:
    world = World(files(500))
    walk = [question for question in world.epoch() if question.route is None and question.kind is Kind.FILE]
    browser = {question.shown for question in walk if question.browser}
    assert 200 < len(browser) < 300
    located = Located(parse_url("http://m.example"), "192.0.2.1")
    for question in walk[:20]:
        request = question.request(located, 1_000)
        assert request is not None
        assert request.route == (USUAL if question.browser else None)
    drawn = [world.asked(world.round(slot))[0].browser for slot in range(40)]
    assert drawn != [world.asked(world.round(slot, secret=b"another secret!!"))[0].browser for slot in range(40)]


def test_what_failed_elsewhere_is_asked_there_until_it_is_right() -> None:
    world = World(files(500), checks=2)
    for path in ("f/0123.js", "/check/1"):
        tallies = {M: Tally(M, hidden=True, hidden_path=path)}
        for slot in range(5):
            away = [question for question in world.asked(world.round(slot, tallies=tallies)) if question.route]
            assert [question.shown for question in away] == [path]
    gone = world.asked(world.round(0, tallies={M: Tally(M, hidden=True, hidden_path="gone")}))
    assert [question.kind for question in gone if question.route] == [Kind.FILE]


def test_whoever_failed_elsewhere_is_asked_there_again() -> None:
    world = World(files(20))
    this = world.round(3, tallies={M: Tally(M, hidden=True)}, before={M: Reason.HIDDEN})
    assert is_asked_elsewhere(this, M)
    assert [question.route for question in world.asked(this) if not question.six] == [None, USUAL]


def test_the_primary_is_asked_elsewhere_only_to_see_whether_the_route_works() -> None:
    world = World(files(20))
    assert [q.kind for q in world.asked(world.round(3), PRIMARY)] == [Kind.FILE]
    assert [q.kind for q in world.asked(world.round(3), PRIMARY, elsewhere=True)] == [Kind.FILE, Kind.ROUTE]


def test_an_epoch_has_four_canaries_of_both_kinds_where_a_key_is_shared() -> None:
    world = World(files(20))
    canaries = [question for question in world.epoch(key=KEY) if question.kind is Kind.CANARY]
    assert len(canaries) == len({question.url_path for question in canaries}) == 4
    assert sum("?" in question.url_path for question in canaries) == 2
    assert not any(question.kind is Kind.CANARY for question in world.epoch())
    down = world.epoch(key=KEY, before={M: Reason.TIMEOUT})
    assert not any(question.kind is Kind.CANARY for question in down)


def test_who_was_down_is_asked_one_thing() -> None:
    world = World(files(1_000), checks=2)
    assert len(world.asked(world.round(9))) >= 5
    for reason in (Reason.TIMEOUT, Reason.WRONG_BYTES, Reason.HIDDEN):
        asked = world.asked(world.round(9, before={M: reason}))
        assert [q.kind for q in usual(asked) if q.kind is not Kind.OWNERSHIP] == [Kind.FILE]


def test_a_tenth_of_the_slots_asks_over_ipv6_too_and_every_slot_after_a_wrong_answer_but_not_after_silence() -> None:
    """A mirror whose IPv6 address is dead loses a tenth of the slots, whoever else is in its rounds."""
    world = World(files(20))
    slots = [slot for slot in range(SLOTS) if any(q.six for q in world.asked(world.round(slot)))]
    assert 12 <= len(slots) <= 50  # 29, 3.3 sigma
    for mirror in (1, 2):
        asked = world.asked(world.round(slots[0]), mirror)
        assert [question for question in asked if question.six] == [replace(asked[0], six=True)]
    quiet = next(slot for slot in range(SLOTS) if slot not in slots)
    for reason, six in (
        (Reason.HTTP_STATUS, True),
        (Reason.WRONG_BYTES, True),
        (Reason.TLS, True),
        (Reason.CONNECT, False),
        (Reason.TIMEOUT, False),
    ):
        down = world.asked(world.round(quiet, before={M: reason}))
        assert [q.six for q in down if q.kind is Kind.FILE and q.route is None] == [False, True][: 1 + six]
    assert not any(question.six for question in world.asked(world.round(slots[0]), PRIMARY))


@pytest.mark.parametrize(
    ("requests", "length", "many"), [(0, 0, True), (3_800, 0, False), (0, 512 * 1024 * 1024, False)]
)
def test_who_was_asked_enough_is_asked_one_thing(requests: int, length: int, many: bool) -> None:
    world = World(files(1_000))
    asked = world.asked(world.round(9, tallies={M: Tally(M, requests, length)}))
    assert (len([q for q in asked if q.route is None]) > 1) is many


HIDDEN: Mapping[str, Any] = {"hidden": True, "hidden_path": "f/0001.js"}


@pytest.mark.parametrize(
    ("flags", "before", "key"),
    [
        ({}, {}, None),
        (HIDDEN, {}, KEY),
        (HIDDEN, {M: Reason.HIDDEN}, KEY),
        ({"cold_failed": True}, {}, KEY),
        ({**HIDDEN, "cold_failed": True}, {PRIMARY: Reason.CONNECT}, KEY),
    ],
)
@pytest.mark.parametrize("budget", [1, 400, 1_000])
def test_no_epoch_is_over_its_budget_even_if_every_connection_is_tried_twice(
    flags: Mapping[str, Any], before: Mapping[MirrorId, Reason], key: bytes | None, budget: int
) -> None:
    world = World(files(1_000), policy=Policy(slots=SLOTS, budget_requests=budget))
    requests = 0
    for slot in range(SLOTS):
        tally = Tally(M, requests, **flags)
        this = world.round(slot, tallies={M: tally}, before=before, key=key)
        due = cold_is_due(this, M)
        asked = world.asked(this, cold=3 if due else None)
        assert asked
        assert due == any(question.kind is Kind.COLD for question in asked)  # what is taken is asked for
        requests += sum(1 + question.retries for question in asked)
    assert SLOTS <= requests <= world.draw.plan.requests


def test_a_tight_budget_takes_second_attempts_before_it_takes_files() -> None:
    policy = Policy(slots=SLOTS, budget_requests=7_000)
    world = World(files(20 * SLOTS), policy=policy)
    each, spent = world.draw.plan.each, Tally(M, 7_000 - 2 * SLOTS - 19)
    asked = world.asked(world.round(0, tallies={M: spent}))
    assert each == 20
    assert len([question for question in asked if question.kind is Kind.FILE and not question.route]) >= 17
    assert sum(1 + question.retries for question in asked) <= 21


@pytest.mark.parametrize(("budget", "count", "each"), [(4_000, 2_000, 7), (3_700, 3_700, 12), (1_000, 300, 2)])
@pytest.mark.parametrize("breaks", [False, True], ids=["honest", "breaks each first connection"])
def test_who_breaks_connections_does_not_use_up_the_cold_files_of_an_outage(
    budget: int, count: int, each: int, breaks: bool
) -> None:
    """The second attempt is right, so it would cost nothing."""
    world = World(files(count), policy=Policy(slots=SLOTS, budget_requests=budget))
    assert world.draw.plan.each == each
    requests, colds, walked = 0, 0, 0
    for slot in range(SLOTS):
        before = {PRIMARY: Reason.CONNECT} if slot >= SLOTS - 60 else {}
        this = world.round(slot, tallies={M: Tally(M, requests)}, before=before)
        due = cold_is_due(this, M)
        asked = world.asked(this, cold=3 if due else None)
        colds += due and bool(before)
        walked += kinds(asked)[Kind.FILE]
        requests += sum(1 + (question.retries if breaks else 0) for question in asked)
    assert requests <= world.draw.plan.requests
    if breaks:
        assert colds >= 45
    else:
        assert (colds, walked) == (60, each * SLOTS)


def test_who_is_hidden_is_asked_elsewhere_only_where_the_budget_bears_one_question() -> None:
    world = World(files(1_000))
    spent = world.draw.plan.requests - SLOTS + 9
    asked = world.asked(world.round(9, tallies={M: Tally(M, spent, **HIDDEN)}))
    assert [(question.route, question.shown, question.retries) for question in asked] == [(USUAL, "f/0001.js", 0)]
    [asked_at_home] = world.asked(world.round(9, tallies={M: Tally(M, spent)}))
    assert (asked_at_home.route, asked_at_home.retries) == (None, 0)


def test_a_budget_of_bytes_keeps_no_short_question_away() -> None:
    world = World(files(10, length=50_000_000), policy=Policy(slots=SLOTS, budget_bytes=1))
    asked = world.epoch(key=KEY)
    assert kinds(asked)[Kind.CANARY] == 4
    assert [question for question in asked if question.route]
    assert kinds(asked)[Kind.FILE] == SLOTS
    spent = {M: Tally(M, 0, world.draw.plan.bytes)}
    assert {question.kind for question in world.epoch(key=KEY, tallies=spent)} == {Kind.FILE, Kind.CANARY}
    assert not [question for question in world.epoch(key=KEY, tallies=spent) if question.route]


def test_every_question_has_a_time_of_its_own_within_one_slice() -> None:
    asked = World(files(1_000)).asked(World(files(1_000)).round(9))
    delays = [question.delay_ms for question in asked]
    assert len(set(delays)) == len(asked)
    bounds = slice_bounds(300_000, 10_000)
    assert len({bisect.bisect_right(bounds, delay) for delay in delays}) == 1


# -------------------------------------------------------------------------------------------------- whom not to ask


def test_who_is_held_to_what_and_who_is_not_asked() -> None:
    this = World(files(3)).round(0, standing=Standing(CURRENT, FORMER))
    assert (this.held(M), this.held(PRIMARY), without_asking(this, a_mirror(1))) == (CURRENT, CURRENT, None)
    read = {M: CompleteRead(M, FORMER, "node", Reason.UP, "", 1, 1)}
    assert replace(this, reads={FORMER: read}).held(M) == FORMER
    assert replace(this, reads={}).held(M) is None
    vote = without_asking(replace(this, reads={}), a_mirror(1))
    assert vote is not None
    assert (vote.reason, vote.state) == (Reason.NOT_MEASURED, VoteState.UNKNOWN)
    stranger = without_asking(replace(this, owners={}), a_mirror(1))
    assert stranger is not None
    assert stranger.reason is Reason.NOT_MEASURED
    named = Ownership(M, EPOCH, 1, None, Reason.NOT_OWNER, "names another", 0)
    refused = without_asking(replace(this, owners={M: named}), a_mirror(1))
    assert refused is not None
    assert (refused.reason, refused.detail) == (Reason.NOT_OWNER, "names another")


# ------------------------------------------------------------------------------------------------------- cold files


def cold_slots(**changes: Any) -> int:
    world = World(files(20))
    return sum(cold_is_due(world.round(slot, **changes), M) for slot in range(SLOTS))


def test_cold_files_are_due_once_an_epoch_or_five_times_where_the_log_is_heard() -> None:
    assert (cold_slots(), cold_slots(key=KEY)) == (1, 5)


def test_cold_files_are_due_in_every_slot_of_an_outage_and_after_a_failure() -> None:
    assert cold_slots(before={PRIMARY: Reason.CONNECT}) == SLOTS
    assert cold_slots(before={PRIMARY: Reason.SELF_DOUBT}) == 1
    assert cold_slots(tallies={M: Tally(M, cold_failed=True)}) == SLOTS


def test_no_two_mirrors_get_the_same_cold_file_at_a_time_unless_there_is_nothing_to_hear() -> None:
    world = World(files(20), cold=3)
    failed = {m: Tally(m, cold_failed=True) for m in (M, N)}
    mirrors = [a_mirror(1), a_mirror(2)]
    due = cold_due(world.round(0, tallies=failed), mirrors)
    assert len(set(due.values())) == len(due) == 2
    asked = {M: {0, 1}, N: {0, 1}}
    assert len(cold_due(world.round(0, tallies=failed, cold_asked=asked), mirrors)) == 1
    outage = world.round(0, cold_asked=asked, before={PRIMARY: Reason.CONNECT})
    assert cold_due(outage, mirrors) == {M: 2, N: 2}
    assert cold_due(replace(outage, cold_asked={M: {0, 1, 2}, N: {0, 1, 2}}), mirrors) == {}
    assert cold_due(world.round(0, tallies=failed, cold_recent=frozenset({0, 1, 2})), mirrors) == {}


def test_a_mirror_in_its_grace_is_asked_for_no_cold_file_of_a_release_it_does_not_hold() -> None:
    world = World(files(20))
    this = world.round(0, standing=Standing(CURRENT, FORMER), tallies={M: Tally(M, cold_failed=True)})
    read = {M: CompleteRead(M, FORMER, "node", Reason.UP, "", 1, 1)}
    assert cold_due(replace(this, reads={FORMER: read}), [a_mirror(1)]) == {}


def test_controls_are_cold_files_that_nobody_is_asked_for() -> None:
    world = World(files(20), cold=5)
    this = world.round(0, cold_asked={M: {4}}, cold_recent=frozenset({3}))
    controls = controls_for(this, {M: 0, N: 1})
    assert set(controls) <= {M, N}
    assert controls[M] == 2  # all that is left
    assert controls_for(world.round(0, cold_pool=()), {M: 0}) == {}


def test_a_cold_file_goes_with_the_questions() -> None:
    world = World(files(20))
    asked = world.asked(world.round(0), cold=7)
    assert [question.shown for question in asked if question.kind is Kind.COLD] == ["c/0007.js"]
