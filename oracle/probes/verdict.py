"""From a mirror's answers in one slot to a vote: pure."""

from __future__ import annotations

from collections.abc import Sequence

from oracle.model import ANSWERED_REASONS, NO_ANSWER_REASONS, UNKNOWN_REASONS, Epoch, Reason, Slot, Vote
from oracle.placement.platforms import platforms
from oracle.probes.address import Located
from oracle.probes.question import Kind
from oracle.probes.round import Answer, Heard

_WORST = (Reason.WRONG_BYTES, Reason.NOT_OWNER, Reason.STALE_RELEASE)
_IN_VOTES = frozenset({Kind.FILE, Kind.CHECK, Kind.COLD})
_TIMED = frozenset({Kind.FILE, Kind.CHECK})
_SILENT_ONE_IN = 4


def vote_of(heard: Heard, epoch: Epoch, slot: Slot) -> Vote:
    """The vote on a mirror.

    Any wrong answer decides; silence does if the first question met it or more than a quarter of all, so that one
    stalled connection among many is not held against a mirror. Whoever answers at home but not elsewhere is HIDDEN;
    who answers over IPv4 but not over IPv6, which browsers prefer, has the reason that is seen there.
    """
    reason, answer, detail = _decisive(heard)
    timed = _first_up(heard.answers) if reason is Reason.UP else None
    response = timed.response if timed else None
    return Vote(
        fund=heard.target.fund,
        mirror=heard.target.mirror,
        epoch=epoch,
        slot=slot,
        reason=reason,
        latency_ms=response.phases.total_ms if response else None,
        address=heard.located.address if reason is Reason.UP else None,
        path=answer.question.shown if answer else None,
        detail=detail,
        rtt_us=response.phases.rtt_us or None if response else None,
        platform=_platform(heard.located) if reason is Reason.UP else "",
    )


def _platform(located: Located) -> str:
    host = located.base.host if located.base else ""
    return platforms().named([host, located.alias])


def hidden(answers: Sequence[Answer]) -> str | None:
    """The path with which the mirror failed where it was asked from elsewhere, "" if it did not; None if it was not
    asked there, or nobody can say. A question that only shows whether a route works is nothing to it."""
    asked = [one for one in answers if one.question.route is not None and one.question.kind is not Kind.ROUTE]
    away = [one for one in asked if one.reason not in UNKNOWN_REASONS]
    failed = (one.question.shown for one in away if one.reason is not Reason.UP)
    return next(failed, "") if away else None


def _decisive(heard: Heard) -> tuple[Reason, Answer | None, str]:
    counted = [one for one in heard.answers if _counts(one)]
    home = [one for one in counted if one.question.route is None and not one.question.six]
    for worst in _WORST:
        for one in counted:
            if one.reason is worst:
                return worst, one, one.detail
    for one in home:
        if one.reason in ANSWERED_REASONS:
            return one.reason, one, one.detail
    if silent := _silent(home):
        return silent.reason, silent, silent.detail
    if apart := _failed_apart(counted):
        return apart
    if first := _first_up(home):
        return Reason.UP, first, first.detail
    asked = heard.answers[0] if heard.answers else None
    return Reason.NOT_MEASURED, asked, asked.detail if asked else "nothing was asked"


def _failed_apart(counted: Sequence[Answer]) -> tuple[Reason, Answer, str] | None:
    """What failed only where it was asked from elsewhere, or over IPv6."""
    for one in (one for one in counted if one.reason is not Reason.UP):
        if one.question.route is not None:
            return Reason.HIDDEN, one, f"asked from elsewhere: {one.detail or one.reason}"[:200]
        if one.question.six:
            return one.reason, one, one.detail
    return None


def _counts(answer: Answer) -> bool:
    if answer.question.kind is Kind.OWNERSHIP:
        return answer.reason is Reason.NOT_OWNER
    return answer.question.kind in _IN_VOTES and answer.reason not in UNKNOWN_REASONS


def _silent(home: Sequence[Answer]) -> Answer | None:
    silent = [one for one in home if one.reason in NO_ANSWER_REASONS]
    if silent and (home[0] is silent[0] or _SILENT_ONE_IN * len(silent) > len(home)):
        return silent[0]
    return None


def _first_up(answers: Sequence[Answer]) -> Answer | None:
    ups = [one for one in answers if one.reason is Reason.UP and one.question.route is None and not one.question.six]
    return next((one for one in ups if one.question.kind in _TIMED), next(iter(ups), None))
