"""One slot's probes of one shard: each mirror is asked its questions, and what it answered is gathered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from oracle.model import NO_ANSWER_REASONS, FundId, MirrorId, Reason
from oracle.probes.address import Located, Lookup, locate
from oracle.probes.engine import CONCURRENCY, fetch_all
from oracle.probes.exchange import Request, Response
from oracle.probes.question import Kind, Question
from oracle.probes.route import Route

_LONGEST_DNS_S = 5.0
_UNREADABLE = {Kind.CHECK: Reason.CHECK_FAILED}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Target:
    """A mirror, or the primary as PRIMARY, and what it is asked in this slot, the most important question first."""

    fund: FundId
    mirror: MirrorId
    url: str
    questions: tuple[Question, ...]
    timeout_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A question, what came back (None if it could not be asked), and what that says."""

    question: Question
    response: Response | None
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """All answers of one target, in the order of its questions."""

    target: Target
    located: Located
    answers: tuple[Answer, ...]

    @property
    def requests(self) -> int:
        """How many attempts were made."""
        return sum(answer.response.attempts for answer in self.answers if answer.response is not None)

    @property
    def bytes(self) -> int:
        """How many bytes of bodies came."""
        return sum(answer.response.length for answer in self.answers if answer.response is not None)


def ask_round(
    targets: Sequence[Target],
    *,
    budget_s: float,
    turn: int = 0,
    late_ms: int = 0,
    allow_loopback: bool = False,
    concurrency: int = CONCURRENCY,
    ca_file: str | None = None,
    lookup: Lookup | None = None,
) -> list[Heard]:
    """The answers of each target, in the order given, within `budget_s` seconds; never raises for what a server does.

    A connection error is retried once, an answer never. Of a name with several addresses each `turn` asks another. The
    delays of the questions began to run `late_ms` ago.
    """
    began = time.monotonic()
    limit_s = min(_LONGEST_DNS_S, budget_s / 3)
    urls = [target.url for target in targets]
    located = locate(urls, limit_s, turn=turn, allow_loopback=allow_loopback, lookup=lookup)
    spent_s = time.monotonic() - began
    requests = [
        question.request(place, target.timeout_ms, late_ms + int(spent_s * 1000))
        for target, place in zip(targets, located, strict=True)
        for question in target.questions
    ]
    responses = _fetch(requests, budget_s - spent_s, concurrency, ca_file)
    heard = [
        Heard(target, place, tuple(_answer(question, place, next(responses)) for question in target.questions))
        for target, place in zip(targets, located, strict=True)
    ]
    return _without_broken_six(_without_broken_routes(heard))


def _fetch(
    requests: Sequence[Request | None], budget_s: float, concurrency: int, ca_file: str | None
) -> Iterator[Response | None]:
    asked = [request for request in requests if request is not None]
    answers = iter(fetch_all(asked, budget_s, concurrency=concurrency, ca_file=ca_file))
    return iter([None if request is None else next(answers) for request in requests])


def _answer(question: Question, located: Located, response: Response | None) -> Answer:
    if response is None and question.six and located.address:
        return Answer(question, None, Reason.NOT_MEASURED, "the name has no IPv6 address beside IPv4")
    if response is None:
        return Answer(question, None, located.reason or Reason.DNS, located.detail)
    try:
        reason, detail = question.judge(response)
        return Answer(question, response, reason, f"over IPv6: {detail}"[:200] if question.six and detail else detail)
    except Exception:
        log.exception("answer_not_judged", kind=question.kind, path=question.shown)
        return Answer(question, response, _UNREADABLE.get(question.kind, Reason.PROTOCOL), "the answer cannot be read")


def _without_broken_routes(heard: list[Heard]) -> list[Heard]:
    """Where nobody answered by a route, it is the route that is down."""
    works: dict[Route, bool] = {}
    for answer in (answer for one in heard for answer in one.answers):
        if (route := answer.question.route) is not None:
            works[route] = works.get(route, False) or bool(answer.response and answer.response.status)
    if all(works.values()):
        return heard
    return [replace(one, answers=tuple(_excused(answer, works) for answer in one.answers)) for one in heard]


def _without_broken_six(heard: list[Heard]) -> list[Heard]:
    """Where nobody could be connected to over IPv6, it is this node's own that is down: a route in its tables may lead
    nowhere."""
    asked = [answer for one in heard for answer in one.answers if answer.question.six and answer.response]
    if not asked or any(answer.response.phases.connect_ms for answer in asked if answer.response):
        return heard
    return [replace(one, answers=tuple(_without_six(answer) for answer in one.answers)) for one in heard]


def _without_six(answer: Answer) -> Answer:
    if not answer.question.six or answer.reason not in NO_ANSWER_REASONS:
        return answer
    return replace(answer, reason=Reason.NOT_MEASURED, detail="nobody answered over IPv6")


def _excused(answer: Answer, works: Mapping[Route, bool]) -> Answer:
    route = answer.question.route
    if route is None or works[route] or answer.reason not in NO_ANSWER_REASONS:
        return answer
    return replace(answer, reason=Reason.NOT_MEASURED, detail="nobody answered by this route")
