"""The database finds exactly the mirrors of which something is still to be read."""

from pathlib import Path

import pytest

from oracle.model import MirrorId, Reason
from oracle.store.observations import record_admission
from oracle.store.ownerships import record_ownership
from oracle.store.unsure import unsure_mirrors
from tests.fixtures.ledger import Ledger

OTHER = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("read", "said", "in_epoch", "unsure"),
    [
        (Reason.UP, Reason.UP, 2, False),
        (Reason.UP, Reason.UP, 1, False),
        (Reason.UP, Reason.UP, 0, True),
        (Reason.WRONG_BYTES, Reason.UP, 2, True),
        (None, Reason.UP, 2, True),
        (Reason.UP, None, 2, True),
        (Reason.UP, Reason.TIMEOUT, 2, True),
        (Reason.UP, Reason.NOT_OWNER, 2, True),
    ],
)
def test_who_is_read_and_has_named_its_operator_is_left_out(
    tmp_path: Path, read: Reason | None, said: Reason | None, in_epoch: int, *, unsure: bool
) -> None:
    ledger = Ledger(tmp_path, mirrors=1)
    if read:
        record_admission(ledger.engine, "node", 1, ledger.release, read)
    if said:
        record_ownership(ledger.engine, "node", MirrorId(1), in_epoch, said, "")
    found = unsure_mirrors(ledger.engine, "node", 1, 2, ledger.release, 2)
    assert found == ((MirrorId(1),) if unsure else ())


def test_another_nodes_word_and_another_releases_read_count_for_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, mirrors=2)
    ledger.register(2, start=3)
    record_admission(ledger.engine, "node", 1, OTHER, Reason.UP)
    record_admission(ledger.engine, "other", 1, ledger.release, Reason.UP)
    record_ownership(ledger.engine, "other", MirrorId(1), 2, Reason.UP, "")
    assert unsure_mirrors(ledger.engine, "node", 1, 2, ledger.release, 2) == (MirrorId(1),)
    assert unsure_mirrors(ledger.engine, "node", 1, 3, ledger.release, 2) == (MirrorId(1), MirrorId(2))
