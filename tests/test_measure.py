"""Measuring a slot: votes come of what was seen, and our own faults are held against nobody."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from oracle import measure
from oracle.checks import Check
from oracle.model import PRIMARY, MirrorId, Reason, Slot, Vote
from oracle.probes.round import Heard, ask_round
from oracle.standing import loopback_allowed
from oracle.store import facts
from oracle.store.manifests import save_manifest
from oracle.store.observations import admissions, record_admission, record_votes
from oracle.store.ownerships import ownerships, record_ownership
from oracle.store.tallies import Asked, add_to_tallies, tallies
from tests.fixtures.hostile import resets, serves, silent
from tests.fixtures.scene import EPOCH, FILES, FUND, Scene, manifest_for, operator

AWAY = sha256(b"scene 6").digest()
"""With which mirror 1 is asked from elsewhere in slot 0, and neither is in any other."""
WELL_KNOWN = "/.well-known/mirrorbond.json"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def scene(tmp_path: Path, stack: ExitStack) -> Scene:
    return Scene(tmp_path, stack).ready()


def files_asked(scene: Scene, mirror: int) -> list[str]:
    """Each once: a second connection, which a busy machine may come to need, is no second question."""
    return list(dict.fromkeys(path for path in scene.asked(mirror) if path != WELL_KNOWN))


def voted_before(scene: Scene, mirror: int, reason: Reason) -> None:
    """What this node said in the slot before slot 1."""
    record_votes(scene.engine, "node", [Vote(FUND, MirrorId(mirror), EPOCH, Slot(0), reason)])


def at_slot(scene: Scene, monkeypatch: pytest.MonkeyPatch, slot: int) -> None:
    """Let it be so late that all probes of the slot are due at once."""
    offset = slot * 25 * 10**9
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + offset)


def test_whoever_serves_the_released_bytes_is_up_and_so_is_the_primary(scene: Scene) -> None:
    votes = scene.measure()
    assert {mirror: vote.reason for mirror, vote in votes.items()} == dict.fromkeys((PRIMARY, 1, 2), Reason.UP)
    assert votes[1].address == "127.1.1.1"
    assert votes[1].latency_ms is not None
    assert votes[1].rtt_us is not None
    assert votes[1].path in FILES


def test_wrong_bytes_are_told_and_end_the_admission(tmp_path: Path, stack: ExitStack) -> None:
    tampered = serves(dict.fromkeys(FILES, b"tampered"), operator(2))
    scene = Scene(tmp_path, stack, serves(FILES, operator(1)), tampered).ready()
    assert scene.measure()[2].reason is Reason.WRONG_BYTES
    assert admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(2)].reason is Reason.WRONG_BYTES
    assert admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(1)].reason is Reason.UP


def test_a_mirror_that_was_not_read_completely_is_not_even_asked(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    scene.read_source()
    scene.prove_all()
    record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.UP)
    assert scene.measure()[2].reason is Reason.NOT_MEASURED  # nobody has come to it yet: not its fault
    assert scene.asked(2) == []


@pytest.mark.parametrize(
    ("read", "voted"),
    [
        (Reason.WRONG_BYTES, Reason.WRONG_BYTES),
        (Reason.STALE_RELEASE, Reason.STALE_RELEASE),
        (Reason.CHECK_FAILED, Reason.CHECK_FAILED),
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
    assert scene.asked(1) == []


def test_without_a_release_read_from_its_source_nobody_is_blamed(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack)
    save_manifest(scene.engine, scene.manifest.digest, scene.manifest.canonical())
    votes = scene.measure()
    assert {vote.reason for vote in votes.values()} == {Reason.RELEASE_UNREAD}
    assert set(votes) == {PRIMARY, 1, 2}


def test_a_long_slot_is_measured_slice_by_slice_and_everybody_once(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot of 100 seconds has four slices; 96 seconds into it all questions are due."""
    behaviours = [serves(FILES, operator(number)) for number in range(1, 7)]
    scene = Scene(tmp_path, stack, *behaviours, policy={"slots": 1}).ready()
    at_s = scene.ledger.clock.start_s(EPOCH) + 96
    monkeypatch.setattr(time, "time_ns", lambda: at_s * 10**9)  # stands still: the slot's last seconds are few
    so_far: set[int] = set()
    for part in range(4):
        votes = scene.measure(part=part)
        asked = {mirror for mirror in range(1, 7) if files_asked(scene, mirror)}
        assert so_far <= set(votes)
        assert asked == set(votes) - {PRIMARY}
        assert scene.measure(part=part) == votes  # nobody is asked again
        so_far = set(votes)
    assert so_far == {PRIMARY, *range(1, 7)}
    assert {vote.reason for vote in votes.values()} == {Reason.UP}
    assert [len(files_asked(scene, mirror)) for mirror in range(1, 7)] == [1] * 6
    assert scene.measure(part=4) == votes


