"""What is old is deleted without reading what stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store.db import reading
from oracle.store.observations import record_votes
from oracle.store.past import forget_before
from oracle.store.tables import observed, sightings, tallies, votes


def fill(engine: sa.Engine) -> None:
    cast = [
        Vote(FundId(fund), MirrorId(1), Epoch(epoch), Slot(0), Reason.UP) for fund in (1, 7) for epoch in range(3, 7)
    ]
    record_votes(engine, "node", cast)


def test_rows_of_earlier_epochs_go_and_all_others_stay(store: sa.Engine) -> None:
    fill(store)
    assert forget_before(store, votes, 5) == 4
    with reading(store) as connection:
        kept = connection.execute(sa.select(votes.c.fund, votes.c.epoch).order_by(votes.c.fund, votes.c.epoch)).all()
    assert [tuple(row) for row in kept] == [(1, 5), (1, 6), (7, 5), (7, 6)]
    assert forget_before(store, votes, 5) == 0


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("table", [votes, observed, tallies, sightings], ids=lambda table: str(table.name))
def test_no_table_is_read_from_end_to_end(file_store: sa.Engine, table: sa.Table) -> None:
    fill(file_store)
    with statements(file_store) as asked:
        forget_before(file_store, table, 5)
    told = [(statement, given) for statement, given in asked if not statement.startswith("BEGIN")]
    assert told
    with reading(file_store) as connection:
        for statement, given in told:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
            assert plan
            assert all(step.startswith("SEARCH") for step in plan), (statement, plan)
