"""What binds in an epoch was on the chain at its start."""

from pathlib import Path

from oracle.assignment import assignment
from oracle.model import PRIMARY, Policy
from oracle.store import tables
from oracle.store.db import upsert, writing
from tests.fixtures.ledger import Ledger

OLD, NEW = "0x" + "aa" * 32, "0x" + "bb" * 32


def test_releases_are_known_newest_first_those_to_come_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.publish(2, OLD, binds_from=2)
    ledger.publish(3, NEW, binds_from=3)
    task = assignment(ledger.engine, 1, 2)
    assert task is not None
    assert task.release is not None
    assert task.release.digest == OLD
    assert [release.digest for release in task.releases] == [NEW, OLD, ledger.release]
    assert [release.digest for release in task.begun] == [OLD, ledger.release]


def test_mirrors_count_from_their_start_to_before_their_end(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.register(2, start=2)
    with writing(ledger.engine) as connection:
        connection.execute(tables.mirrors.update().where(tables.mirrors.c.mirror == 1).values(end_epoch=3))
    ids = {epoch: task.ids for epoch in (1, 2, 3) if (task := assignment(ledger.engine, 1, epoch))}
    assert ids == {1: (PRIMARY, 1), 2: (PRIMARY, 1, 2), 3: (PRIMARY, 2)}


def test_a_policy_that_is_none_is_the_usual_one(tmp_path: Path) -> None:
    """It is a stranger's text: it must not keep the committee from measuring the other funds."""
    ledger = Ledger(tmp_path)
    with writing(ledger.engine) as connection:
        connection.execute(tables.offers.update().values(policy='{"slots": 0}'))
    task = assignment(ledger.engine, 1, 1)
    assert task is not None
    assert task.policy == Policy()


def test_before_its_first_offer_a_fund_is_nobodys_task(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert assignment(ledger.engine, 1, 0) is None
    assert assignment(ledger.engine, 2, 1) is None
    with writing(ledger.engine) as connection:
        upsert(connection, tables.facts, [{"name": "unrelated", "value": 1}])
    assert assignment(ledger.engine, 1, 1) is not None
