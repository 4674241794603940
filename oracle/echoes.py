"""The primary's log as its developer lets it be heard: was it asked for what only one mirror was asked for?

A mirror relays if several of the cold files that it was asked for echo within seconds, and as many others, which nobody
was asked for, do not: else a rival who asks the primary for everything could frame it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from oracle.canary import ECHO_PATH, echo_of
from oracle.errors import InvalidInput
from oracle.fields import integer, list_of, object_of, parse_json, text_of
from oracle.model import MirrorId, Reason
from oracle.probes.address import locate
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Request
from oracle.probes.question import Kind
from oracle.probes.round import Answer, Heard
from oracle.questions import controls_for
from oracle.rounds import Round
from oracle.settings import Settings
from oracle.standing import loopback_allowed
from oracle.store.cold import Echo, Echoes, echoes, record_echoes
from oracle.store.sightings import How, record_sighting

log = structlog.get_logger()

SEVERAL = 4
WITHIN_MS = 5_000
"""An echo comes at most so long after the mirror's answer."""
_BEFORE_MS = 2_000
_MOST_ENTRIES = 8_192
_MOST_BYTES = 1 << 20
_BUDGET_S = 10.0


@dataclass(frozen=True, slots=True)
class EchoLog:
    """What a primary tells: when (Unix ms, by this node's clock) it was asked for what, by its keyed name."""

    asked: Mapping[str, Sequence[int]]

    def has(self, name: str, from_ms: int, to_ms: int) -> bool:
        """Whether it was asked for it within a span of time."""
        return any(from_ms <= at_ms <= to_ms for at_ms in self.asked.get(name, ()))


def parse_echo_log(body: bytes, now_ms: int) -> EchoLog:
    """The log in a primary's answer, its times moved to this node's clock.

    Raises: InvalidInput.
    """
    fields = object_of("echo", parse_json("echo", body), ("spec", "now_ms", "asked"))
    integer("echo.spec", fields["spec"], 1, 1)
    behind_ms = now_ms - integer("echo.now_ms", fields["now_ms"])
    asked: dict[str, list[int]] = {}
    for at_ms, name in list_of("echo.asked", fields["asked"], _entry, _MOST_ENTRIES):
        asked.setdefault(name, []).append(at_ms + behind_ms)
    return EchoLog(asked)


def _entry(value: Any, name: str) -> tuple[int, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidInput(name, "must be a time and a name")
    return integer(name, value[0]), text_of(name, value[1], 64)


def relays(heard: Echoes) -> bool:
    """Whether what was heard in an epoch is enough."""
    silent_controls = heard.asked - heard.controls_echoed
    return heard.echoed >= SEVERAL and silent_controls >= heard.echoed


def listen(
    engine: sa.Engine,
    settings: Settings,
    this: Round,
    heard: Sequence[Heard],
    due: Mapping[MirrorId, int],
) -> None:
    """Hear the primary's log after a round with cold files, and note who relays by now."""
    told = _fetch(this, allow_loopback=loopback_allowed(engine, settings))
    if told is None:
        return
    node, release, epoch = settings.node_name, this.standing.current, this.task.epoch
    record_echoes(engine, node, release, compare(this, told, heard, due))
    for mirror, so_far in echoes(engine, node, release, epoch).items():
        if mirror in due and relays(so_far):
            detail = f"{so_far.echoed} of {so_far.asked} cold files echoed, {so_far.controls_echoed} controls did"
            record_sighting(engine, node, this.task.fund, mirror, epoch, How.ECHO, detail)
            log.info("relay_seen", mirror=mirror, how=How.ECHO)


def compare(this: Round, told: EchoLog, heard: Sequence[Heard], due: Mapping[MirrorId, int]) -> list[Echo]:
    """For each cold file that was answered rightly whether it echoed, and whether its control did."""
    controls, found = controls_for(this, due), []
    for one in heard:
        mirror = one.target.mirror
        answer = next((a for a in one.answers if a.question.kind is Kind.COLD and a.reason is Reason.UP), None)
        if answer is not None and mirror in controls:
            span = _span(answer, this.now_ms)
            echoed, control = (
                told.has(echo_of(this.key or b"", this.manifest.cold[file].path), *span)
                for file in (due[mirror], controls[mirror])
            )
            found.append(Echo(mirror, due[mirror], echoed, control))
    return found


def _span(answer: Answer, now_ms: int) -> tuple[int, int]:
    start_ms = now_ms + answer.question.delay_ms
    took_ms = answer.response.phases.total_ms if answer.response else 0
    return start_ms - _BEFORE_MS, start_ms + took_ms + WITHIN_MS


def _fetch(this: Round, *, allow_loopback: bool) -> EchoLog | None:
    located = locate([this.manifest.primary], _BUDGET_S / 3, allow_loopback=allow_loopback)[0]
    if located.base is None or not located.address:
        return None
    asked = Request(located.base.join(ECHO_PATH), located.address, max_bytes=_MOST_BYTES, keep_body=True, retries=1)
    response = fetch_all([asked], _BUDGET_S)[0]
    if response.status != 200 or response.body is None:
        return None
    try:
        return parse_echo_log(response.body, time.time_ns() // 1_000_000)
    except InvalidInput as error:
        log.warning("echo_unreadable", fund=this.task.fund, error=str(error))
        return None
