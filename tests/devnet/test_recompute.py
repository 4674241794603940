"""The weights follow from the stored votes: one vote, one file or one digit changed, and it is told."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oracle.chain.structs import Offer
from oracle.devnet.nodes import NODE_NAME
from oracle.devnet.plan import Plan
from oracle.devnet.recompute import Case, Recomputed, recompute
from oracle.model import FundId
from oracle.probes.placement import load_table
from oracle.store import facts
from oracle.store.db import close_store, open_store
from tests.fixtures.demo import DemoProcess

pytestmark = [pytest.mark.demo, pytest.mark.timeout(400)]

PLAN = Plan()


@dataclass
class Copy:
    """A copy of the demo's store that may be tampered with."""

    file: Path
    engine: sa.Engine
    case: Case
    epoch: int

    def recomputed(self, vector: bytes | None = None) -> Recomputed:
        with sqlite3.connect(self.file) as store:
            (evidence,) = store.execute("SELECT evidence FROM chain_reports WHERE epoch = ?", [self.epoch]).fetchone()
            (paid,) = store.execute("SELECT vector FROM settlements WHERE epoch = ?", [self.epoch]).fetchone()
        reported = {"committee": 1, "evidence": evidence}
        return recompute(self.engine, self.case, self.epoch, reported, vector or bytes.fromhex(paid.removeprefix("0x")))

    def tamper(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.file) as store:
            assert store.execute(statement, values).rowcount > 0


@pytest.fixture
def copy(demo: DemoProcess, tmp_path: Path) -> Iterator[Copy]:
    file = tmp_path / "store.sqlite"
    with sqlite3.connect(f"file:{demo.store}?mode=ro", uri=True) as source, sqlite3.connect(file) as target:
        source.backup(target)
    url = f"sqlite:///{file}"
    engine = open_store(url)
    offer = Offer(PLAN.reward_wei, PLAN.target, PLAN.fee_bps, 1)
    contract = facts.get(engine, facts.CONTRACTS)["fund"]
    table = load_table(demo.home / "placement.json")
    case = Case(FundId(1), offer, PLAN.policy, contract, NODE_NAME, table)
    yield Copy(file, engine, case, demo.result["epochs"][0]["epoch"])
    close_store(url)


def test_stored_votes_give_the_weights_that_were_paid(copy: Copy) -> None:
    again = copy.recomputed()
    assert again.failures == ()
    assert len(again.result.weights) == 7


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (
            lambda copy: copy.tamper("UPDATE votes SET reason='timeout' WHERE epoch=? AND mirror=1", copy.epoch),
            "weights from the stored votes are not those that were paid",
        ),
        (
            lambda copy: copy.tamper("UPDATE votes SET latency_ms=399 WHERE epoch=? AND mirror=2", copy.epoch),
            "the votes are not what",
        ),
        (
            lambda copy: copy.tamper("UPDATE evidence SET body=CAST(body||' ' AS BLOB) WHERE name='report.json'"),
            "files are not those of its index",
        ),
        (
            lambda copy: copy.tamper("UPDATE chain_reports SET evidence='0x00'"),
            "digest is not the one on the chain",
        ),
    ],
)
def test_what_was_changed_afterwards_is_told(copy: Copy, tamper: Callable[[Copy], None], told: str) -> None:
    tamper(copy)
    assert told in "; ".join(copy.recomputed().failures)


def test_another_vector_than_the_votes_give_is_told(copy: Copy) -> None:
    assert "are not those that were paid" in "; ".join(copy.recomputed(vector=bytes(28)).failures)
