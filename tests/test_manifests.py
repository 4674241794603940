"""A release's manifest is believed only by its digest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from oracle.digests import sha256_digest
from oracle.errors import FetchFailed, InvalidManifest
from oracle.manifest import Manifest, compose
from oracle.manifests import manifest_of, read_manifest
from oracle.model import Digest, Epoch, FundId
from oracle.store.db import close_store, open_store
from oracle.store.ledger import Release
from oracle.store.manifests import load_manifest
from tests.fixtures.hostile import Hostile, released, serves


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    yield open_store(url)
    close_store(url)


@pytest.fixture
def manifest() -> Manifest:
    return compose("app", "1", "http://127.1.0.1:80", None, [released("index.html", b"hello")], [])


def release(digest: str, url: str) -> Release:
    return Release(FundId(1), 1, Epoch(1), Digest(digest), url)


def test_a_manifest_is_fetched_once_and_kept(engine: sa.Engine, manifest: Manifest) -> None:
    with Hostile(serves({"m.json": manifest.canonical()})) as server:
        wanted = release(manifest.digest, f"{server.url}/m.json")
        for _ in range(2):
            assert read_manifest(engine, wanted, allow_loopback=True) == manifest
        assert server.paths() == ["/m.json"]
    assert manifest_of(engine, manifest.digest) == manifest


def test_a_query_in_the_url_is_kept(engine: sa.Engine, manifest: Manifest) -> None:
    with Hostile(serves({"m.json?v=1": manifest.canonical()})) as server:
        read_manifest(engine, release(manifest.digest, f"{server.url}/m.json?v=1#part"), allow_loopback=True)
        assert server.paths() == ["/m.json?v=1"]


def test_bytes_with_another_digest_are_refused(engine: sa.Engine, manifest: Manifest) -> None:
    told = "other bytes than the digest on the chain names"
    with Hostile(serves({"m.json": manifest.canonical() + b" "})) as server, pytest.raises(FetchFailed, match=told):
        read_manifest(engine, release(manifest.digest, f"{server.url}/m.json"), allow_loopback=True)
    assert load_manifest(engine, manifest.digest) is None


def test_bytes_that_are_no_manifest_are_refused_though_their_digest_is_right(engine: sa.Engine) -> None:
    body = b'{"spec":1}'
    with Hostile(serves({"m.json": body})) as server, pytest.raises(InvalidManifest):
        read_manifest(engine, release(sha256_digest(body), f"{server.url}/m.json"), allow_loopback=True)
    assert load_manifest(engine, sha256_digest(body)) is None


@pytest.mark.parametrize("path", ["missing.json", "m.json/"])
def test_no_answer_is_told(engine: sa.Engine, manifest: Manifest, path: str) -> None:
    with Hostile(serves({})) as server, pytest.raises(FetchFailed, match="answered 404"):
        read_manifest(engine, release(manifest.digest, f"{server.url}/{path}"), allow_loopback=True)


def test_a_fund_cannot_point_the_node_at_its_own_network(engine: sa.Engine, manifest: Manifest) -> None:
    """Anybody may publish a release: its URL is a stranger's."""
    with Hostile(serves({"m.json": manifest.canonical()})) as server, pytest.raises(FetchFailed):
        read_manifest(engine, release(manifest.digest, f"{server.url}/m.json"))
    assert server.asked == []


def test_a_manifest_that_was_not_read_is_not_guessed(engine: sa.Engine) -> None:
    with pytest.raises(FetchFailed, match="has not been read yet"):
        manifest_of(engine, Digest("0x" + "00" * 32))
