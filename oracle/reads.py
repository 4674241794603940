"""One node's complete reads: of a release from its source, after which it binds; of a mirror, after which it counts.

A host is asked for its operator before it is asked for anything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import sqlalchemy as sa
import structlog

from oracle.assignment import Assignment, assignment
from oracle.budget import DAY_S
from oracle.errors import FetchFailed, MirrorbondError
from oracle.manifest import Manifest, ReleaseFile
from oracle.manifests import files_of, manifest_of, read_manifest
from oracle.model import ANSWERED_REASONS, PRIMARY, Clock, Digest, Epoch, FundId, MirrorId, Reason
from oracle.probes.admission import MOST_ADDRESSES, Admission, Candidate, read_completely
from oracle.probes.integrity import Expected
from oracle.probes.question import owner_question
from oracle.probes.round import Target, ask_round
from oracle.schedule import choice, permuted, rest_s, subsecret
from oracle.secret import node_secret
from oracle.settings import Settings
from oracle.standing import cold_pool, loopback_allowed, readable, unread_sources
from oracle.store import cold, facts
from oracle.store.ledger import Mirror, Release
from oracle.store.manifests import missing_manifests
from oracle.store.observations import CompleteRead, reads_among, record_admission
from oracle.store.ownerships import Ownership, ownerships_among, record_ownership
from oracle.store.tallies import Asked, Tally, add_to_tallies, tallies_of

log = structlog.get_logger()

_BUDGET_S = 480.0
"""For all that one task reads: with what comes before and after less than a task may take, or nothing is recorded."""
_OWNER_BUDGET_S = 20.0
_READS_AT_LEAST = 2
"""How often each address may be read in an epoch whatever the budget is: a newcomer's, and after wrong bytes."""


def read_release(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch) -> None:
    """Read the manifests of the releases that matter in the epoch; what cannot be read is logged."""
    task = assignment(engine, fund, epoch)
    allowed = loopback_allowed(engine, settings)
    for release in readable(task) if task else ():
        try:
            read_manifest(engine, release, allow_loopback=allowed)
        except MirrorbondError as error:
            log.warning("release_unread", fund=fund, release=release.digest, error=str(error))


def read_sources(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch) -> None:
    """Read the releases that this node has not read yet from their source, nor tried a short while ago: those first
    that were not tried for the longest time, of them the newest, as long as there is half of the time that a read may
    take."""
    task, end = assignment(engine, fund, epoch), time.monotonic() + _BUDGET_S
    waiting = unread_sources(engine, settings.node_name, task) if task else []
    rested_ms = _rested_ms(engine)
    for release in (one for one, tried_ms in sorted(waiting, key=_tried) if (tried_ms or 0) <= rested_ms):
        left_s = end - time.monotonic()
        if task and left_s >= _BUDGET_S / 2 and not _is_spent(engine, settings, task, PRIMARY, release.digest):
            manifest = manifest_of(engine, release.digest)
            read = _read(engine, settings, task, PRIMARY, manifest.primary, release.digest, left_s)
            log.info("source_read", fund=fund, release=release.digest, reason=read.reason)


def _tried(waiting: tuple[Release, int | None]) -> int:
    return waiting[1] or 0


def _rested_ms(engine: sa.Engine) -> int:
    """What failed since then (Unix ms) is left alone: the same read is sent for this epoch and for the next."""
    clock = facts.get_clock(engine)
    return int((time.time() - (rest_s(clock) if clock else 0)) * 1000)


def admit_mirror(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch, mirror: MirrorId) -> Reason | None:
    """Ask a mirror's host for its operator, read the mirror completely for the release of the epoch, and store what
    came of it; a read that was right, or failed a short while ago, is not made again. None where there is nothing to do
    now.

    Raises: FetchFailed if the release's manifest has not been read.
    """
    task, clock = assignment(engine, fund, epoch), facts.get_clock(engine)
    known = next((one for one in task.mirrors if one.mirror == mirror), None) if task else None
    if task is None or clock is None or known is None or task.release is None:
        return None
    owner = _owner(engine, settings, task, known, clock)
    now = clock.epoch_at(int(time.time()))
    if owner is None or not owner.holds(now):
        return owner.reason if owner else None
    digest = task.release.digest
    if missing_manifests(engine, [digest]):
        raise FetchFailed(digest, "the release's manifest has not been read yet")
    last = reads_among(engine, settings.node_name, [mirror]).get(digest, {}).get(mirror)
    if last and (last.reason is Reason.UP or last.at_ms > _rested_ms(engine)):
        return last.reason
    if _is_spent(engine, settings, task, mirror, digest):
        return None
    return _read(engine, settings, task, mirror, known.url, digest).reason


def _owner(engine: sa.Engine, settings: Settings, task: Assignment, mirror: Mirror, clock: Clock) -> Ownership | None:
    """What is known of the host, after asking it if it may be asked."""
    node, now_s = settings.node_name, time.time()
    known, epoch = ownerships_among(engine, node, [mirror.mirror]).get(mirror.mirror), clock.epoch_at(int(now_s))
    if known and (known.holds(epoch) or not known.may_ask(epoch, int((now_s - rest_s(clock)) * 1000))):
        return known
    question = owner_question(mirror.operator)
    target = Target(task.fund, mirror.mirror, mirror.url, (question,), task.policy.timeout_ms)
    heard = ask_round([target], budget_s=_OWNER_BUDGET_S, allow_loopback=loopback_allowed(engine, settings))[0]
    add_to_tallies(engine, task.fund, epoch, node, [Asked(mirror.mirror, heard.requests, heard.bytes)])
    answer = heard.answers[0]
    log.info("owner_asked", mirror=mirror.mirror, reason=answer.reason, detail=answer.detail)
    return record_ownership(engine, node, mirror.mirror, epoch, answer.reason, answer.detail)


