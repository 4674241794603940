"""Which releases count: what was read from its source, its predecessor in its grace, and what is to come."""

from dataclasses import replace
from pathlib import Path

import pytest

from oracle.assignment import Assignment, assignment
from oracle.manifest import Manifest
from oracle.model import PRIMARY, Digest, Policy, Reason
from oracle.standing import Standing, cold_pool, draw, expected, readable, standing, unread_sources
from oracle.store.manifests import save_manifest
from oracle.store.observations import record_admission
from tests.fixtures.ledger import POLICY, Ledger
from tests.fixtures.scene import keystore, manifest_for

OLD = manifest_for("http://primary.example", {"index.html": b"old", "gone.js": b"gone"})
NOW = manifest_for("http://primary.example", {"index.html": b"now", "a.js": b"a"})
NEXT = manifest_for("http://primary.example", {"index.html": b"next", "b.js": b"b"})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """OLD binds from epoch 1, NOW from 3, NEXT from 5."""
    made = Ledger(tmp_path, policy=replace(POLICY, release_grace_epochs=1))
    for sequence, (manifest, binds_from) in enumerate(((OLD, 1), (NOW, 3), (NEXT, 5)), start=1):
        made.publish(sequence, manifest.digest, binds_from=binds_from)
        save_manifest(made.engine, manifest.digest, manifest.canonical())
    return made


def read(ledger: Ledger, manifest: Manifest, in_epoch: int, reason: Reason = Reason.UP) -> None:
    """This node has read a release from its source."""
    at_ms = ledger.clock.start_s(in_epoch) * 1000 + 1
    record_admission(ledger.engine, "node", PRIMARY, manifest.digest, reason, at_ms=at_ms)


def task_of(ledger: Ledger, epoch: int) -> Assignment:
    task = assignment(ledger.engine, 1, epoch)
    assert task is not None
    return task


def at(ledger: Ledger, epoch: int) -> Standing | None:
    return standing(ledger.engine, "node", ledger.clock, task_of(ledger, epoch))


def test_nothing_counts_before_it_was_read_from_its_source(ledger: Ledger) -> None:
    assert at(ledger, 2) is None
    read(ledger, OLD, 2, Reason.CONNECT)
    assert at(ledger, 2) is None


def test_a_first_release_counts_as_soon_as_it_was_read(ledger: Ledger) -> None:
    read(ledger, OLD, 2)
    assert at(ledger, 2) == Standing(OLD.digest, coming=(NEXT.digest, NOW.digest))


def test_a_release_read_ahead_binds_when_the_chain_says_and_leaves_its_predecessor_a_grace(ledger: Ledger) -> None:
    read(ledger, OLD, 1)
    read(ledger, NOW, 2)
    assert at(ledger, 2) == Standing(OLD.digest, coming=(NEXT.digest, NOW.digest))
    assert at(ledger, 3) == Standing(NOW.digest, former=OLD.digest, coming=(NEXT.digest,))
    assert at(ledger, 4) == Standing(NOW.digest, coming=(NEXT.digest,), stale=(OLD.digest,))


def test_a_release_read_late_binds_late_and_its_predecessor_counts_until_then(ledger: Ledger) -> None:
    read(ledger, OLD, 1)
    assert at(ledger, 3) == Standing(OLD.digest, coming=(NEXT.digest, NOW.digest))
    read(ledger, NOW, 3)
    assert at(ledger, 3) == Standing(OLD.digest, coming=(NEXT.digest, NOW.digest))
    assert at(ledger, 4) == Standing(NOW.digest, former=OLD.digest, coming=(NEXT.digest,))
    assert at(ledger, 5) == Standing(NOW.digest, coming=(NEXT.digest,), stale=(OLD.digest,))


def test_a_node_that_comes_late_takes_the_release_in_force_at_once(ledger: Ledger) -> None:
    read(ledger, NOW, 4)
    assert at(ledger, 4) == Standing(NOW.digest, coming=(NEXT.digest,), stale=(OLD.digest,))


def test_more_than_one_release_back_is_stale_too(ledger: Ledger) -> None:
    for manifest in (OLD, NOW, NEXT):
        read(ledger, manifest, 1)
    assert at(ledger, 5) == Standing(NEXT.digest, former=NOW.digest, stale=(OLD.digest,))
    assert at(ledger, 6) == Standing(NEXT.digest, stale=(NOW.digest, OLD.digest))


