"""Measuring a slot: votes come of what was seen, and our own faults are held against nobody."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from oracle import measure
from oracle.assignment import assignment
from oracle.errors import FetchFailed
from oracle.manifest import Manifest, compose
from oracle.manifests import manifest_of
from oracle.measure import admit_mirror, loopback_allowed, measure_slot, read_release
from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store import facts
from oracle.store.manifests import save_manifest
from oracle.store.observations import admissions, record_admission, votes_of
from tests.fixtures.hostile import Hostile, released, serves
from tests.fixtures.ledger import POLICY, Ledger, account

FILES = {"index.html": b"<h1>hello</h1>", "a/b.txt": b"text"}
INTO_S = 16
"""All probes of slot 0 (25 s) are due at once from here on, and there is time for their answers."""
F, E, S = FundId(1), Epoch(2), Slot(0)


def manifest_for(primary: str, files: dict[str, bytes]) -> Manifest:
    return compose("app", "1", primary, None, [released(path, body) for path, body in files.items()], [])


class Scene:
    """A primary and two mirrors on loopback, all good unless told otherwise, and a node that knows them."""

    def __init__(self, folder: Path, stack: ExitStack, second: dict[str, bytes] | None = None) -> None:
        operators = [account(100).address, account(101).address]
        contents = [FILES, FILES, second or FILES]
        behaviours = [serves(content, operator) for content, operator in zip(contents, ["", *operators], strict=True)]
        self.servers = [
            stack.enter_context(Hostile(behave, f"127.1.{number}.1")) for number, behave in enumerate(behaviours)
        ]
        self.manifest = manifest_for(self.servers[0].url, FILES)
        urls = [server.url for server in self.servers[1:]]
        self.ledger = Ledger(
            folder, urls=urls, ago_s=INTO_S, manifest=self.manifest.canonical(), changes={"allow_loopback": True}
        )
        self.engine, self.settings = self.ledger.engine, self.ledger.context.settings

    def know_release(self) -> None:
        save_manifest(self.engine, self.manifest.digest, self.manifest.canonical())

    def admit_all(self) -> None:
        for mirror in (1, 2):
            record_admission(self.engine, "node", mirror, self.manifest.digest, Reason.UP)

    def measure(self, slot: int = 0, shard: int = 0) -> dict[int, Vote]:
        measure_slot(self.engine, self.settings, F, E, Slot(slot), shard)
        return {vote.mirror: vote for vote in votes_of(self.engine, F, E, "node") if vote.slot == slot}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def scene(tmp_path: Path, stack: ExitStack) -> Scene:
    made = Scene(tmp_path, stack)
    made.know_release()
    return made


def test_whoever_serves_the_released_bytes_is_up_and_so_is_the_primary(scene: Scene) -> None:
    scene.admit_all()
    votes = scene.measure()
    assert {mirror: vote.reason for mirror, vote in votes.items()} == dict.fromkeys((PRIMARY, 1, 2), Reason.UP)
    assert votes[1].address == "127.1.1.1"
    assert votes[1].latency_ms is not None
    assert votes[1].path in FILES


def test_wrong_bytes_are_told_and_end_the_admission(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, second=dict.fromkeys(FILES, b"tampered"))
    scene.know_release()
    scene.admit_all()
    assert scene.measure()[2].reason is Reason.WRONG_BYTES
    assert admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(2)].reason is Reason.WRONG_BYTES
    assert admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(1)].reason is Reason.UP


def test_a_mirror_that_was_not_read_completely_is_not_even_asked(scene: Scene) -> None:
    record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.UP)
    assert scene.measure()[2].reason is Reason.NOT_MEASURED  # nobody has come to it yet: not its fault
    assert scene.servers[2].asked == []


@pytest.mark.parametrize(
    ("read", "voted"),
    [
        (Reason.WRONG_BYTES, Reason.WRONG_BYTES),
        (Reason.STALE_RELEASE, Reason.STALE_RELEASE),
        (Reason.NOT_OWNER, Reason.NOT_OWNER),
        (Reason.CONNECT, Reason.CONNECT),
        (Reason.NOT_MEASURED, Reason.NOT_MEASURED),
        (Reason.HTTP_STATUS, Reason.NOT_ADMITTED),
        (Reason.PROTOCOL, Reason.NOT_ADMITTED),
    ],
)
def test_a_failed_complete_read_says_why_the_mirror_does_not_count(scene: Scene, read: Reason, voted: Reason) -> None:
    record_admission(scene.engine, "node", 1, scene.manifest.digest, read, "a/b.txt: so it was")
    vote = scene.measure()[1]
    assert vote.reason is voted
    assert vote.detail == "complete read: a/b.txt: so it was"
    assert scene.servers[1].asked == []


def test_without_the_manifest_nobody_is_blamed(tmp_path: Path, stack: ExitStack) -> None:
    votes = Scene(tmp_path, stack).measure()
    assert {vote.reason for vote in votes.values()} == {Reason.RELEASE_UNREAD}
    assert set(votes) == {PRIMARY, 1, 2}


def test_a_task_that_comes_too_late_does_nothing(scene: Scene) -> None:
    scene.admit_all()
    before = scene.ledger.clock.start_s(E)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: int((before + 23.5) * 1e9))  # answers would come after the slot
        assert scene.measure() == {}
        patch.setattr(time, "time_ns", lambda: (before + 40) * 10**9)
        assert scene.measure() == {}
    assert scene.servers[1].asked == []


def test_a_task_far_ahead_of_its_slot_does_nothing(scene: Scene) -> None:
    scene.admit_all()
    assert scene.measure(slot=3) == {}


def test_a_slot_of_another_policy_or_shard_does_nothing(scene: Scene) -> None:
    assert scene.measure(slot=4) == {}
    assert scene.measure(shard=1) == {}


def test_the_first_vote_stands(scene: Scene) -> None:
    scene.admit_all()
    first = scene.measure()
    scene.servers[1]._behave = serves({})
    assert scene.measure() == first


def test_votes_against_a_release_that_was_not_the_one_in_force_are_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain may be indexed past the epoch's start only while the round runs."""
    scene.admit_all()
    other = manifest_for("http://127.1.0.1", {"index.html": b"2"})

    def indexed_later(*args: object, **kwargs: object) -> list[Vote]:
        scene.ledger.publish(2, other.digest, binds_from=2)
        return []

    monkeypatch.setattr(measure, "probe_round", indexed_later)
    assert scene.measure() == {}


