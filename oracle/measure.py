"""One node's measuring: a shard, which is a slice of a slot for some of the funds.

What this node did by its own fault (it came too late, it was stopped half-way, it did not know the chain) is never
held against a mirror: such a slot has no vote, or one that says NOT_MEASURED.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
import structlog

from oracle.briefing import Part, brief, limit_ms
from oracle.echoes import listen
from oracle.model import NO_ANSWER_REASONS, PRIMARY, Clock, FundId, MirrorId, Reason, Vote
from oracle.probes.question import Kind
from oracle.probes.round import Heard, Target, ask_round
from oracle.probes.verdict import hidden, vote_of
from oracle.rota import Members, Rota, Shard, Span, members_of, rota, slice_count, span_of
from oracle.rounds import Round
from oracle.schedule import LONG_SLOT_MS, epoch_secret
from oracle.secret import node_secret
from oracle.selfdoubt import doubt
from oracle.settings import Settings
from oracle.standing import loopback_allowed
from oracle.store import facts, ledger
from oracle.store.counters import Counted, Counts, count
from oracle.store.history import reasons_at
from oracle.store.observations import record_admission
from oracle.store.ownerships import record_ownership
from oracle.store.record import record_round
from oracle.store.sightings import How, record_sighting
from oracle.store.tallies import Asked

log = structlog.get_logger()

PREPARING_MS = 1_000
"""So long before a slice of a long slot begins its questions are made ready; in a short slot the votes of the slot
before, which decide what is asked, are not there yet."""
_LONGEST_WAIT_S = 5.0
_STALLED_MS = 500
_SLACK_MS = 200


def measure_shard(engine: sa.Engine, settings: Settings, shard: Shard) -> int:
    """Probe one shard and store the votes; gives how many were new.

    Waits for its slice if that is near. Does nothing once the slot's part for starting probes is over. Whoever has this
    node's vote for the slot already is not asked again.
    """
    clock = facts.get_clock(engine)
    if clock is None or not _is_there(clock, shard):
        return 0
    span = span_of(clock, shard.epoch, shard.slot, shard.grid, shard.slice)
    if not _wait_for(_ready_ms(span)) or _now_ms() > span.latest_ms:
        log.warning("slot_missed", epoch=shard.epoch, slot=shard.slot, slice=shard.slice, shard=shard.shard)
        count(engine, settings.node_name, {(Counted.SHARDS, "missed"): 1})
        return 0
    lag_ms = max(0, _now_ms() - span.begin_ms)
    of = rota(engine, settings.committee, shard.epoch)
    members = _members(engine, settings, clock, of, shard)
    found = _probe(engine, settings, list(brief(engine, settings, clock, of, shard, span, members)))
    holding = _still_so(engine, settings, clock, of, members)
    if dropped := members.keys() - holding:
        told = {"funds": sorted(dropped), "why": "the chain was not known in time"}
        log.warning("slot_dropped", epoch=shard.epoch, slot=shard.slot, **told)
    counted = {(Counted.SHARDS, "dropped" if dropped else "measured"): 1, (Counted.LAG_MS, ""): lag_ms}
    return _store(engine, settings, shard, found.only(holding), counted)


def _is_there(clock: Clock, shard: Shard) -> bool:
    return shard.slot < shard.grid.slots and shard.slice < slice_count(clock, shard.epoch, shard.slot, shard.grid)


def _members(engine: sa.Engine, settings: Settings, clock: Clock, of: Rota, shard: Shard) -> Members:
    """Whom to ask: those of the shard of whom nothing is known in this slot yet."""
    secret = epoch_secret(node_secret(settings.home), shard.epoch)
    members = members_of(of, shard, secret, clock)
    done = reasons_at(engine, settings.node_name, shard.epoch, shard.slot, members)
    left = {fund: tuple(mirror for mirror in ids if mirror not in done[fund]) for fund, ids in members.items()}
    return {fund: ids for fund, ids in left.items() if ids}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ready_ms(span: Span) -> int:
    return span.begin_ms - (PREPARING_MS if span.slot_ms >= LONG_SLOT_MS else 0)


def _wait_for(start_ms: int) -> bool:
    wait_s = (start_ms - _now_ms()) / 1000
    if wait_s > _LONGEST_WAIT_S:
        return False
    time.sleep(max(0.0, wait_s))
    return True


def _still_so(
    engine: sa.Engine, settings: Settings, clock: Clock, of: Rota, funds: Collection[FundId]
) -> frozenset[FundId]:
    """The funds of which the chain, indexed past the epoch's start, has the releases that were measured against."""
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while not ledger.knows(engine, of.epoch):
        if time.monotonic() > deadline:
            return frozenset()
        time.sleep(0.1)
    now = rota(engine, settings.committee, of.epoch).funds
    return frozenset(fund for fund in funds if fund in now and now[fund].begun == of.funds[fund].begun)


