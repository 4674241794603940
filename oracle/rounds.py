"""One slot of one fund as a node goes into it, and whom it is not to ask anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from oracle.assignment import Assignment
from oracle.manifest import Manifest
from oracle.model import ANSWERED_REASONS, NO_ANSWER_REASONS, PRIMARY, Digest, MirrorId, Reason, Slot, Vote
from oracle.probes.route import USUAL, Route
from oracle.schedule import choice, epoch_secret, probe_times, subject_of
from oracle.standing import Draw, Standing
from oracle.store.ledger import Mirror
from oracle.store.observations import CompleteRead
from oracle.store.ownerships import Ownership
from oracle.store.tallies import Tally

DOWN = NO_ANSWER_REASONS | ANSWERED_REASONS
_OWN_WORDS = NO_ANSWER_REASONS | {
    Reason.WRONG_BYTES,
    Reason.CHECK_FAILED,
    Reason.STALE_RELEASE,
    Reason.NOT_MEASURED,
}
"""Outcomes of a complete read that say more than NOT_ADMITTED does."""
_NO_TALLY = Tally(PRIMARY)


@dataclass(frozen=True)
class Round:
    """All that decides what is asked. `epoch_start_ms` and `start_ms` are when the epoch and the slot begin (Unix ms);
    `manifest` is the current release's; `secret` the node's; `before` the votes of the slot before; `retry_ms` how long
    a host that failed is left alone; `routes` are other ways out; `key` is shared with the developer; `cold_pool` are
    the cold files, by their place in the manifest, that are this node's to ask for, `cold_asked` those that each mirror
    was asked for, and `cold_recent` those that any was a moment ago."""

    task: Assignment
    slot: Slot
    epoch_start_ms: int
    start_ms: int
    length_ms: int
    now_ms: int
    secret: bytes
    standing: Standing
    manifest: Manifest
    draws: Mapping[Digest, Draw]
    reads: Mapping[Digest, Mapping[MirrorId, CompleteRead]]
    owners: Mapping[MirrorId, Ownership]
    tallies: Mapping[MirrorId, Tally]
    before: Mapping[MirrorId, Reason]
    retry_ms: int
    routes: Sequence[Route] = ()
    key: bytes | None = None
    cold_pool: Sequence[int] = ()
    cold_asked: Mapping[MirrorId, set[int]] = field(default_factory=dict)
    cold_recent: frozenset[int] = frozenset()

    @cached_property
    def times(self) -> bytes:
        """The epoch's own secret, from which all times come."""
        return epoch_secret(self.secret, self.task.epoch)

    @cached_property
    def route(self) -> Route:
        """By which the slot's questions from elsewhere leave: one for all mirrors, so that a broken one is known."""
        number = choice(self.times, b"route", max(1, len(self.routes)), self.task.epoch, self.slot)
        return self.routes[number] if self.routes else USUAL

    @property
    def outage(self) -> bool:
        """Whether the primary was down in the slot before."""
        return self.before.get(PRIMARY, Reason.UP) in DOWN

    def tally(self, mirror: MirrorId) -> Tally:
        """What a mirror was asked in the epoch so far."""
        return self.tallies.get(mirror, _NO_TALLY)

    def held(self, mirror: MirrorId) -> Digest | None:
        """The release that a mirror is held to: of those that count the newest that was read from it; None before."""
        if mirror == PRIMARY:
            return self.standing.current
        order = (self.standing.current, *self.standing.counting)
        return next((digest for digest in order if self._read(digest, mirror) is Reason.UP), None)

    def _read(self, digest: Digest, mirror: MirrorId) -> Reason | None:
        read = self.reads.get(digest, {}).get(mirror)
        return read.reason if read else None

    def delays_ms(self, mirror: MirrorId) -> Iterator[int]:
        """In how many milliseconds a mirror is asked its first question, its second and so on."""
        task, subject = self.task, subject_of(self.task.fund, mirror)
        timeout_ms, ahead_ms = task.policy.timeout_ms, self.start_ms - self.now_ms
        times = probe_times(self.times, subject, task.epoch, self.slot, self.length_ms, timeout_ms)
        return (max(0, ahead_ms + into_ms) for into_ms in times)


def without_asking(this: Round, mirror: Mirror) -> Vote | None:
    """The vote on a mirror that is not to be asked anything: its host is not known to be its operator's, or it must be
    read completely first. That nobody has come to it yet is not its fault. None if it is to be asked."""
    owner = this.owners.get(mirror.mirror)
    if owner is None:
        return _vote(this, mirror.mirror, Reason.NOT_MEASURED, "this node has not asked it for its operator yet")
    if not owner.holds(this.task.epoch):
        return _vote(this, mirror.mirror, owner.reason, owner.detail)
    if this.held(mirror.mirror) is not None:
        return None
    read = this.reads.get(this.standing.current, {}).get(mirror.mirror)
    if read is None:
        return _vote(this, mirror.mirror, Reason.NOT_MEASURED, "this node has not read it completely yet")
    # Wrong bytes are charged in the epoch in which they were seen, and in no other.
    old = read.reason is Reason.WRONG_BYTES and read.at_ms < this.epoch_start_ms
    reason = read.reason if read.reason in _OWN_WORDS and not old else Reason.NOT_ADMITTED
    return _vote(this, mirror.mirror, reason, f"complete read: {read.detail or read.reason}"[:200])


def _vote(this: Round, mirror: MirrorId, reason: Reason, detail: str) -> Vote:
    known = reason if reason is not Reason.UP else Reason.NOT_MEASURED
    return Vote(this.task.fund, mirror, this.task.epoch, this.slot, known, detail=detail)
