"""What a round teaches besides votes: how much was asked of a mirror, and what its certificate says."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from oracle import measure
from oracle.model import PRIMARY, MirrorId, Reason
from oracle.probes.round import ask_round
from oracle.store.observations import admissions, votes_of
from oracle.store.tallies import load_of, tallies
from tests.fixtures.hostile import certificate, serves
from tests.fixtures.scene import EPOCH, FILES, FUND, Scene, operator


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_what_was_asked_is_counted(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack).ready()
    scene.measure()
    counted = tallies(scene.engine, FUND, EPOCH, "node")
    assert counted[MirrorId(1)].requests == len(scene.asked(1)) > 0
    assert counted[MirrorId(1)].bytes > 0
    assert set(counted) == {PRIMARY, 1, 2}


def test_what_a_mirrors_certificate_says_is_kept(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path, host="127.1.1.1", days=30)
    monkeypatch.setattr(measure, "ask_round", partial(ask_round, ca_file=str(trusted)))
    scene = Scene(tmp_path, stack, tls=context).ready()
    assert scene.measure()[1].reason is Reason.UP
    with scene.engine.connect() as connection:
        [secure], [plain] = (load_of(connection, FUND, mirror, EPOCH) for mirror in (1, 2))
    assert secure.certificate_expires_s is not None
    assert abs(secure.certificate_expires_s - (time.time() + 30 * 86_400)) < 600
    assert plain.certificate_expires_s is None


@pytest.fixture
def tampered(tmp_path: Path, stack: ExitStack) -> Scene:
    """Mirror 2 serves other bytes."""
    return Scene(
        tmp_path, stack, serves(FILES, operator(1)), serves(dict.fromkeys(FILES, b"tampered"), operator(2))
    ).ready()


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_node_killed_between_an_admissions_end_and_the_vote_heals_by_itself(
    tampered: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(measure, "record_round", killed)
        with pytest.raises(KeyboardInterrupt):
            tampered.measure()
    assert votes_of(tampered.engine, FUND, EPOCH, "node") == []
    asked = len(tampered.asked(2))
    vote = tampered.measure()[2]
    assert (vote.reason, vote.detail.startswith("complete read: ")) == (Reason.WRONG_BYTES, True)
    assert len(tampered.asked(2)) == asked


def test_votes_are_kept_though_what_else_was_learned_is_not(tampered: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "record_admission", killed)
    with pytest.raises(KeyboardInterrupt):
        tampered.measure()
    reasons = {vote.mirror: vote.reason for vote in votes_of(tampered.engine, FUND, EPOCH, "node")}
    assert reasons == {PRIMARY: Reason.UP, 1: Reason.UP, 2: Reason.WRONG_BYTES}
    assert admissions(tampered.engine, tampered.manifest.digest, "node")[MirrorId(2)].reason is Reason.UP