# ------------------------------------------------------------------------------------------------------ the probing


@dataclass(frozen=True, slots=True)
class Found:
    """What a shard's round brought: votes, and all that was heard, of which nothing may be learned in `doubt`."""

    parts: Sequence[Part]
    votes: Sequence[Vote]
    heard: Sequence[Heard]
    doubt: str

    def only(self, funds: Collection[FundId]) -> Found:
        """Without other funds."""
        return replace(
            self,
            parts=[part for part in self.parts if part.task.fund in funds],
            votes=[vote for vote in self.votes if vote.fund in funds],
            heard=[one for one in self.heard if one.target.fund in funds],
        )


def _probe(engine: sa.Engine, settings: Settings, parts: Sequence[Part]) -> Found:
    rounds = {part.task.fund: part.this for part in parts if part.this is not None}
    unread = [vote for part in parts if part.this is None for vote in part.waiting]
    waiting = [vote for part in parts if part.this is not None for vote in part.waiting]
    began_ms = _now_ms()
    heard, votes = _ask(engine, settings, rounds, [target for part in parts for target in part.targets])
    before = {fund: this.before for fund, this in rounds.items()}
    why = doubt(engine, settings, began_ms, votes, before) if rounds else ""
    if why:
        return Found(parts, [*unread, *(_doubted(vote, why) for vote in (*waiting, *votes))], heard, why)
    return Found(parts, [*unread, *waiting, *votes], heard, "")


def _ask(
    engine: sa.Engine, settings: Settings, rounds: Mapping[FundId, Round], targets: Sequence[Target]
) -> tuple[list[Heard], list[Vote]]:
    """What the targets say, and the votes on them; the delays of their questions count from when they were made."""
    if not targets:
        return [], []
    this = next(iter(rounds.values()))
    # Every probe starts within the slot and then has its whole time limit.
    last_ms = max((question.delay_ms for target in targets for question in target.questions), default=0)
    budget_ms = last_ms + max(limit_ms(one) for one in rounds.values()) + _SLACK_MS
    late_ms = max(0, _now_ms() - this.now_ms)
    deadline_ms = _now_ms() + budget_ms + _STALLED_MS
    allowed = loopback_allowed(engine, settings)
    heard = ask_round(targets, budget_s=budget_ms / 1000, turn=this.slot, allow_loopback=allowed, late_ms=late_ms)
    votes = [vote_of(one, this.task.epoch, this.slot) for one in heard if not _is_witness(one)]
    return heard, votes if _now_ms() <= deadline_ms else [_excused(vote) for vote in votes]


def _is_witness(heard: Heard) -> bool:
    """Whether it was asked only to see if a route works: its own slice is another."""
    return all(question.kind is Kind.ROUTE for question in heard.target.questions)