def test_a_release_whose_manifest_is_not_known_is_not_spoken_of(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.publish(1, OLD.digest)
    ledger.publish(2, NOW.digest, binds_from=3)
    save_manifest(ledger.engine, OLD.digest, OLD.canonical())
    read(ledger, OLD, 1)
    assert at(ledger, 2) == Standing(OLD.digest)


def test_sources_are_read_down_to_the_newest_that_was_read(ledger: Ledger) -> None:
    task = task_of(ledger, 3)
    assert [release.digest for release, _ in unread_sources(ledger.engine, "node", task)] == [
        NEXT.digest, NOW.digest, OLD.digest,
    ]  # fmt: skip
    read(ledger, OLD, 1)
    read(ledger, NOW, 2, Reason.CONNECT)
    tried = ledger.clock.start_s(2) * 1000 + 1
    assert [(release.digest, at_ms) for release, at_ms in unread_sources(ledger.engine, "node", task)] == [
        (NEXT.digest, None), (NOW.digest, tried),
    ]  # fmt: skip
    assert [release.digest for release in readable(task_of(ledger, 5))] == [NEXT.digest, NOW.digest]


# ---------------------------------------------------------------------------------------------- what may stand there


def stands(current: Manifest, former: Manifest | None = None, *, stale: tuple[Digest, ...] = ()) -> Standing:
    return Standing(current.digest, former.digest if former else None, (NEXT.digest,), stale)


def test_bytes_of_all_releases_that_count_are_right_and_absence_is_where_a_newer_one_lacks_it(ledger: Ledger) -> None:
    index, script = sorted(NOW.files, key=lambda file: -len(file.path))
    found = expected(ledger.engine, stands(NOW, OLD), NOW.digest, index)
    assert [file.sha256 for file in found.right] == [
        index.sha256, *(next(f.sha256 for f in m.files if f.path == "index.html") for m in (NEXT, OLD))
    ]  # fmt: skip
    assert not found.may_be_absent
    assert expected(ledger.engine, stands(NOW), NOW.digest, script).may_be_absent  # NEXT has no a.js
    assert not expected(ledger.engine, Standing(NOW.digest, OLD.digest), NOW.digest, script).may_be_absent


def test_bytes_of_old_releases_are_stale_but_not_for_the_primary(ledger: Ledger) -> None:
    index = next(file for file in NOW.files if file.path == "index.html")
    standing = Standing(NOW.digest, stale=(OLD.digest,))
    mirror = expected(ledger.engine, standing, NOW.digest, index)
    assert (len(mirror.right), len(mirror.stale)) == (1, 1)
    primary = expected(ledger.engine, standing, NOW.digest, index, all_count=True)
    assert (len(primary.right), len(primary.stale)) == (2, 0)


def test_while_a_mirror_is_in_its_grace_only_files_of_both_releases_are_drawn(ledger: Ledger) -> None:
    def paths(held: Manifest) -> set[str]:
        found = draw(ledger.engine, held.digest, NOW.digest, Policy(), 86_400)
        return {file.path for file in found.files} if found else set()

    assert paths(NOW) == {"index.html", "a.js"}
    assert paths(OLD) == {"index.html"}


def test_files_longer_than_the_policy_allows_are_not_drawn(ledger: Ledger) -> None:
    found = draw(ledger.engine, NOW.digest, NOW.digest, Policy(max_file_bytes=2), 86_400)
    assert found is not None
    assert [file.path for file in found.files] == ["a.js"]
    assert draw(ledger.engine, NOW.digest, NOW.digest, Policy(max_file_bytes=0), 86_400) is None


def test_every_member_has_cold_files_of_its_own(tmp_path: Path) -> None:
    file = keystore(tmp_path)
    ledger = Ledger(tmp_path / "one", members=3, quorum=2, changes={"keystores": (file,)})
    task, settings = task_of(ledger, 1), ledger.context.settings
    number = next(i for i, one in enumerate(ledger.accounts) if one.address.lower() in file.read_text().lower())
    assert cold_pool(ledger.engine, settings, task, 10) == tuple(range(number, 10, 3))
    assert cold_pool(ledger.engine, Ledger(tmp_path / "none").context.settings, task, 10) == ()