# ------------------------------------------------------------------------------------------------------- whose host


@pytest.mark.parametrize(
    ("said", "voted"),
    [(Reason.NOT_OWNER, Reason.NOT_OWNER), (Reason.TIMEOUT, Reason.TIMEOUT), (None, Reason.NOT_MEASURED)],
)
def test_a_host_that_has_not_named_its_operator_is_asked_for_nothing(
    tmp_path: Path, stack: ExitStack, said: Reason | None, voted: Reason
) -> None:
    scene = Scene(tmp_path, stack)
    scene.read_source()
    scene.admit_all()
    if said:
        record_ownership(scene.engine, "node", MirrorId(1), EPOCH, said, "so it was")
    assert scene.measure()[1].reason is voted
    assert scene.asked(1) == []


def test_a_host_is_asked_again_once_an_epoch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a secret slot on; in the last slot it is due for certain."""
    record_ownership(scene.engine, "node", MirrorId(1), EPOCH - 1, Reason.UP, "")
    at_slot(scene, monkeypatch, 3)
    assert scene.measure(slot=3)[1].reason is Reason.UP
    assert scene.asked(1).count(WELL_KNOWN) == 1
    assert scene.asked(2).count(WELL_KNOWN) == 0  # it has said so in this epoch
    assert ownerships(scene.engine, "node")[MirrorId(1)].proved_epoch == EPOCH


def test_a_host_that_names_another_now_is_down_at_once(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, stack, serves(FILES, operator(2)), serves(FILES, operator(2))).ready()
    record_ownership(scene.engine, "node", MirrorId(1), EPOCH - 1, Reason.UP, "")
    at_slot(scene, monkeypatch, 3)
    assert scene.measure(slot=3)[1].reason is Reason.NOT_OWNER
    assert not ownerships(scene.engine, "node")[MirrorId(1)].holds(EPOCH)


def test_a_name_that_leads_elsewhere_by_now_is_found_out(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers wrongly is asked for its operator again, so that no third party is asked for more than that."""
    scene = Scene(tmp_path, stack, serves({}), serves(FILES, operator(2))).ready()
    record_ownership(scene.engine, "node", MirrorId(1), EPOCH, Reason.UP, "", at_ms=0)
    voted_before(scene, 1, Reason.HTTP_STATUS)
    at_slot(scene, monkeypatch, 1)
    assert scene.measure(slot=1)[1].reason is Reason.NOT_OWNER
    assert scene.asked(1).count(WELL_KNOWN) == 1
    assert len(scene.asked(1)) == 2


# ------------------------------------------------------------------------------------------------------ our own faults


def test_a_task_that_comes_too_late_does_nothing(scene: Scene) -> None:
    before = scene.ledger.clock.start_s(EPOCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: int((before + 23.5) * 1e9))  # answers would come after the slot
        assert scene.measure() == {}
        patch.setattr(time, "time_ns", lambda: (before + 40) * 10**9)
        assert scene.measure() == {}
    assert scene.asked(1) == []


def test_a_task_far_ahead_of_its_slot_does_nothing(scene: Scene) -> None:
    assert scene.measure(slot=3) == {}


def test_a_slot_of_another_policy_or_shard_does_nothing(scene: Scene) -> None:
    assert scene.measure(slot=4) == {}
    assert scene.measure(shard=1) == {}
    assert scene.measure(part=1) == {}


def test_the_first_vote_stands(scene: Scene) -> None:
    first = scene.measure()
    scene.mirrors[0]._behave = serves({})
    assert scene.measure() == first


