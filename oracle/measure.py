"""One node's measuring: a shard of a fund's mirrors in one slot.

What this node did by its own fault (it came too late, it was stopped half-way, it did not know the chain) is never
held against a mirror: such a slot has no vote, or one that says NOT_MEASURED.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import sqlalchemy as sa
import structlog

from oracle.assignment import Assignment, assignment
from oracle.echoes import listen
from oracle.manifests import manifest_of
from oracle.model import NO_ANSWER_REASONS, PRIMARY, Clock, Digest, Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.probes.question import Kind
from oracle.probes.round import Heard, Target, ask_round
from oracle.probes.route import Route
from oracle.probes.verdict import hidden, vote_of
from oracle.questions import Expect, cold_due, cold_is_due, is_asked_elsewhere, questions_for
from oracle.rounds import Round, without_asking
from oracle.schedule import SPREAD_PERCENT, rest_s, shards, slot_bounds
from oracle.secret import developer_key, node_secret
from oracle.selfdoubt import doubt
from oracle.settings import Settings
from oracle.standing import Draw, cold_pool, draw, expected, loopback_allowed, standing
from oracle.store import cold, facts, ledger
from oracle.store.history import gone_releases, reasons_before
from oracle.store.ledger import Mirror
from oracle.store.observations import admissions, record_admission, record_votes
from oracle.store.ownerships import ownerships, record_ownership
from oracle.store.sightings import How, forget_sightings, record_sighting
from oracle.store.tallies import Asked, add_to_tallies, forget_tallies, tallies

log = structlog.get_logger()

KEPT_EPOCHS = 30
"""For so long it is known what was asked of whom."""
RECENT_MS = 60_000
"""For so long nobody else is asked for the same cold file: an echo is to say whose it is."""
_LONGEST_WAIT_S = 5.0
_STALLED_MS = 500
_SLACK_MS = 200


def measure_slot(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch, slot: Slot, shard: int) -> int:
    """Probe one shard in one slot and store the votes; gives how many were new.

    Waits for the slot's begin if it is near. Does nothing once the slot's part for starting probes is over.
    """
    clock, task = facts.get_clock(engine), assignment(engine, fund, epoch)
    if clock is None or task is None or slot >= task.policy.slots:
        return 0
    start_ms, end_ms = slot_bounds(clock, task.policy.slots, epoch, slot)
    if not _wait_for(start_ms) or _now_ms() > _latest_start_ms(task, start_ms, end_ms):
        log.warning("slot_missed", fund=fund, epoch=epoch, slot=slot)
        return 0
    task = assignment(engine, fund, epoch) or task
    parts = shards(task.ids, settings.shard_size)
    found = _probe(engine, settings, clock, task, slot, parts[shard] if shard < len(parts) else ())
    if not _still_so(engine, clock, task):
        log.warning("slot_dropped", fund=fund, epoch=epoch, slot=slot, why="the chain was not known in time")
        return 0
    _keep(engine, settings, found)
    if slot == shard == 0:
        _forget(engine, fund, epoch)
    return record_votes(engine, settings.node_name, found.votes)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _wait_for(start_ms: int) -> bool:
    wait_s = (start_ms - _now_ms()) / 1000
    if wait_s > _LONGEST_WAIT_S:
        return False
    time.sleep(max(0.0, wait_s))
    return True


def _latest_start_ms(task: Assignment, start_ms: int, end_ms: int) -> int:
    """A probe needs its time limit, or in a short slot the part of it that is for answers."""
    answers_ms = (end_ms - start_ms) * (100 - SPREAD_PERCENT) // 100
    return end_ms - min(task.policy.timeout_ms, answers_ms)


def _still_so(engine: sa.Engine, clock: Clock, task: Assignment) -> bool:
    """Whether the chain, indexed past the epoch's start, has the releases that were measured against."""
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while not ledger.knows(engine, task.epoch):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    now = assignment(engine, task.fund, task.epoch)
    return now is not None and now.begun == task.begun


# ------------------------------------------------------------------------------------------------------ the probing


@dataclass(frozen=True, slots=True)
class Found:
    """What a shard's round brought: votes, and all that was heard; `cold` says who was asked for which cold file."""

    this: Round | None
    votes: Sequence[Vote]
    heard: Sequence[Heard] = ()
    cold: Mapping[MirrorId, int] | None = None
    began_ms: int = 0


