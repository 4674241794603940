"""Complete reads: the host's owner first, then every file, and of a release from its source."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oracle import reads
from oracle.checks import Check
from oracle.errors import FetchFailed
from oracle.manifests import manifest_of
from oracle.model import PRIMARY, Epoch, MirrorId, Reason
from oracle.probes.admission import Admission, read_completely
from oracle.reads import admit_mirror, read_release, read_sources
from oracle.standing import draw
from oracle.store import tables
from oracle.store.db import writing
from oracle.store.ledger import Release
from oracle.store.manifests import save_manifest
from oracle.store.observations import admissions, record_admission
from oracle.store.ownerships import ownerships
from oracle.store.tallies import Asked, add_to_tallies, tallies
from tests.fixtures.hostile import Hostile, closed_port, serves, silent
from tests.fixtures.ledger import EPOCH_S, POLICY, Ledger
from tests.fixtures.scene import EPOCH, FILES, FUND, Scene, manifest_for, operator

WELL_KNOWN = "/.well-known/mirrorbond.json"
COLD = {f".mirrorbond/cold/{number}": b"cold %d" % number for number in range(3)}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def scene(tmp_path: Path, stack: ExitStack) -> Scene:
    made = Scene(tmp_path, stack)
    made.read_source()
    return made


def admit(scene: Scene, mirror: int = 1) -> Reason | None:
    return admit_mirror(scene.engine, scene.settings, FUND, EPOCH, MirrorId(mirror))


def rest(scene: Scene) -> None:
    """All complete reads were made long ago."""
    with writing(scene.engine) as connection:
        connection.execute(sa.update(tables.admissions).values(at_ms=0))


def test_a_complete_read_admits(scene: Scene) -> None:
    assert admit(scene) is Reason.UP
    read = admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(1)]
    assert (read.reason, read.files_read) == (Reason.UP, len(FILES))
    assert scene.asked(1)[0] == WELL_KNOWN
    tally = tallies(scene.engine, FUND, EPOCH, "node")[MirrorId(1)]
    assert (tally.requests, tally.read_requests) == (1, len(FILES))
    assert tally.read_bytes == sum(map(len, FILES.values()))
    assert scene.measure()[1].reason is Reason.UP


def test_a_complete_read_that_finds_wrong_bytes_does_not_admit(tmp_path: Path, stack: ExitStack) -> None:
    altered = serves({**FILES, "a/b.txt": b"tampered"}, operator(1))
    scene = Scene(tmp_path, stack, altered)
    scene.read_source()
    assert admit(scene) is Reason.WRONG_BYTES
    assert scene.measure()[1].reason is Reason.WRONG_BYTES


def test_a_host_that_names_nobody_is_asked_for_that_once_an_epoch_and_for_nothing_else(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it comes up, and however long ago that was: the host may be a third party's."""
    monkeypatch.setattr(reads, "rest_s", lambda _: -1)
    scene = Scene(tmp_path, stack, serves(FILES), silent, policy={"timeout_ms": 300})
    scene.read_source()
    for _ in range(3):
        assert admit(scene, 1) is Reason.NOT_OWNER
        assert admit(scene, 2) is Reason.TIMEOUT
    scene.measure()
    assert scene.asked(1) == [WELL_KNOWN]
    assert scene.asked(2) == [WELL_KNOWN] * 2  # one question: a connection that falls silent gets a second one
    heard = ownerships(scene.engine, "node")[MirrorId(1)]
    assert (heard.asks, heard.proved_epoch, heard.reason) == (1, None, Reason.NOT_OWNER)


def test_what_was_right_is_not_read_again_for_the_next_epoch(scene: Scene) -> None:
    """Both are sent while neither is done; a second read that fails must not take the admission away."""
    assert admit(scene) is Reason.UP
    before = scene.asked(1)
    assert admit(scene) is Reason.UP
    rest(scene)
    assert admit_mirror(scene.engine, scene.settings, FUND, Epoch(EPOCH + 1), MirrorId(1)) is Reason.UP
    assert scene.asked(1) == before
    record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.WRONG_BYTES, at_ms=0)
    assert admit(scene) is Reason.UP
    assert len(scene.asked(1)) == len(before) + len(FILES)


def test_what_failed_is_left_alone_for_a_while(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, serves({}, operator(1)), primary=serves({}))
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    for _ in range(2):
        assert admit(scene) is Reason.HTTP_STATUS
        read_sources(scene.engine, scene.settings, FUND, EPOCH)
    asked = len(scene.asked(1)), len(scene.primary.asked)
    assert asked == (1 + len(FILES), len(FILES))
    rest(scene)
    assert admit(scene) is Reason.HTTP_STATUS
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    assert len(scene.asked(1)) == asked[0] + 1
    assert len(scene.primary.asked) > asked[1]


def test_a_mirror_that_does_not_count_is_not_read(scene: Scene) -> None:
    assert admit(scene, 9) is None


