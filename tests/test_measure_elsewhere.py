"""Who hides from other addresses, and who shows that they lead somewhere."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from oracle.model import PRIMARY, MirrorId, Reason
from oracle.schedule import epoch_secret, is_away, slice_of, subject_of
from oracle.store.tallies import tallies
from tests.fixtures.hostile import answer, resets, serves
from tests.fixtures.scene import EPOCH, FILES, FUND, Scene, operator
from tests.test_measure import AWAY, at_slot


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_who_serves_only_the_known_probers_is_down_until_it_serves_others(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slot 0 asks mirror 1 from elsewhere too; once it failed there every slot does."""
    good = serves(FILES, operator(1))

    def behave(connection: socket.socket, head: bytes) -> None:
        known = connection.getpeername()[0] == "127.0.0.1"
        good(connection, head) if known else connection.sendall(answer(b"", "403 Forbidden"))

    scene = Scene(tmp_path, stack, behave, serves(FILES, operator(2)), routes=("127.1.77.1",), secret=AWAY).ready()
    votes = scene.measure()
    assert (votes[1].reason, votes[2].reason, votes[PRIMARY].reason) == (Reason.HIDDEN, Reason.UP, Reason.UP)
    for slot, behaves, voted in ((1, behave, Reason.HIDDEN), (2, good, Reason.UP)):
        scene.mirrors[0]._behave = behaves
        failed = tallies(scene.engine, FUND, EPOCH, "node")[MirrorId(1)]
        assert (failed.hidden, failed.hidden_path in FILES) == (True, True)
        with pytest.MonkeyPatch.context() as patch:
            at_slot(scene, patch, slot)
            assert scene.measure(slot=slot)[1].reason is voted
        assert [path for path in scene.asked(1) if path == f"/{failed.hidden_path}"][1:]
    mended = tallies(scene.engine, FUND, EPOCH, "node")[MirrorId(1)]
    assert (mended.hidden, mended.hidden_path) == (False, "")


@pytest.mark.parametrize("in_slice", [False, True], ids=["of another slice", "of the same slice"])
@pytest.mark.parametrize(("by_route", "voted"), [(True, Reason.HIDDEN), (False, Reason.UP)])
def test_while_the_primary_is_down_another_mirror_shows_that_a_route_works(
    tmp_path: Path, stack: ExitStack, in_slice: bool, by_route: bool, voted: Reason
) -> None:
    """Slots of an outage count most, and a primary that is down cannot tell who hides from a route that is broken."""
    good, away = serves(FILES, operator(1)), resets()

    def hides(connection: socket.socket, head: bytes) -> None:
        (good if connection.getpeername()[0] == "127.0.0.1" else away)(connection, head)

    other = serves(FILES, operator(2)) if by_route else hides
    scene = Scene(tmp_path, stack, hides, other, routes=("127.1.77.1",), secret=AWAY, primary=resets()).ready()
    for mirror, before, now in ((PRIMARY, "...D", "D"), (2, "...U", "U")):
        scene.ledger.vote(mirror, before, epoch=1)
        if mirror == PRIMARY or not in_slice:
            scene.ledger.vote(mirror, now, epoch=2)  # another slice of this slot had it
    assert scene.measure()[1].reason is voted
    known = tallies(scene.engine, FUND, EPOCH, "node")
    assert (known[MirrorId(1)].hidden, known[MirrorId(2)].hidden) == (by_route, False)
    assert "/" in scene.asked(2)


def alone_in_a_slice() -> tuple[bytes, list[int]]:
    """A secret with which mirror 1 is asked elsewhere in slot 0, in a slice that the primary is not in; and the slices
    of both, of four."""
    for number in count():
        secret = sha256(b"slice %d" % number).digest()
        times = epoch_secret(secret, EPOCH)
        parts = [slice_of(times, subject_of(FUND, mirror), EPOCH, 0, 4) for mirror in (MirrorId(1), PRIMARY)]
        if is_away(times, 1, EPOCH, 0) and parts[0] != parts[1]:
            return secret, parts
    raise AssertionError


def test_a_primary_that_is_only_a_witness_keeps_its_vote_for_its_own_slice(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, (part, of_primary) = alone_in_a_slice()
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=secret, policy={"slots": 1}).ready()
    at_s = scene.ledger.clock.start_s(EPOCH) + 96
    monkeypatch.setattr(time, "time_ns", lambda: at_s * 10**9)  # all questions of the slot are due
    votes = scene.measure(part=part)
    assert votes[1].reason is Reason.UP
    assert scene.primary.paths() == ["/"]
    assert PRIMARY not in votes
    assert scene.measure(part=of_primary)[PRIMARY].reason is Reason.UP


def test_who_breaks_a_witness_connection_is_not_asked_a_second_time(tmp_path: Path, stack: ExitStack) -> None:
    """It is beside the budget of the one who is asked."""
    scene = Scene(tmp_path, stack, routes=("127.1.77.1",), secret=AWAY, primary=resets()).ready()
    scene.ledger.vote(PRIMARY, "D", epoch=2)  # its own slice had it
    scene.measure()
    assert scene.primary.paths() == ["/"]