def _excused(vote: Vote) -> Vote:
    """When this node was stalled, nobody's silence counts."""
    if vote.reason not in NO_ANSWER_REASONS:
        return vote
    return replace(vote, reason=Reason.NOT_MEASURED, detail=f"this node was stalled; it saw {vote.reason}")


def _doubted(vote: Vote, why: str) -> Vote:
    return Vote(vote.fund, vote.mirror, vote.epoch, vote.slot, Reason.SELF_DOUBT, path=vote.path, detail=why)


# ---------------------------------------------------------------------------------------------- what else was learned


def _store(engine: sa.Engine, settings: Settings, shard: Shard, found: Found, counted: Counts) -> int:
    """Store what the round has taught. What a node saw in doubt teaches nothing but its own load.

    An admission ends before the vote that says why is there: whoever is stopped in between, and comes again, meets a
    mirror that is not admitted for wrong bytes, and votes so. The other way it would be asked on as if nothing were.
    """
    node, learned = settings.node_name, not found.doubt
    asked = [(one.target.fund, _asked(one, learned=learned)) for one in found.heard]
    try:
        if learned:
            _keep(engine, node, found)
    finally:  # what was measured cannot be measured again
        new = record_round(engine, node, shard.epoch, found.votes, asked, counted)
    if learned:
        _listen(engine, settings, found)
    return new


def _keep(engine: sa.Engine, node: str, found: Found) -> None:
    rounds = {part.task.fund: part.this for part in found.parts}
    for one in found.heard:
        if this := rounds[one.target.fund]:
            _keep_answers(engine, node, this, one)
    for vote in found.votes:
        if this := rounds[vote.fund]:
            _revoke(engine, node, this, vote)


def _listen(engine: sa.Engine, settings: Settings, found: Found) -> None:
    """Last, since it asks the primaries: their silence delays nobody's vote."""
    for part in found.parts:
        if part.this is not None and part.this.key is not None and part.cold:
            heard = [one for one in found.heard if one.target.fund == part.task.fund]
            listen(engine, settings, part.this, heard, part.cold)


def _asked(heard: Heard, *, learned: bool) -> Asked:
    failed = hidden(heard.answers) if learned else None
    colds = [one for one in heard.answers if one.question.kind is Kind.COLD and one.reason is not Reason.NOT_MEASURED]
    return Asked(
        heard.target.mirror,
        heard.requests,
        heard.bytes,
        hidden=None if failed is None else bool(failed),
        cold_failed=colds[-1].reason is not Reason.UP if colds and learned else None,
        hidden_path=failed,
        certificate_expires_s=_expires_s(heard),
    )


def _expires_s(heard: Heard) -> int | None:
    """When the first of the certificates that were shown expires."""
    shown = (answer.response.certificate_expires_s for answer in heard.answers if answer.response)
    return min((expires_s for expires_s in shown if expires_s is not None), default=None)


def _keep_answers(engine: sa.Engine, node: str, this: Round, heard: Heard) -> None:
    mirror: MirrorId = heard.target.mirror
    epoch = this.task.epoch
    for answer in heard.answers:
        if answer.question.kind is Kind.OWNERSHIP and answer.reason is not Reason.NOT_MEASURED:
            record_ownership(engine, node, mirror, epoch, answer.reason, answer.detail)
        if answer.reason is Reason.RELAYING:
            told = f"{answer.question.shown}: {answer.detail}"
            record_sighting(engine, node, this.task.fund, mirror, epoch, How.CANARY, told)
            log.info("relay_seen", mirror=mirror, how=How.CANARY)


def _revoke(engine: sa.Engine, node: str, this: Round, vote: Vote) -> None:
    """A mirror that served wrong bytes must be read completely again before it counts."""
    if vote.reason is Reason.WRONG_BYTES and vote.path and vote.mirror != PRIMARY:
        told = f"{vote.path}: {vote.detail}"[:200]
        for digest in this.standing.counting:
            record_admission(engine, node, vote.mirror, digest, vote.reason, told)
