"""A fund's releases for people, with what their manifests say where this node has read them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.store.moment import shown
from oracle.store.tables import manifests, releases


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release; `version`, `files` and `cold` are None while this node has not read the manifest."""

    sequence: int
    binds_from: int
    digest: str
    url: str
    version: str | None
    files: int | None
    cold: int | None


Facts = tuple[str, int, int]
"""What is shown of a manifest: its version and the numbers of files and of cold ones."""

MOST_REMEMBERED = 10_000
_remembered: dict[tuple[str, str], Facts] = {}
"""By store and digest: a manifest has up to 32 MiB, and none ever changes."""


def releases_of(connection: sa.Connection, fund: int) -> list[ReleaseView]:
    """All releases of a fund, newest first."""
    rows = releases.c
    query = sa.select(releases).where(rows.fund == fund).order_by(rows.sequence.desc())
    found = connection.execute(query).all()
    known = _facts(connection, {row.digest for row in found})
    unread = (None, None, None)
    return [
        ReleaseView(row.sequence, row.binds_from, row.digest, shown(row.url, 512), *known.get(row.digest, unread))
        for row in found
    ]


def _facts(connection: sa.Connection, digests: Collection[str]) -> dict[str, Facts]:
    """Of the manifests that this node has read; each is parsed once, and no two are held at a time."""
    store = str(connection.engine.url)
    rows = manifests.c
    for digest in [digest for digest in digests if (store, digest) not in _remembered]:
        body = connection.execute(sa.select(rows.body).where(rows.digest == digest)).scalar()
        if body is not None:
            if len(_remembered) >= MOST_REMEMBERED:
                _remembered.clear()
            _remembered[store, digest] = _manifest(body)
    return {digest: told for digest in digests if (told := _remembered.get((store, digest)))}


def _manifest(body: bytes) -> Facts:
    """A manifest in the store was checked when it was read."""
    fields = json.loads(body)
    return shown(str(fields["version"]), 60), len(fields["files"]), len(fields["cold"])


def release_at(known: Sequence[ReleaseView], epoch: int) -> ReleaseView | None:
    """The release in force in an epoch, of releases newest first."""
    return next((release for release in known if release.binds_from <= epoch), None)