def test_votes_against_a_release_that_was_not_the_one_in_force_are_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain may be indexed past the epoch's start only while the round runs."""
    other = manifest_for("http://127.1.0.1", {"index.html": b"2"})

    def indexed_later(*args: object, **kwargs: object) -> list[Heard]:
        scene.ledger.publish(2, other.digest, binds_from=2)
        return []

    monkeypatch.setattr(measure, "ask_round", indexed_later)
    assert scene.measure() == {}


def test_while_the_chain_is_not_known_no_vote_is_cast(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.ledger.index_to(scene.ledger.clock.start_s(EPOCH) - 1)
    monkeypatch.setattr(measure, "_LONGEST_WAIT_S", 0.2)
    assert scene.measure() == {}
    scene.ledger.index_to(scene.ledger.clock.start_s(EPOCH))
    assert len(scene.measure()) == 3


def test_when_this_node_was_stalled_silence_counts_against_nobody(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, stack, resets(), serves(dict.fromkeys(FILES, b"bad"), operator(2))).ready()
    real_time = time.time_ns

    def stalled(*args: Any, **kwargs: Any) -> list[Heard]:
        heard = ask_round(*args, **kwargs)
        monkeypatch.setattr(time, "time_ns", lambda: real_time() + 60 * 10**9)
        return heard

    monkeypatch.setattr(measure, "ask_round", stalled)
    votes = scene.measure()
    assert votes[1].reason is Reason.NOT_MEASURED
    assert votes[2].reason is Reason.WRONG_BYTES


def test_a_node_that_doubts_itself_says_nothing_and_learns_nothing(tmp_path: Path, stack: ExitStack) -> None:
    tampered = serves(dict.fromkeys(FILES, b"tampered"), operator(2))
    dead = ("http://127.1.99.1:1", "http://127.1.98.1:1")
    scene = Scene(tmp_path, stack, serves(FILES, operator(1)), tampered, controls=dead).ready()
    votes = scene.measure()
    assert {vote.reason for vote in votes.values()} == {Reason.SELF_DOUBT}
    assert {(vote.latency_ms, vote.address) for vote in votes.values()} == {(None, None)}
    assert "2 of this node's 2 control targets failed" in votes[1].detail
    assert admissions(scene.engine, scene.manifest.digest, "node")[MirrorId(2)].reason is Reason.UP
    assert tallies(scene.engine, FUND, EPOCH, "node")[MirrorId(1)].requests > 0


# --------------------------------------------------------------------------------------------------- several releases


@pytest.mark.parametrize(("grace", "expected"), [(0, Reason.STALE_RELEASE), (1, Reason.UP)])
def test_the_release_before_is_stale_unless_its_grace_lasts(
    tmp_path: Path, stack: ExitStack, grace: int, expected: Reason
) -> None:
    old = {"index.html": b"<h1>old</h1>", "a/b.txt": b"old text", "gone.txt": b"no longer there"}
    behaviours = (serves(FILES, operator(1)), serves(old, operator(2)))
    scene = Scene(tmp_path, stack, *behaviours, policy={"release_grace_epochs": grace})
    former = manifest_for(scene.primary.url, old)
    scene.ledger.publish(1, former.digest, binds_from=1)
    scene.ledger.publish(2, scene.manifest.digest, binds_from=2)
    scene.read_source(former)
    scene.read_source()
    scene.prove_all()
    for mirror, manifest in ((1, scene.manifest), (2, former)):
        record_admission(scene.engine, "node", mirror, manifest.digest, Reason.UP)
    record_admission(
        scene.engine, "node", 2, scene.manifest.digest, Reason.STALE_RELEASE, "index.html: a release before"
    )
    votes = scene.measure()
    assert (votes[1].reason, votes[2].reason) == (Reason.UP, expected)
    assert "/gone.txt" not in scene.asked(2)  # only what both releases have


def test_who_deploys_a_release_before_it_binds_serves_right_bytes(tmp_path: Path, stack: ExitStack) -> None:
    coming = {"index.html": b"<h1>new</h1>"}  # without a/b.txt
    scene = Scene(tmp_path, stack, serves(coming, operator(1)), serves(FILES, operator(2))).ready()
    following = manifest_for(scene.primary.url, coming)
    save_manifest(scene.engine, following.digest, following.canonical())
    assert scene.measure()[1].reason in (Reason.WRONG_BYTES, Reason.HTTP_STATUS)
    scene.ledger.publish(2, following.digest, binds_from=3)
    with pytest.MonkeyPatch.context() as patch:
        scene.admit_all()
        at_slot(scene, patch, 1)
        voted_before(scene, 1, Reason.UP)
        vote = scene.measure(slot=1)[1]
    assert vote.reason is (Reason.UP if vote.path == "index.html" else Reason.NOT_MEASURED)


# -------------------------------------------------------------------------------------------------------- how much


def test_several_files_are_asked_for_so_that_all_come_within_the_epoch(tmp_path: Path, stack: ExitStack) -> None:
    files = {f"{number}.txt": b"%d" % number for number in range(10)}
    scene = Scene(tmp_path, stack, files=files, policy={"budget_requests": 100_000_000}).ready()
    assert scene.measure()[1].reason is Reason.UP
    assert len(set(files_asked(scene, 1))) == 3  # 10 files in 4 slots


def test_a_mirror_that_was_down_just_before_is_asked_one_thing_only(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.txt": b"%d" % number for number in range(10)}
    scene = Scene(tmp_path, stack, files=files, policy={"budget_requests": 100_000_000}).ready()
    voted_before(scene, 1, Reason.TIMEOUT)
    at_slot(scene, monkeypatch, 1)
    assert scene.measure(slot=1)[1].reason is Reason.UP
    assert len(files_asked(scene, 1)) == 1
    assert len(files_asked(scene, 2)) == 3


def test_beyond_its_budget_a_mirror_is_asked_one_thing_only(tmp_path: Path, stack: ExitStack) -> None:
    """100 seconds of a day have 34 + 4 requests at least; the budget of bytes of 10 files is far above."""
    files = {f"{number}.txt": b"%d" % number for number in range(10)}
    scene = Scene(tmp_path, stack, files=files, policy={"budget_requests": 864 * 50}).ready()
    add_to_tallies(scene.engine, FUND, EPOCH, "node", [Asked(MirrorId(1), 46, 0)])
    scene.measure()
    assert len(files_asked(scene, 1)) == 1
    assert len(files_asked(scene, 2)) == 3


def test_checks_are_asked_beside_files_and_alone(tmp_path: Path, stack: ExitStack) -> None:
    check = Check("/status.json", text="well")
    for files in (FILES, {}):
        well = serves({**files, "status.json": b"all well"}, operator(1))
        ill = serves({**files, "status.json": b"broken"}, operator(2))
        primary = serves({**files, "status.json": b"all well"})
        scene = Scene(
            tmp_path / str(len(files)), stack, well, ill, files=files, checks=[check], primary=primary
        ).ready()
        votes = scene.measure()
        assert (votes[PRIMARY].reason, votes[1].reason, votes[2].reason) == (Reason.UP, Reason.UP, Reason.CHECK_FAILED)
        assert len(files_asked(scene, 1)) == 1 + bool(files)


def test_one_silent_question_of_many_is_held_against_a_mirror_only_if_it_is_the_first(
    tmp_path: Path, stack: ExitStack
) -> None:
    files = {f"{number}.txt": b"%d" % number for number in range(20)}
    good, quiet = serves(files, operator(1)), ""

    def behave(connection: socket.socket, head: bytes) -> None:
        (silent if quiet and head.startswith(f"GET {quiet} ".encode()) else good)(connection, head)

    def measured(folder: str) -> tuple[Vote, list[str]]:
        policy = {"budget_requests": 100_000_000, "timeout_ms": 400}
        scene = Scene(tmp_path / folder, stack, behave, good, files=files, policy=policy).ready()
        return scene.measure()[1], files_asked(scene, 1)

    vote, asked = measured("well")
    first = f"/{vote.path}"
    other = next(path for path in asked if path != first)
    for quiet, voted in ((first, Reason.TIMEOUT), (other, Reason.UP)):
        assert measured(quiet[1:])[0].reason is voted


def test_loopback_needs_a_development_chain_too(scene: Scene) -> None:
    assert loopback_allowed(scene.engine, scene.settings)
    facts.put(scene.engine, facts.CHAIN_ID, 1)
    assert not loopback_allowed(scene.engine, scene.settings)
    assert scene.measure()[1].reason is Reason.ADDRESS_REFUSED
