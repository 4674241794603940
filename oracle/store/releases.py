"""A fund's releases for people, with what their manifests say where this node has read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
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


def releases_of(connection: sa.Connection, fund: int) -> list[ReleaseView]:
    """All releases of a fund, newest first."""
    rows = releases.c
    joined = releases.outerjoin(manifests, manifests.c.digest == rows.digest)
    query = sa.select(releases, manifests.c.body).select_from(joined).where(rows.fund == fund)
    return [
        ReleaseView(row.sequence, row.binds_from, row.digest, shown(row.url), *_manifest(row.body))
        for row in connection.execute(query.order_by(rows.sequence.desc()))
    ]


def _manifest(body: bytes | None) -> tuple[str | None, int | None, int | None]:
    """Version and numbers of files: a manifest in the store was checked when it was read."""
    if body is None:
        return None, None, None
    fields = json.loads(body)
    return shown(str(fields["version"]), 60), len(fields["files"]), len(fields["cold"])


def release_at(known: Sequence[ReleaseView], epoch: int) -> ReleaseView | None:
    """The release in force in an epoch, of releases newest first."""
    return next((release for release in known if release.binds_from <= epoch), None)
