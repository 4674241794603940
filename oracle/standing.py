"""Which releases count for this node in an epoch, and what may stand at their paths.

A release binds for a node once the node has read every file of it from its source; until then its predecessor counts.
Since members merge their votes by majority, a release binds for a committee once a majority has read it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from oracle.assignment import Assignment
from oracle.budget import Plan, plan
from oracle.manifest import ReleaseFile
from oracle.manifests import files_of, manifest_of
from oracle.model import PRIMARY, Address, Clock, Digest, Policy, Reason
from oracle.probes.integrity import Expected
from oracle.settings import Settings
from oracle.store import facts, ledger
from oracle.store.ledger import Release
from oracle.store.manifests import missing_manifests
from oracle.store.observations import CompleteRead, reads_among

DEVELOPMENT_CHAIN = 31337
Sources = Mapping[Digest, CompleteRead]
"""How the releases were read last from their source."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The releases that count, each with its manifest read: `current` is bound; `former` is its predecessor while that
    is in its grace; `coming` were published since. `stale` are those whose grace is over."""

    current: Digest
    former: Digest | None = None
    coming: tuple[Digest, ...] = ()
    stale: tuple[Digest, ...] = ()

    @property
    def counting(self) -> tuple[Digest, ...]:
        """Those whose bytes are right, newest first."""
        return (*self.coming, self.current, *([self.former] if self.former else []))

    def newer_than(self, digest: Digest) -> tuple[Digest, ...]:
        """Those that count and came after one of them."""
        return self.counting[: self.counting.index(digest)]


def standing(engine: sa.Engine, node: str, clock: Clock, task: Assignment) -> Standing | None:
    """How this node stands to the fund's releases in the epoch; None while it has read none from its source."""
    digests = [release.digest for release in task.releases]
    return stand(clock, task, missing_manifests(engine, digests), sources_read(engine, node))


def stand(clock: Clock, task: Assignment, missing: Collection[str], sources: Sources) -> Standing | None:
    """The same, given which manifests are missing and how the releases' sources were read last."""
    known = [release for release in task.releases if release.digest not in missing]
    bound = _bound(sources, clock, [release for release in known if release.binds_from <= task.epoch])
    in_force = [(release, since) for release, since in bound if since <= task.epoch]
    if not in_force:
        return None
    (current, since), *earlier = in_force
    older = [release.digest for release in known if release.sequence < current.sequence]
    former = earlier[0][0].digest if earlier else None
    in_grace = former is not None and task.epoch < since + task.policy.release_grace_epochs
    return Standing(
        current=current.digest,
        former=former if in_grace else None,
        coming=tuple(release.digest for release in known if release.sequence > current.sequence),
        stale=tuple(digest for digest in older if not (in_grace and digest == former) and digest != current.digest),
    )


def sources_read(engine: sa.Engine, node: str) -> Sources:
    """How this node has read the releases last."""
    found = reads_among(engine, node, [PRIMARY])
    return {digest: reads[PRIMARY] for digest, reads in found.items()}


def unread_sources(engine: sa.Engine, node: str, task: Assignment) -> list[tuple[Release, int | None]]:
    """The releases with a known manifest, newest first, down to the newest one that has been read from its source, each
    with when (Unix ms) that was tried last. Of those that have begun only the newest two: older ones are gone."""
    missing = missing_manifests(engine, [release.digest for release in task.releases])
    return unread(task, missing, sources_read(engine, node))


def unread(task: Assignment, missing: Collection[str], sources: Sources) -> list[tuple[Release, int | None]]:
    """The same, given which manifests are missing and how the releases' sources were read."""
    found: list[tuple[Release, int | None]] = []
    for release in (release for release in task.releases if release.digest not in missing):
        read = sources.get(release.digest)
        if read is not None and read.reason is Reason.UP:
            break
        begun = sum(one.binds_from <= task.epoch for one, _ in found)
        if begun < 2 or release.binds_from > task.epoch:
            found.append((release, read.at_ms if read else None))
    return found