def _probe(
    engine: sa.Engine, settings: Settings, clock: Clock, task: Assignment, slot: Slot, members: Sequence[MirrorId]
) -> Found:
    this = _round(engine, settings, clock, task, slot)
    if this is None:
        return Found(None, [_unread(task, mirror, slot) for mirror in members])
    known = {mirror.mirror: mirror for mirror in task.mirrors}
    waiting = {m: vote for m in members if m != PRIMARY and (vote := without_asking(this, known[m]))}
    asked = [m for m in members if m not in waiting]
    this, due = _take_cold(engine, settings, this, [known[m] for m in asked if m != PRIMARY])
    elsewhere = any(is_asked_elsewhere(this, m) for m in asked if m != PRIMARY)
    expects = _expects(engine, this)
    targets = [_target(engine, this, known.get(m), m, due.get(m), elsewhere, expects) for m in asked]
    began_ms = _now_ms()
    heard, votes = _ask(engine, settings, this, targets)
    if why := doubt(engine, settings, began_ms, votes, this.before):
        return Found(None, [_doubted(vote, why) for vote in (*waiting.values(), *votes)], heard)
    return Found(this, [*waiting.values(), *votes], heard, due, began_ms)


def _round(engine: sa.Engine, settings: Settings, clock: Clock, task: Assignment, slot: Slot) -> Round | None:
    """All that is known on going into the slot; None while no release counts."""
    node, slots = settings.node_name, task.policy.slots
    stands = standing(engine, node, clock, task)
    draws = _draws(engine, clock, task, stands.counting, stands.current) if stands else {}
    if stands is None or stands.current not in draws:
        return None
    start_ms, end_ms = slot_bounds(clock, slots, task.epoch, slot)
    manifest = manifest_of(engine, stands.current)
    return Round(
        task=task,
        slot=slot,
        start_ms=start_ms,
        length_ms=end_ms - start_ms,
        now_ms=_now_ms(),
        secret=node_secret(settings.home),
        standing=stands,
        manifest=manifest,
        draws=draws,
        reads={digest: admissions(engine, digest, node) for digest in stands.counting},
        owners=ownerships(engine, node),
        tallies=tallies(engine, task.fund, task.epoch, node),
        before=reasons_before(engine, task.fund, task.epoch, slot, slots, node),
        retry_ms=rest_s(clock) * 1000,
        routes=tuple(Route.parse(text) for text in settings.routes),
        key=developer_key(settings.developer_keys, task.fund),
        cold_pool=cold_pool(engine, settings, task, len(manifest.cold)),
    )


def _draws(
    engine: sa.Engine, clock: Clock, task: Assignment, counting: Sequence[Digest], current: Digest
) -> dict[Digest, Draw]:
    found = {digest: draw(engine, digest, current, task.policy, clock.epoch_length_s) for digest in counting}
    return {digest: one for digest, one in found.items() if one is not None}


def _take_cold(
    engine: sa.Engine, settings: Settings, this: Round, mirrors: Sequence[Mirror]
) -> tuple[Round, dict[MirrorId, int]]:
    """The round with what it needs to know of cold files, and those that are this round's to ask for."""
    wanted = [mirror for mirror in mirrors if cold_is_due(this, mirror.mirror)]
    if not wanted or not this.cold_pool:
        return this, {}
    release, ids = this.standing.current, [mirror.mirror for mirror in wanted]
    asked = cold.asked_files(engine, settings.node_name, release, ids)
    recent = cold.recent_files(engine, settings.node_name, release, this.now_ms - RECENT_MS)
    this = replace(this, cold_asked=asked, cold_recent=recent)
    due = cold_due(this, wanted)
    taken = partial(cold.take, engine, settings.node_name, release=release, epoch=this.task.epoch)
    return this, {mirror: file for mirror, file in due.items() if taken(mirror=mirror, file=file)}


def _expects(engine: sa.Engine, this: Round) -> dict[Digest | None, Expect]:
    """What may stand at a file's path, by the release that a mirror is held to, worked out once for all mirrors; None
    is the primary's: one that has not deployed its release yet is there."""
    expects: dict[Digest | None, Expect] = {
        held: cache(partial(expected, engine, this.standing, held)) for held in this.draws
    }
    expects[None] = cache(partial(expected, engine, this.standing, this.standing.current, all_count=True))
    return expects


def _target(
    engine: sa.Engine,
    this: Round,
    mirror: Mirror | None,
    number: MirrorId,
    cold_file: int | None,
    elsewhere: bool,
    expects: Mapping[Digest | None, Expect],
) -> Target:
    held = this.held(number) or this.standing.current
    held = held if held in this.draws else this.standing.current
    expect = expects[held if mirror else None]
    manifest = manifest_of(engine, held)
    questions = questions_for(this, mirror, this.draws[held], manifest, expect, cold_file, elsewhere)
    url = mirror.url if mirror else this.manifest.primary
    return Target(this.task.fund, number, url, questions, _limit_ms(this))