def _is_spent(engine: sa.Engine, settings: Settings, task: Assignment, mirror: MirrorId, digest: Digest) -> bool:
    """Whether complete reads have asked so much of it in this epoch that they must rest until the next."""
    clock, policy, manifest = facts.get_clock(engine), task.policy, manifest_of(engine, digest)
    if clock is None:
        return False
    epoch = clock.epoch_at(int(time.time()))
    tally = tallies_of(engine, settings.node_name, epoch, {task.fund: [mirror]})[task.fund].get(mirror, Tally(mirror))
    whole = sum(file.length for file in manifest.files), len(manifest.files) + len(manifest.checks)
    reads = _READS_AT_LEAST * (1 if mirror == PRIMARY else MOST_ADDRESSES)
    most_bytes, most_requests = (
        max(budget * clock.epoch_length_s // DAY_S, reads * once)
        for budget, once in zip((policy.budget_bytes, policy.budget_requests), whole, strict=True)
    )
    return tally.read_bytes > most_bytes or tally.read_requests > most_requests


def _read(
    engine: sa.Engine,
    settings: Settings,
    task: Assignment,
    mirror: MirrorId,
    url: str,
    digest: Digest,
    budget_s: float = _BUDGET_S,
) -> Admission:
    """Read a server completely, beginning with what failed the last time, and store the outcome."""
    node, manifest, policy = settings.node_name, manifest_of(engine, digest), task.policy
    last = reads_among(engine, node, [mirror]).get(digest, {}).get(mirror)
    failed = last.detail.partition(": ")[0] if last else ""
    found = read_completely(
        Candidate(mirror, url, digest, policy.timeout_ms, policy.max_file_bytes, failed),
        manifest,
        budget_s=budget_s,
        expected_of=_only_this(engine, task, digest),
        in_browser=partial(next, _words(settings, mirror)),
        cold=None if mirror == PRIMARY else partial(_cold_file, engine, settings, task, mirror, manifest, digest),
        allow_loopback=loopback_allowed(engine, settings),
    )
    clock = facts.get_clock(engine)
    epoch = clock.epoch_at(int(time.time())) if clock else task.epoch
    found = _after(last, found, clock.start_s(epoch) * 1000 if clock else 0)
    record_admission(engine, node, mirror, digest, found.reason, found.detail, found.files_read)
    asked = Asked(mirror, read_requests=found.requests, read_bytes=found.bytes_read)
    add_to_tallies(engine, task.fund, epoch, node, [asked])
    log.info("mirror_read", mirror=mirror, reason=found.reason, files=found.files_read, detail=found.detail)
    return found


def _after(last: CompleteRead | None, found: Admission, epoch_start_ms: int) -> Admission:
    """A read that had no time to end takes nothing back of a wrong answer before it: else who drips would be unknown
    by its own choice. Wrong bytes of an epoch before are not made those of this one."""
    if found.reason is not Reason.NOT_MEASURED or last is None or last.reason not in ANSWERED_REASONS:
        return found
    old = last.reason is Reason.WRONG_BYTES and last.at_ms < epoch_start_ms
    return replace(found, reason=Reason.NOT_ADMITTED if old else last.reason, detail=last.detail)


def _words(settings: Settings, mirror: MirrorId) -> Iterator[bool]:
    """For one file after the other whether it is asked for in a browser's words: drawn anew for each read."""
    secret, begun_ms = subsecret(node_secret(settings.home), b"read-words"), time.time_ns() // 1_000_000
    return (choice(secret, b"words", 2, mirror, begun_ms, number) == 1 for number in count())


def _only_this(engine: sa.Engine, task: Assignment, digest: Digest) -> Callable[[ReleaseFile], Expected]:
    """Only this release's bytes are right; those of others are told from bytes that no release has."""
    known = [one.digest for one in task.releases if one.digest != digest]
    others = [files_of(engine, one) for one in set(known) - missing_manifests(engine, known)]

    def expect(file: ReleaseFile) -> Expected:
        there = (files.get(file.path) for files in others)
        return Expected(file.path, (file,), tuple(one for one in there if one and one.sha256 != file.sha256))

    return expect


def _cold_file(
    engine: sa.Engine, settings: Settings, task: Assignment, mirror: MirrorId, manifest: Manifest, digest: Digest
) -> ReleaseFile | None:
    """A cold file that this mirror was never asked for, to see that it has them at all; None if there is none left."""
    pool = cold_pool(engine, settings, task, len(manifest.cold))
    asked = cold.asked_files(engine, settings.node_name, digest, [mirror])[mirror]
    secret = subsecret(node_secret(settings.home), b"cold")
    for file in (pool[permuted(secret, (mirror,), turn, len(pool))] for turn in range(len(pool))):
        if file not in asked and cold.take(engine, settings.node_name, mirror, digest, file, task.epoch):
            return manifest.cold[file]
    return None