def readable(task: Assignment) -> tuple[Release, ...]:
    """The releases whose manifests are worth reading: those to come, the last one and its predecessor."""
    coming = len(task.releases) - len(task.begun)
    return task.releases[: coming + 2]


def loopback_allowed(engine: sa.Engine, settings: Settings) -> bool:
    """Whether loopback addresses may be probed: asked for, and on a development chain."""
    return settings.allow_loopback and facts.get(engine, facts.CHAIN_ID) == DEVELOPMENT_CHAIN


def cold_pool(engine: sa.Engine, settings: Settings, task: Assignment, count: int) -> tuple[int, ...]:
    """Which of a release's `count` cold files are this node's to ask for: every member has its own, so that no two of
    them ask a mirror for the same. A node without a member's key has none."""
    config = ledger.config_at(engine, task.offer.committee, task.epoch)
    members = config.members if config else ()
    mine = {number for number, member in enumerate(members) if member in _own_members(settings.keystores)}
    return tuple(file for file in range(count) if file % max(1, len(members)) in mine)


@lru_cache(maxsize=4)
def _own_members(keystores: tuple[Path, ...]) -> frozenset[Address]:
    from oracle.keys import address_in  # a second to import, and a node that only measures never needs it

    return frozenset(address_in(file) for file in keystores)


def _bound(sources: Sources, clock: Clock, begun: Sequence[Release]) -> list[tuple[Release, int]]:
    """The releases that were read from their source, newest first, each with the epoch from which it binds: its own,
    or the one after it was read; at once if there was nothing before it."""
    found: list[tuple[Release, int]] = []
    for release in reversed(begun):
        read = sources.get(release.digest)
        if read is not None and read.reason is Reason.UP:
            after = clock.epoch_at(read.at_ms // 1000) + 1
            ahead = read.at_ms < clock.start_s(release.binds_from) * 1000
            found.append((release, release.binds_from if ahead or not found else max(release.binds_from, after)))
    return found[::-1]


# ------------------------------------------------------------------------------------------------ what may be there


def expected(
    engine: sa.Engine, standing: Standing, held: Digest, file: ReleaseFile, *, all_count: bool = False
) -> Expected:
    """What may stand at the path of a file of the release that a mirror is `held` to, which counts. With `all_count`
    old releases are as good: a primary that has not deployed its release yet is there."""
    others = [digest for digest in standing.counting if digest != held]
    right = _at(engine, [*others, *(standing.stale if all_count else ())], file)
    newer = standing.newer_than(held) if not all_count else (*others, *standing.stale)
    return Expected(
        path=file.path,
        right=(file, *right),
        stale=() if all_count else _at(engine, standing.stale, file),
        may_be_absent=any(file.path not in files_of(engine, digest) for digest in newer),
    )


def _at(engine: sa.Engine, releases: Sequence[Digest], file: ReleaseFile) -> tuple[ReleaseFile, ...]:
    found = (files_of(engine, digest).get(file.path) for digest in releases)
    return tuple(dict.fromkeys(other for other in found if other is not None and other.sha256 != file.sha256))


@dataclass(frozen=True, slots=True)
class Draw:
    """The files that a mirror is asked for, and how many of them when."""

    files: tuple[ReleaseFile, ...]
    plan: Plan


@lru_cache(maxsize=1_024)
def draw(engine: sa.Engine, held: Digest, current: Digest, policy: Policy, epoch_length_s: int) -> Draw | None:
    """For a mirror that is held to a release: while that is not the current one, only files that both have. None if
    there is nothing to ask for that is not longer than the policy allows."""
    manifest = manifest_of(engine, held)
    files = tuple(file for file in manifest.files if file.length <= policy.max_file_bytes)
    if held != current:
        there: Mapping[str, ReleaseFile] = files_of(engine, current)
        files = tuple(file for file in files if file.path in there) or files
    if not files and not manifest.checks:
        return None
    lengths = [file.length for file in files]
    return Draw(files, plan(lengths, len(manifest.checks), policy, epoch_length_s))
