"""Whom a node asks nothing, and what it then says of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oracle.model import MirrorId, Reason
from oracle.observe import observations
from oracle.store.observations import record_admission
from tests.fixtures.epochs import place
from tests.fixtures.scene import EPOCH, Scene


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize(
    ("into_s", "voted", "charged"), [(-1, Reason.NOT_ADMITTED, False), (1, Reason.WRONG_BYTES, True)]
)
def test_wrong_bytes_are_charged_in_the_epoch_in_which_they_were_seen_and_in_no_other(
    tmp_path: Path, stack: ExitStack, into_s: int, voted: Reason, charged: bool
) -> None:
    """A failed read rests for long, and a mirror is read before its first epoch begins."""
    scene = Scene(tmp_path, stack).ready()
    at_ms = (scene.ledger.clock.start_s(EPOCH) + into_s) * 1000
    told = "a/b.txt: 4 bytes, released are other 4"
    record_admission(scene.engine, "node", 1, scene.manifest.digest, Reason.WRONG_BYTES, told, at_ms=at_ms)
    votes = scene.measure()
    assert (votes[1].reason, votes[1].detail) == (voted, f"complete read: {told}")
    seen = observations(votes.values(), [MirrorId(1)], 4, lambda _: place(1))
    assert [one.wrong_bytes for one in seen if one.mirror == 1] == [charged]
