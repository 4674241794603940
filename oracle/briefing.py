"""All that a node knows on going into a slice, and what it is therefore to ask: read once for all funds of a shard."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import sqlalchemy as sa

from oracle.assignment import Assignment
from oracle.manifests import manifest_of
from oracle.model import PRIMARY, Clock, Digest, FundId, MirrorId, Reason, Vote
from oracle.probes.question import Question, route_question
from oracle.probes.round import Target
from oracle.probes.route import Route
from oracle.questions import Expect, bears_another, cold_due, cold_is_due, is_asked_elsewhere, questions_for
from oracle.rota import Members, Rota, Shard, Span
from oracle.rounds import Round, without_asking
from oracle.schedule import choice, rest_s
from oracle.secret import developer_key, node_secret
from oracle.settings import Settings
from oracle.standing import Draw, cold_pool, draw, expected, stand
from oracle.store import cold
from oracle.store.binding import mirrors_among
from oracle.store.history import reasons_at, slot_before
from oracle.store.ledger import Mirror
from oracle.store.manifests import missing_manifests
from oracle.store.observations import CompleteRead, reads_among
from oracle.store.ownerships import Ownership, ownerships_among
from oracle.store.tallies import Tally, tallies_of

RECENT_MS = 60_000
"""For so long nobody else is asked for the same cold file: an echo is to say whose it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One fund's part of a shard. Those in `waiting` have their vote already, without being asked; `this` is None while
    no release counts. `cold` says who is asked for which cold file."""

    task: Assignment
    this: Round | None
    waiting: Sequence[Vote]
    targets: Sequence[Target] = ()
    cold: Mapping[MirrorId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store has of all members of a shard."""

    now_ms: int
    mirrors: Mapping[MirrorId, Mirror]
    missing: Collection[str]
    reads: Mapping[Digest, Mapping[MirrorId, CompleteRead]]
    owners: Mapping[MirrorId, Ownership]
    tallies: Mapping[FundId, Mapping[MirrorId, Tally]]
    before: Mapping[FundId, Mapping[MirrorId, Reason]]


def brief(
    engine: sa.Engine, settings: Settings, clock: Clock, of: Rota, shard: Shard, span: Span, members: Members
) -> Iterator[Part]:
    """The parts of all funds that have members in a shard."""
    known = _known(engine, settings.node_name, of, shard, members)
    for fund, ids in members.items():
        mirrors = tuple(known.mirrors[mirror] for mirror in ids if mirror in known.mirrors)
        task = replace(of.funds[fund], mirrors=mirrors)
        this = _round(engine, settings, clock, task, shard, span, known)
        if this is None:
            told = "no release read from its source"
            votes = [Vote(fund, mirror, shard.epoch, shard.slot, Reason.RELEASE_UNREAD, detail=told) for mirror in ids]
            yield Part(task, None, votes)
        else:
            yield _part(engine, settings, this, ids, of.members[fund])


def _known(engine: sa.Engine, node: str, of: Rota, shard: Shard, members: Members) -> _Known:
    ids = {mirror for some in members.values() for mirror in some}
    digests = {release.digest for fund in members for release in of.funds[fund].releases}
    epoch, slot = slot_before(shard.epoch, shard.slot, shard.grid.slots)
    # The primary's vote of the slot before says whether there is an outage, whether it is a member of the slice or not.
    with_primaries = {fund: (PRIMARY, *some) for fund, some in members.items()}
    return _Known(
        now_ms=time.time_ns() // 1_000_000,
        mirrors=mirrors_among(engine, ids),
        missing=missing_manifests(engine, digests),
        reads=reads_among(engine, node, ids | {PRIMARY}),
        owners=ownerships_among(engine, node, ids),
        tallies=tallies_of(engine, node, shard.epoch, members),
        before=reasons_at(engine, node, epoch, slot, with_primaries),
    )


