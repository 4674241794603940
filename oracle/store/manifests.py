"""The releases' manifests that this node has read."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from oracle.store.db import insert_new, reading, writing
from oracle.store.observations import now_ms
from oracle.store.tables import manifests


def save_manifest(engine: sa.Engine, digest: str, body: bytes) -> bool:
    """Keeps a release's manifest, checked by the caller against its digest, and says whether it is new."""
    with writing(engine) as connection:
        return insert_new(connection, manifests, [{"digest": digest, "body": body, "read_s": now_ms() // 1000}]) == 1


def load_manifest(engine: sa.Engine, digest: str) -> bytes | None:
    """A release's manifest; None if this node has not read it."""
    with reading(engine) as connection:
        return connection.execute(sa.select(manifests.c.body).where(manifests.c.digest == digest)).scalar()


def missing_manifests(engine: sa.Engine, digests: Collection[str]) -> frozenset[str]:
    """Those of the digests whose manifest this node has not read."""
    query = sa.select(manifests.c.digest).where(manifests.c.digest.in_(digests))
    with reading(engine) as connection:
        return frozenset(digests) - frozenset(connection.execute(query).scalars())
