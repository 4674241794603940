"""A manifest is kept once, by its digest."""

import sqlalchemy as sa

from oracle.store.manifests import load_manifest, save_manifest

DIGEST = "0x" + "ab" * 32


def test_a_manifest_is_found_by_its_digest(store: sa.Engine) -> None:
    assert load_manifest(store, DIGEST) is None
    assert save_manifest(store, DIGEST, b'{"spec":1}')
    assert not save_manifest(store, DIGEST, b"other")
    assert load_manifest(store, DIGEST) == b'{"spec":1}'