def _round(
    engine: sa.Engine, settings: Settings, clock: Clock, task: Assignment, shard: Shard, span: Span, known: _Known
) -> Round | None:
    """A fund's slot; None while no release counts."""
    sources = {digest: reads[PRIMARY] for digest, reads in known.reads.items() if PRIMARY in reads}
    stands = stand(clock, task, known.missing, sources)
    draws = _draws(engine, clock, task, stands.counting, stands.current) if stands else {}
    if stands is None or stands.current not in draws:
        return None
    manifest = manifest_of(engine, stands.current)
    return Round(
        task=task,
        slot=shard.slot,
        epoch_start_ms=clock.start_s(task.epoch) * 1000,
        start_ms=span.slot_start_ms,
        length_ms=span.slot_ms,
        now_ms=known.now_ms,
        secret=node_secret(settings.home),
        standing=stands,
        manifest=manifest,
        draws=draws,
        reads={digest: known.reads.get(digest, {}) for digest in stands.counting},
        owners=known.owners,
        tallies=known.tallies[task.fund],
        before=known.before[task.fund],
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


# ----------------------------------------------------------------------------------------------------- the questions


def _part(
    engine: sa.Engine, settings: Settings, this: Round, ids: Sequence[MirrorId], everyone: Sequence[MirrorId]
) -> Part:
    known = {mirror.mirror: mirror for mirror in this.task.mirrors}
    waiting = {m: vote for m, mirror in known.items() if (vote := without_asking(this, mirror))}
    asked = [m for m in ids if m not in waiting]
    this, due = _take_cold(engine, settings, this, [known[m] for m in asked if m != PRIMARY])
    away = [m for m in asked if m != PRIMARY and is_asked_elsewhere(this, m)]
    expects = _expects(engine, this)
    targets = [_target(engine, this, known.get(m), m, due.get(m), bool(away), expects) for m in asked]
    if away and PRIMARY not in asked:
        targets.append(_witness(this, away[0]))
    if away and this.outage:
        others = [m for m in everyone if m != PRIMARY and m not in away and m not in waiting]
        targets = _with_another_witness(engine, settings.node_name, this, targets, away[0], others)
    return Part(this.task, this, list(waiting.values()), targets, due)


def _take_cold(
    engine: sa.Engine, settings: Settings, this: Round, mirrors: Sequence[Mirror]
) -> tuple[Round, dict[MirrorId, int]]:
    """The round with what it needs to know of cold files, and those that are this round's to ask for."""
    wanted = [mirror for mirror in mirrors if cold_is_due(this, mirror.mirror)] if this.cold_pool else []
    if not wanted:
        return this, {}
    node, release = settings.node_name, this.standing.current
    asked = cold.asked_files(engine, node, release, [mirror.mirror for mirror in wanted])
    recent = cold.recent_files(engine, node, release, this.now_ms - RECENT_MS)
    this = replace(this, cold_asked=asked, cold_recent=recent)
    return this, cold.take_all(engine, node, release, this.task.epoch, cold_due(this, wanted))


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
    return Target(this.task.fund, number, url, questions, limit_ms(this))


def _witness(this: Round, beside: MirrorId) -> Target:
    """The primary, asked by the slot's route only: if it answers, the route works, and who does not is hidden."""
    question = _route_question(this, beside)
    return Target(this.task.fund, PRIMARY, this.manifest.primary, (question,), limit_ms(this))


def _with_another_witness(
    engine: sa.Engine, node: str, this: Round, targets: Sequence[Target], beside: MirrorId, among: Sequence[MirrorId]
) -> list[Target]:
    """With one of these mirrors asked by the slot's route too, since the primary says nothing in an outage."""
    witness = _another_witness(engine, node, this, beside, among)
    if witness is None:
        return list(targets)
    question = _route_question(this, beside)
    if witness.mirror in {target.mirror for target in targets}:
        return [
            replace(one, questions=(*one.questions, question)) if one.mirror == witness.mirror else one
            for one in targets
        ]
    return [*targets, Target(this.task.fund, witness.mirror, witness.url, (question,), limit_ms(this))]


def _route_question(this: Round, beside: MirrorId) -> Question:
    """At the moment of the first question to the one beside; once, since no plan has counted it."""
    return replace(route_question(this.route, next(this.delays_ms(beside))), retries=0)


def _another_witness(
    engine: sa.Engine, node: str, this: Round, beside: MirrorId, among: Sequence[MirrorId]
) -> Mirror | None:
    """One that was up in the slot before, did not hide, and has a request left; drawn for the slice, by who is asked
    elsewhere in it."""
    task = this.task
    at = slot_before(task.epoch, this.slot, task.policy.slots)
    before = reasons_at(engine, node, *at, {task.fund: among})[task.fund]
    up = [mirror for mirror, reason in sorted(before.items()) if reason is Reason.UP]
    this = replace(this, tallies=tallies_of(engine, node, task.epoch, {task.fund: up})[task.fund])
    able = [mirror for mirror in up if not this.tally(mirror).hidden and bears_another(this, mirror)]
    if not able:
        return None
    drawn = able[choice(this.times, b"witness", len(able), task.epoch, this.slot, beside)]
    return mirrors_among(engine, [drawn]).get(drawn)


def limit_ms(this: Round) -> int:
    """A probe's time limit: the policy's, but never longer than a slot, or rounds would pile up."""
    return min(this.task.policy.timeout_ms, this.length_ms)
