"""Whether this node may speak of others: while its own world is red or its clock is off, it says nothing of anyone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
import structlog

from oracle.model import NO_ANSWER_REASONS, FundId, MirrorId, Reason, Vote
from oracle.probes.controls import check_controls
from oracle.settings import Settings
from oracle.standing import DEVELOPMENT_CHAIN, loopback_allowed
from oracle.store import facts
from oracle.store.controls import CLOCK_TOLERANCE_MS, ControlCheck, control_checks_since, record_control_check

log = structlog.get_logger()

CONTROL_EVERY_S = 20
"""How often the control targets are asked: while a slot is probed, several times."""
Before = Mapping[FundId, Mapping[MirrorId, Reason]]
LEAST_WORLD = 8
"""Without control targets the mirrors themselves are the world, if there are so many that were up just before."""


def look_around(engine: sa.Engine, settings: Settings) -> ControlCheck:
    """Ask the control targets now, and remember what came."""
    check = check_controls(settings.controls, allow_loopback=loopback_allowed(engine, settings))
    record_control_check(engine, settings.node_name, check)
    if check.doubt:
        log.warning("self_doubt", why=check.doubt)
    return check


def doubt(engine: sa.Engine, settings: Settings, since_ms: int, votes: Sequence[Vote], before: Before) -> str:
    """Why the votes of a round that began at `since_ms` (Unix) must not count, "" if they may; `before` are this node's
    votes of the slot before."""
    if behind := _behind_chain(engine):
        return behind
    if not settings.controls:
        return _world_red(votes, before)
    checks = control_checks_since(engine, settings.node_name, since_ms - CONTROL_EVERY_S * 1000)
    return next((check.doubt for check in checks or [look_around(engine, settings)] if check.doubt), "")


def _behind_chain(engine: sa.Engine) -> str:
    """A block from the future says that this node's clock is slow. Development chains make their own time."""
    if facts.get(engine, facts.CHAIN_ID) == DEVELOPMENT_CHAIN:
        return ""
    ahead_ms = int(facts.get(engine, facts.INDEXED)["timestamp_s"]) * 1000 - time.time_ns() // 1_000_000
    return f"this node's clock is {ahead_ms} ms behind the chain" if ahead_ms > CLOCK_TOLERANCE_MS else ""


def _world_red(votes: Sequence[Vote], before: Before) -> str:
    """Most of those that were up just before fell silent at once. If they stay so it is they: the next slot says it."""
    were_up = [vote for vote in votes if before.get(vote.fund, {}).get(vote.mirror) is Reason.UP]
    silent = sum(vote.reason in NO_ANSWER_REASONS for vote in were_up)
    if len(were_up) < LEAST_WORLD or 2 * silent <= len(were_up):
        return ""
    return f"{silent} of {len(were_up)} that were up fell silent at once, and this node has no control targets"
