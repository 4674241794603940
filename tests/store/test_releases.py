"""A release is in force from its epoch on; what its manifest says is unknown until it was read."""

import sqlalchemy as sa

from oracle.store.db import insert_new, reading, writing
from oracle.store.manifests import save_manifest
from oracle.store.releases import ReleaseView, release_at, releases_of
from oracle.store.tables import releases

DIGEST = "0x" + "ab" * 32


def add(engine: sa.Engine, sequence: int, binds_from: int, digest: str) -> None:
    row = {
        "fund": 1,
        "sequence": sequence,
        "binds_from": binds_from,
        "digest": digest,
        "url": "https://a.example/m.json",
    }
    with writing(engine) as connection:
        insert_new(connection, releases, [row])


def test_the_release_in_force_is_the_latest_that_binds(store: sa.Engine) -> None:
    for sequence, binds_from in ((1, 1), (2, 5), (3, 5), (4, 9)):
        add(store, sequence, binds_from, DIGEST)
    with reading(store) as connection:
        known = releases_of(connection, 1)
    found = [release_at(known, epoch) for epoch in (0, 4, 5, 8, 9)]
    assert [release.sequence if release else None for release in found] == [None, 1, 3, 3, 4]


def test_a_manifest_that_was_not_read_leaves_version_and_files_unknown(store: sa.Engine) -> None:
    add(store, 1, 1, DIGEST)
    add(store, 2, 2, "0x" + "cd" * 32)
    save_manifest(store, DIGEST, b'{"version":"1.0\\u202e","files":[1,2],"cold":[]}')
    with reading(store) as connection:
        newer, older = releases_of(connection, 1)
    assert (newer.version, newer.files, newer.cold) == (None, None, None)
    assert older == ReleaseView(1, 1, DIGEST, "https://a.example/m.json", "1.0\ufffd", 2, 0)


def test_a_manifest_is_read_once_however_often_it_is_shown(store: sa.Engine) -> None:
    add(store, 1, 1, DIGEST)
    with reading(store) as connection:
        assert releases_of(connection, 1)[0].version is None
    save_manifest(store, DIGEST, b'{"version":"1.0","files":[1],"cold":[]}')
    bodies: list[str] = []
    sa.event.listen(store, "before_cursor_execute", lambda *args: bodies.append(args[2]) if "body" in args[2] else None)
    for _ in range(3):
        with reading(store) as connection:
            assert releases_of(connection, 1)[0].version == "1.0"
    assert len(bodies) == 1


def test_an_address_is_whole_to_the_contracts_limit(store: sa.Engine) -> None:
    url = "https://a.example/" + "m" * 494
    with writing(store) as connection:
        insert_new(connection, releases, [{"fund": 1, "sequence": 1, "binds_from": 1, "digest": DIGEST, "url": url}])
    with reading(store) as connection:
        assert releases_of(connection, 1)[0].url == url
