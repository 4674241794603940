"""Who hides from other addresses while the primary is down."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oracle.model import PRIMARY, MirrorId, Reason
from oracle.store.tallies import tallies
from tests.fixtures.hostile import resets, serves
from tests.fixtures.scene import EPOCH, FILES, FUND, Scene, operator
from tests.test_measure import AWAY


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


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