def test_a_mirror_is_not_read_before_the_manifest(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    with pytest.raises(FetchFailed):
        admit(scene)
    assert scene.asked(1) == [WELL_KNOWN]


def test_a_mirror_must_have_its_cold_files_at_all(tmp_path: Path, stack: ExitStack) -> None:
    whole, bare = serves(FILES | COLD, operator(1)), serves(FILES, operator(2))
    scene = Scene(tmp_path, stack, whole, bare, cold=COLD, keys=True)
    scene.read_source()
    assert admit(scene, 1) is Reason.UP
    assert admit(scene, 2) is Reason.HTTP_STATUS
    assert sum("cold" in path for path in scene.asked(1)) == 1
    rest(scene)
    assert admit(scene, 2) is Reason.HTTP_STATUS
    colds = [path for path in scene.asked(2) if "cold" in path]
    assert len(set(colds)) == len(colds) == 2  # never the same


def test_a_failed_read_is_not_repeated_without_end(tmp_path: Path, stack: ExitStack) -> None:
    files = {"a": b"x" * 1000, "b": b"y"}
    scene = Scene(tmp_path, stack, serves({"a": b"x" * 1000}, operator(1)), files=files, policy={"budget_bytes": 1})
    scene.read_source()
    assert admit(scene) is Reason.HTTP_STATUS
    before = len(scene.asked(1))
    rest(scene)
    assert admit(scene) is Reason.HTTP_STATUS
    assert len(scene.asked(1)) == before + 1  # only what failed
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(MirrorId(1), 1, 9_000)])
    rest(scene)
    assert admit(scene) is Reason.HTTP_STATUS
    rest(scene)
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(MirrorId(1), read_bytes=6_000)])
    assert admit(scene) is Reason.HTTP_STATUS  # two reads of each of the four addresses that a name may have
    rest(scene)
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(MirrorId(1), read_bytes=3_000)])
    assert admit(scene) is None


def test_who_serves_one_file_to_probers_only_is_not_admitted_again(tmp_path: Path, stack: ExitStack) -> None:
    good, altered = serves(FILES, operator(1)), serves({**FILES, "a/b.txt": b"mine"}, operator(1))

    def behave(connection: socket.socket, head: bytes) -> None:
        (altered if b"Firefox" in head else good)(connection, head)

    scene = Scene(tmp_path, stack, behave)
    scene.read_source()
    told = "a/b.txt: 4 bytes, released are other 4"
    for _ in range(3):
        record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.WRONG_BYTES, told, at_ms=0)
        before = len(scene.asked(1))
        assert admit(scene) is Reason.WRONG_BYTES
        assert len(scene.asked(1)) > before


@pytest.mark.parametrize(
    ("before", "into_s", "kept"),
    [
        (Reason.WRONG_BYTES, 1, Reason.WRONG_BYTES),
        (Reason.WRONG_BYTES, -1, Reason.NOT_ADMITTED),  # it would be charged a second time
        (Reason.HTTP_STATUS, -1, Reason.HTTP_STATUS),
        (Reason.CONNECT, 1, Reason.NOT_MEASURED),  # it may be up again
    ],
)
def test_who_drips_after_a_wrong_answer_does_not_become_unknown(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, before: Reason, into_s: int, kept: Reason
) -> None:
    good = serves(FILES, operator(1))

    def drips(connection: socket.socket, head: bytes) -> None:
        time.sleep(0 if WELL_KNOWN.encode() in head else 0.6)
        good(connection, head)

    scene = Scene(tmp_path, stack, drips)
    scene.read_source()
    monkeypatch.setattr(reads, "read_completely", lambda *a, **k: read_completely(*a, **{**k, "budget_s": 0.3}))
    told, at_ms = "a/b.txt: so it was", (scene.ledger.clock.start_s(EPOCH) + into_s) * 1000
    record_admission(scene.engine, "node", 1, scene.manifest.digest, before, told, at_ms=at_ms)
    assert admit(scene) is kept
    read = admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(1)]
    assert (read.reason, read.detail == told) == (kept, kept is not Reason.NOT_MEASURED)


def test_half_of_a_complete_read_is_in_a_browsers_words(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, files={f"{number}": b"x" for number in range(100)})
    scene.read_source()
    asked = []
    for _ in range(2):
        record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.WRONG_BYTES, at_ms=0)
        assert admit(scene) is Reason.UP
        heads = [head for head in scene.mirrors[0].asked if WELL_KNOWN.encode() not in head]
        asked.append({head.split(b" ")[1] for head in heads if b"Firefox" in head})
        scene.mirrors[0].asked.clear()
    assert all(25 < len(one) < 75 for one in asked)
    assert asked[0] != asked[1]  # or a mirror would learn from the first which files are never asked for so


def test_many_small_files_are_not_read_without_end_either(scene: Scene) -> None:
    spent = [Asked(mirror, read_requests=POLICY.budget_requests) for mirror in (MirrorId(1), PRIMARY)]
    add_to_tallies(scene.engine, FUND, EPOCH, "node", spent)
    assert admit(scene) is None


