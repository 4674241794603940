"""Of many answers one vote: a wrong one decides, one that never came does not, and who hides is not there."""

import pytest

from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.probes.address import BaseUrl, Located
from oracle.probes.exchange import Phases, Response
from oracle.probes.question import Kind, Question
from oracle.probes.round import Answer, Heard, Target
from oracle.probes.route import Route
from oracle.probes.verdict import hidden, vote_of

R = Reason
AWAY = Route(source="192.0.2.1")
HOST = Located(BaseUrl("http", "m.example", 80), "8.8.8.8")


def answer(
    reason: Reason, number: int = 0, kind: Kind = Kind.FILE, route: Route | None = None, *, six: bool = False
) -> Answer:
    question = Question(kind, f"file-{number}", f"file-{number}", lambda _: (R.UP, ""), 10, route=route, six=six)
    response = Response(
        "http://x", "8.8.8.8", status=200, phases=Phases(total_ms=100 + number, rtt_us=5_000), attempts=1
    )
    return Answer(question, response, reason, f"saw {number}")


def vote(*answers: Answer) -> Vote:
    target = Target(FundId(1), MirrorId(2), "http://m.example", tuple(one.question for one in answers))
    return vote_of(Heard(target, HOST, answers), Epoch(3), Slot(4))


def files(*reasons: Reason) -> list[Answer]:
    return [answer(reason, number) for number, reason in enumerate(reasons)]


def test_who_answers_all_rightly_is_up_as_fast_as_the_first() -> None:
    found = vote(*files(R.UP, R.UP))
    assert (found.reason, found.latency_ms, found.rtt_us, found.address) == (R.UP, 100, 5_000, "8.8.8.8")
    assert (found.fund, found.mirror, found.epoch, found.slot, found.path) == (1, 2, 3, 4, "file-0")


@pytest.mark.parametrize(
    ("reasons", "decided"),
    [
        ([R.UP, R.WRONG_BYTES, R.HTTP_STATUS], R.WRONG_BYTES),
        ([R.HTTP_STATUS, R.STALE_RELEASE], R.STALE_RELEASE),
        ([R.UP, R.UP, R.UP, R.UP, R.HTTP_STATUS], R.HTTP_STATUS),
        ([R.TIMEOUT, R.CHECK_FAILED], R.CHECK_FAILED),
        ([R.TIMEOUT, R.WRONG_BYTES], R.WRONG_BYTES),
        ([R.TIMEOUT, R.UP, R.UP, R.UP, R.UP], R.TIMEOUT),  # the one that is always asked
        ([R.UP, R.TIMEOUT], R.TIMEOUT),
        ([R.UP, R.TIMEOUT, R.UP, R.CONNECT, R.UP], R.TIMEOUT),
        ([R.UP, R.TIMEOUT, R.UP, R.UP], R.UP),  # a quarter
        ([R.NOT_MEASURED, R.UP], R.UP),
        ([R.NOT_MEASURED, R.TIMEOUT], R.TIMEOUT),
        ([R.NOT_MEASURED, R.NOT_MEASURED], R.NOT_MEASURED),
        ([], R.NOT_MEASURED),
    ],
)
def test_a_wrong_answer_decides_and_silence_only_where_it_is_much(reasons: list[Reason], decided: Reason) -> None:
    found = vote(*files(*reasons))
    assert found.reason is decided
    assert (found.latency_ms is None) == (decided is not R.UP) == (found.address is None)
    if decided in reasons:
        assert found.detail == f"saw {reasons.index(decided)}"


@pytest.mark.parametrize(
    ("over_six", "decided"),
    [
        (R.UP, R.UP),
        (R.TIMEOUT, R.TIMEOUT),
        (R.CONNECT, R.CONNECT),
        (R.HTTP_STATUS, R.HTTP_STATUS),
        (R.WRONG_BYTES, R.WRONG_BYTES),
        (R.NOT_MEASURED, R.UP),
    ],
)
def test_who_answers_over_ipv4_only_has_what_is_seen_over_ipv6(over_six: Reason, decided: Reason) -> None:
    assert vote(*files(*[R.UP] * 12), answer(over_six, 12, six=True)).reason is decided


def test_ipv6_alone_makes_no_vote_and_is_not_timed() -> None:
    assert vote(answer(R.NOT_MEASURED), answer(R.UP, 1, six=True)).reason is R.NOT_MEASURED
    assert vote(answer(R.UP, 7), answer(R.UP, 1, six=True)).latency_ms == 107
    assert vote(answer(R.TIMEOUT), answer(R.UP, 1, six=True)).reason is R.TIMEOUT


@pytest.mark.parametrize(
    ("elsewhere", "decided"),
    [
        (R.UP, R.UP),
        (R.TIMEOUT, R.HIDDEN),
        (R.HTTP_STATUS, R.HIDDEN),
        (R.CONNECT, R.HIDDEN),
        (R.WRONG_BYTES, R.WRONG_BYTES),
        (R.NOT_MEASURED, R.UP),
    ],
)
def test_who_answers_the_usual_probes_only_is_hidden(elsewhere: Reason, decided: Reason) -> None:
    answers = (answer(R.UP), answer(elsewhere, 1, route=AWAY))
    assert vote(*answers).reason is decided
    path = "" if elsewhere is R.UP else answers[1].question.shown
    assert hidden(answers) == (None if elsewhere is R.NOT_MEASURED else path)


def test_who_is_asked_only_to_see_whether_a_route_works_is_not_hidden_by_it() -> None:
    for reason in (R.UP, R.CONNECT, R.TIMEOUT):
        witness = answer(reason, 1, Kind.ROUTE, AWAY)
        assert hidden([answer(R.UP), witness]) is None
        assert vote(answer(R.UP), witness).reason is R.UP


def test_who_is_down_for_all_is_not_hidden_but_down() -> None:
    assert vote(answer(R.CONNECT), answer(R.CONNECT, 1, route=AWAY)).reason is R.CONNECT
    assert hidden([answer(R.UP)]) is None


def test_an_answer_from_elsewhere_alone_makes_nobody_up() -> None:
    assert vote(answer(R.NOT_MEASURED), answer(R.UP, 1, route=AWAY)).reason is R.NOT_MEASURED


@pytest.mark.parametrize(
    ("said", "decided"), [(R.NOT_OWNER, R.NOT_OWNER), (R.TIMEOUT, R.UP), (R.CONNECT, R.UP), (R.UP, R.UP)]
)
def test_of_the_ownership_document_only_another_operator_counts(said: Reason, decided: Reason) -> None:
    assert vote(answer(R.UP), answer(said, 1, Kind.OWNERSHIP)).reason is decided


def test_canaries_and_tried_routes_are_in_no_vote() -> None:
    found = vote(answer(R.UP), answer(R.RELAYING, 1, Kind.CANARY), answer(R.TIMEOUT, 2, Kind.ROUTE, AWAY))
    assert found.reason is R.UP


def test_a_cold_file_counts_but_is_not_timed() -> None:
    assert vote(answer(R.UP), answer(R.HTTP_STATUS, 1, Kind.COLD)).reason is R.HTTP_STATUS
    assert vote(answer(R.UP, 1, Kind.COLD), answer(R.UP, 2)).latency_ms == 102
