"""The manifests of releases: read once from where the chain says, checked against the digest on the chain, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import sqlalchemy as sa

from oracle.digests import sha256_digest
from oracle.errors import FetchFailed
from oracle.manifest import MOST_BYTES, Manifest, ReleaseFile, parse
from oracle.model import Digest
from oracle.probes.address import locate
from oracle.probes.engine import fetch_all
from oracle.probes.exchange import Request
from oracle.store.ledger import Release
from oracle.store.manifests import load_manifest, save_manifest

_BUDGET_S = 60.0
_KEPT = 512
"""Manifests in memory: a node goes through those of all its funds in every slice."""


@lru_cache(maxsize=_KEPT)
def manifest_of(engine: sa.Engine, digest: Digest) -> Manifest:
    """The manifest of a release that this node has read.

    Raises: FetchFailed if it has not.
    """
    body = load_manifest(engine, digest)
    if body is None:
        raise FetchFailed(digest, "the release's manifest has not been read yet")
    return parse(body)


@lru_cache(maxsize=_KEPT)
def files_of(engine: sa.Engine, digest: Digest) -> Mapping[str, ReleaseFile]:
    """The files of a release that this node has read, by their path.

    Raises: FetchFailed if it has not.
    """
    return {file.path: file for file in manifest_of(engine, digest).files}


def read_manifest(engine: sa.Engine, release: Release, *, allow_loopback: bool = False) -> Manifest:
    """The manifest of a release, read from its URL if this node has none.

    A stranger chose that URL, so it is asked as a probe asks: at public addresses only, bounded in bytes and time.

    Raises: FetchFailed if there is no answer, or bytes with another digest; InvalidManifest.
    """
    if load_manifest(engine, release.digest) is None:
        body = _fetch(release.url, allow_loopback)
        if sha256_digest(body) != release.digest:
            raise FetchFailed(release.url.partition("?")[0], "serves other bytes than the digest on the chain names")
        parse(body)
        save_manifest(engine, release.digest, body)
    return manifest_of(engine, release.digest)


def _fetch(url: str, allow_loopback: bool) -> bytes:
    shown, mark, query = url.partition("#")[0].partition("?")
    located = locate([shown], _BUDGET_S / 3, allow_loopback=allow_loopback)[0]
    if located.base is None or not located.address:
        raise FetchFailed(shown, located.detail or str(located.reason))
    asked = Request(f"{located.base}{mark}{query}", located.address, max_bytes=MOST_BYTES, keep_body=True, retries=1)
    response = fetch_all([asked], _BUDGET_S)[0]
    if response.reason is not None or response.status != 200 or response.body is None:
        raise FetchFailed(shown, response.detail or f"answered {response.status}")
    return response.body