def test_while_the_chain_is_not_known_no_vote_is_cast(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.admit_all()
    scene.ledger.index_to(scene.ledger.clock.start_s(E) - 1)
    monkeypatch.setattr(measure, "_LONGEST_WAIT_S", 0.2)
    assert scene.measure() == {}
    scene.ledger.index_to(scene.ledger.clock.start_s(E))
    assert len(scene.measure()) == 3


def test_when_this_node_was_stalled_silence_counts_against_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.admit_all()
    told = {1: Reason.TIMEOUT, 2: Reason.WRONG_BYTES}
    real = time.time_ns

    def stalled(targets: object, **_: object) -> list[Vote]:
        monkeypatch.setattr(time, "time_ns", lambda: real() + 60 * 10**9)
        return [Vote(F, MirrorId(mirror), E, S, reason, path="index.html") for mirror, reason in told.items()]

    monkeypatch.setattr(measure, "probe_round", stalled)
    votes = scene.measure()
    assert votes[1].reason is Reason.NOT_MEASURED
    assert votes[2].reason is Reason.WRONG_BYTES


def test_the_release_before_is_stale_unless_its_grace_lasts(tmp_path: Path, stack: ExitStack) -> None:
    old = {**FILES, "index.html": b"<h1>old</h1>", "a/b.txt": b"old text"}
    for grace, expected in ((0, Reason.STALE_RELEASE), (1, Reason.UP)):
        scene = Scene(tmp_path / str(grace), stack, second=old)
        former = manifest_for(scene.servers[0].url, old)
        scene.ledger.policy = replace(POLICY, release_grace_epochs=grace)
        scene.ledger._write(scene.engine)
        scene.ledger.publish(1, former.digest, binds_from=1)
        scene.ledger.publish(2, scene.manifest.digest, binds_from=2)
        for manifest in (former, scene.manifest):
            save_manifest(scene.engine, manifest.digest, manifest.canonical())
        scene.admit_all()
        assert scene.measure()[2].reason is expected


# ---------------------------------------------------------------------------------------------- complete reads


def test_a_complete_read_admits(scene: Scene) -> None:
    assert admit_mirror(scene.engine, scene.settings, F, E, MirrorId(1)) is Reason.UP
    read = admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(1)]
    assert (read.reason, read.files_read) == (Reason.UP, len(FILES))
    assert scene.measure()[1].reason is Reason.UP


def test_a_complete_read_that_finds_wrong_bytes_does_not_admit(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, second={**FILES, "a/b.txt": b"tampered"})
    scene.know_release()
    assert admit_mirror(scene.engine, scene.settings, F, E, MirrorId(2)) is Reason.WRONG_BYTES
    assert scene.measure()[2].reason is Reason.WRONG_BYTES


def test_a_mirror_that_does_not_count_is_not_read(scene: Scene) -> None:
    assert admit_mirror(scene.engine, scene.settings, F, E, MirrorId(9)) is None


def test_a_mirror_is_not_read_before_the_manifest(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    with pytest.raises(FetchFailed):
        admit_mirror(scene.engine, scene.settings, F, E, MirrorId(1))


def test_a_release_is_read_from_where_the_chain_says(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    server = stack.enter_context(Hostile(serves({"m.json": scene.manifest.canonical()}), "127.1.9.1"))
    scene.ledger.publish(1, scene.manifest.digest, url=f"{server.url}/m.json")
    read_release(scene.engine, scene.settings, F, E)
    assert manifest_of(scene.engine, scene.manifest.digest) == scene.manifest


def test_loopback_needs_a_development_chain_too(scene: Scene) -> None:
    assert loopback_allowed(scene.engine, scene.settings)
    facts.put(scene.engine, facts.CHAIN_ID, 1)
    assert not loopback_allowed(scene.engine, scene.settings)
    scene.admit_all()
    assert scene.measure()[1].reason is Reason.ADDRESS_REFUSED


def test_everything_that_is_probed_stands_in_the_assignment(scene: Scene) -> None:
    task = assignment(scene.engine, 1, 2)
    assert task is not None
    assert task.ids == (PRIMARY, 1, 2)
    assert assignment(scene.engine, 1, 0) is None