def _limit_ms(this: Round) -> int:
    """A probe's time limit: the policy's, but never longer than a slot, or rounds would pile up."""
    return min(this.task.policy.timeout_ms, this.length_ms)


def _ask(
    engine: sa.Engine, settings: Settings, this: Round, targets: Sequence[Target]
) -> tuple[list[Heard], list[Vote]]:
    # Every probe starts within the slot and then has its whole time limit.
    last_ms = max((question.delay_ms for target in targets for question in target.questions), default=0)
    budget_ms = last_ms + _limit_ms(this) + _SLACK_MS
    deadline_ms = _now_ms() + budget_ms + _STALLED_MS
    allowed = loopback_allowed(engine, settings)
    heard = ask_round(targets, budget_s=budget_ms / 1000, turn=this.slot, allow_loopback=allowed)
    votes = [vote_of(one, this.task.epoch, this.slot) for one in heard]
    return heard, votes if _now_ms() <= deadline_ms else [_excused(vote) for vote in votes]


def _unread(task: Assignment, mirror: MirrorId, slot: Slot) -> Vote:
    return Vote(task.fund, mirror, task.epoch, slot, Reason.RELEASE_UNREAD, detail="no release read from its source")


def _excused(vote: Vote) -> Vote:
    """When this node was stalled, nobody's silence counts."""
    if vote.reason not in NO_ANSWER_REASONS:
        return vote
    return replace(vote, reason=Reason.NOT_MEASURED, detail=f"this node was stalled; it saw {vote.reason}")


def _doubted(vote: Vote, why: str) -> Vote:
    return Vote(vote.fund, vote.mirror, vote.epoch, vote.slot, Reason.SELF_DOUBT, path=vote.path, detail=why)


# ---------------------------------------------------------------------------------------------- what else was learned


def _keep(engine: sa.Engine, settings: Settings, found: Found) -> None:
    """Store what the round has taught besides the votes. What a node saw in doubt teaches nothing but its own load."""
    this, node = found.this, settings.node_name
    if found.heard:
        first = found.heard[0].target
        epoch = found.votes[0].epoch
        add_to_tallies(engine, first.fund, epoch, node, [_asked(one, learned=this is not None) for one in found.heard])
    if this is None:
        return
    for one in found.heard:
        _keep_answers(engine, node, this, one)
    _revoke(engine, node, this, found.votes)
    if this.key is not None and found.cold:
        listen(engine, settings, this, found.heard, found.cold, found.began_ms)


def _forget(engine: sa.Engine, fund: FundId, epoch: Epoch) -> None:
    """Once an epoch, what nobody will ask for any more."""
    forget_tallies(engine, epoch - KEPT_EPOCHS)
    forget_sightings(engine, epoch - KEPT_EPOCHS)
    cold.forget_cold_asks(engine, gone_releases(engine, fund))


def _asked(heard: Heard, *, learned: bool) -> Asked:
    colds = [one for one in heard.answers if one.question.kind is Kind.COLD and one.reason is not Reason.NOT_MEASURED]
    return Asked(
        heard.target.mirror,
        heard.requests,
        heard.bytes,
        hidden=hidden(heard.answers) if learned else None,
        cold_failed=colds[-1].reason is not Reason.UP if colds and learned else None,
    )


def _keep_answers(engine: sa.Engine, node: str, this: Round, heard: Heard) -> None:
    mirror, epoch = heard.target.mirror, this.task.epoch
    for answer in heard.answers:
        if answer.question.kind is Kind.OWNERSHIP and answer.reason is not Reason.NOT_MEASURED:
            record_ownership(engine, node, mirror, epoch, answer.reason, answer.detail)
        if answer.reason is Reason.RELAYING:
            told = f"{answer.question.shown}: {answer.detail}"
            record_sighting(engine, node, this.task.fund, mirror, epoch, How.CANARY, told)
            log.info("relay_seen", mirror=mirror, how=How.CANARY)


def _revoke(engine: sa.Engine, node: str, this: Round, votes: Sequence[Vote]) -> None:
    """A mirror that served wrong bytes must be read completely again before it counts."""
    for vote in votes:
        if vote.reason is Reason.WRONG_BYTES and vote.path and vote.mirror != PRIMARY:
            told = f"{vote.path}: {vote.detail}"[:200]
            for digest in this.standing.counting:
                record_admission(engine, node, vote.mirror, digest, vote.reason, told)