def test_a_check_that_failed_costs_one_request_the_next_time(tmp_path: Path, stack: ExitStack) -> None:
    check = Check("/status", text="all well")
    broken = {**FILES, "status": b"broken"}
    scene = Scene(tmp_path, stack, serves(broken, operator(1)), checks=[check], primary=serves(broken))
    scene.read_source()
    for _ in range(3):
        assert admit(scene) is Reason.CHECK_FAILED
        rest(scene)
    assert len(scene.asked(1)) == 1 + len(FILES) + 3


def test_a_source_is_not_read_without_end(tmp_path: Path, stack: ExitStack) -> None:
    """It may be a third party's."""
    scene = Scene(tmp_path, stack, primary=serves({}), policy={"budget_bytes": 1})
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    before = len(scene.primary.asked)
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(PRIMARY, read_bytes=3_000)])
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    assert len(scene.primary.asked) == before > 0


def test_a_complete_read_takes_nothing_from_the_budget_of_the_slots(tmp_path: Path, stack: ExitStack) -> None:
    files = {f"{number}": b"x" for number in range(80)}
    day = {"budget_requests": 60 * 86_400 // EPOCH_S, "budget_bytes": 80 * 86_400}
    scene = Scene(tmp_path, stack, files=files, policy=day)
    scene.read_source()
    assert admit(scene) is Reason.UP
    clock, policy, digest = scene.ledger.clock, scene.ledger.policy, scene.manifest.digest
    known = draw(scene.engine, digest, digest, policy, clock.epoch_length_s)
    assert known
    assert len(files) > known.plan.requests
    before = len(scene.asked(1))
    scene.measure()
    assert len([path for path in scene.asked(1)[before:] if path != WELL_KNOWN]) == known.plan.each > 1


# -------------------------------------------------------------------------------------------------------- releases


def test_a_release_is_read_from_where_the_chain_says(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    server = stack.enter_context(Hostile(serves({"m.json": scene.manifest.canonical()}), "127.1.9.1"))
    scene.ledger.publish(1, scene.manifest.digest, url=f"{server.url}/m.json")
    read_release(scene.engine, scene.settings, FUND, EPOCH)
    assert manifest_of(scene.engine, scene.manifest.digest) == scene.manifest


def test_a_release_whose_source_serves_it_binds(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, cold=COLD, keys=True)
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    read = admissions(scene.engine, scene.manifest.digest, "node")[PRIMARY]
    assert read.reason is Reason.UP
    assert abs(read.at_ms / 1000 - time.time()) < 20
    assert sorted(scene.primary.paths()) == sorted(f"/{path}" for path in FILES)  # not the cold ones


def test_the_source_not_tried_for_the_longest_time_is_read_first_and_none_without_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = manifest_for(scene.primary.url, {"old": b"old"})
    save_manifest(scene.engine, older.digest, older.canonical())
    releases = [
        (Release(FUND, 2, EPOCH, scene.manifest.digest, ""), 5),
        (Release(FUND, 1, EPOCH, older.digest, ""), None),
    ]
    monkeypatch.setattr(reads, "unread_sources", lambda *_: releases)
    begun: list[tuple[str, float]] = []

    def slowly(*given: Any) -> Admission:
        begun.append(given[-2:])
        time.sleep(0.15)
        return Admission(PRIMARY, given[-2], Reason.TIMEOUT)

    monkeypatch.setattr(reads, "_read", slowly)
    for budget_s, order in ((0.2, [older]), (0.4, [older, scene.manifest])):
        monkeypatch.setattr(reads, "_BUDGET_S", budget_s)
        begun.clear()
        read_sources(scene.engine, scene.settings, FUND, EPOCH)
        assert [digest for digest, _ in begun] == [manifest.digest for manifest in order]
        assert all(left_s <= budget_s - 0.15 * turn for turn, (_, left_s) in enumerate(begun))


@pytest.mark.parametrize("broken", [{}, {**FILES, "index.html": b"another"}])
def test_a_release_whose_source_does_not_serve_it_does_not_bind(
    tmp_path: Path, stack: ExitStack, broken: dict[str, bytes]
) -> None:
    scene = Scene(tmp_path, stack, primary=serves(broken))
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    read_sources(scene.engine, scene.settings, FUND, EPOCH)
    assert admissions(scene.engine, scene.manifest.digest, "node")[PRIMARY].reason is not Reason.UP
    assert scene.measure()[1].reason is Reason.RELEASE_UNREAD


def test_what_cannot_be_read_is_told_and_not_raised(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, changes={"allow_loopback": True})
    ledger.publish(1, ledger.release, url=f"http://127.1.9.1:{closed_port('127.1.9.1')}/m.json")
    read_release(ledger.engine, ledger.context.settings, FUND, EPOCH)
    read_sources(ledger.engine, ledger.context.settings, FUND, EPOCH)
    assert admissions(ledger.engine, ledger.release, "node") == {}
