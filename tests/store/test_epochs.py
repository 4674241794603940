"""What became of an epoch, read without those that are not asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from oracle.model import Clock
from oracle.store import moment as moments
from oracle.store.db import reading, writing
from oracle.store.epochs import _outcome
from oracle.store.moment import Moment
from oracle.store.pages import fund_epochs
from oracle.store.tables import deposits, settlements
from oracle.store.treasury import Settlement
from tests.fixtures.seeded import EPOCHS, NOW_EPOCH, REWARD_WEI, SLOTS, seed


@pytest.mark.parametrize(
    ("epoch", "settlement", "outcome"),
    [
        (3, "missed", "missed"),
        (4, None, "dry"),
        (5, "paid", "paid"),
        (6, None, "awaiting"),
        (7, None, "dry"),
        (8, None, "running"),
    ],
)
def test_an_epoch_that_is_neither_settled_nor_owed_was_dry(epoch: int, settlement: str | None, outcome: str) -> None:
    settled = Settlement(epoch, settlement, 0, 0, 0, "0x", epoch + 1) if settlement else None
    assert _outcome(epoch, present=8, settled=settled, owed={6: REWARD_WEI}) == outcome


@contextmanager
def moment_of(engine: sa.Engine, clock: Clock, epoch: int) -> Iterator[Moment]:
    with reading(engine) as connection:
        found = moments.moment(connection, (clock.start_s(epoch) + 1) * 1000)
        assert found is not None
        yield found


def test_a_fund_without_money_is_told_to_be_dry(file_store: sa.Engine) -> None:
    clock = seed(file_store)
    with writing(file_store) as connection:
        connection.execute(sa.update(deposits).values(amount_wei=REWARD_WEI))  # three epochs, and two were paid
        connection.execute(sa.update(settlements).values(paid_wei=REWARD_WEI, returned_wei=0))
        connection.execute(sa.delete(settlements).where(settlements.c.epoch > 2))
    with moment_of(file_store, clock, 9) as later:
        told = {one.epoch: one.outcome for one in fund_epochs(later, 1, limit=20) or []}
    assert [told[epoch] for epoch in range(1, 10)] == ["paid"] * 2 + ["awaiting"] + ["dry"] * 5 + ["running"]


def test_no_row_of_an_epoch_that_is_not_asked_for_is_read(file_store: sa.Engine) -> None:
    read: list[tuple[str, Any]] = []
    with moment_of(file_store, seed(file_store), NOW_EPOCH) as moment:
        sa.event.listen(file_store, "before_cursor_execute", lambda *args: read.append((args[2], args[3])))
        epochs = fund_epochs(moment, 1, limit=1, before=3) or []
    assert [(one.epoch, one.outcome, one.slots) for one in epochs] == [(2, EPOCHS[1], SLOTS)]
    for table in ("credits", "results", "chain_reports", "evidence", "challenges"):
        [(statement, given)] = [(text, values) for text, values in read if f"FROM {table}" in text.replace("\n", " ")]
        assert "BETWEEN" in statement, statement
        assert given.count(2) >= 2
    assert not any("vector" in statement for statement, _ in read)
