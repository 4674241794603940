"""What the operator is told is what is in the store."""

import json
import time
from pathlib import Path

from oracle.model import PRIMARY
from oracle.store import facts
from oracle.store.counters import Counted, count
from oracle.store.db import reading
from oracle.store.moment import moment
from oracle.store.progress import MOST_QUIET_S, Progress, Vitals, progress
from tests.fixtures.ledger import EPOCH_S, Ledger


def told(ledger: Ledger, at_s: float) -> Progress:
    with reading(ledger.engine) as connection:
        now = moment(connection, int(at_s * 1000))
        assert now is not None
        return progress(now, 1, "node")


def test_the_votes_of_the_epoch_are_told_with_their_coverage(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, mirrors=2)
    ledger.vote(1, "UDd", epoch=2)
    ledger.vote(PRIMARY, "UU", epoch=2)
    ledger.vote_all(epoch=1)
    found = told(ledger, ledger.clock.start_s(2) + 80)  # 3 of 4 slots are over
    assert (found.ups, found.downs, found.unknowns, found.expected) == (3, 1, 1, 9)
    assert found.coverage_bps == 4_444
    assert (found.epoch, found.slots, found.epoch_ends_in_s) == (2, {4: 3}, 20)
    assert (found.funds, found.mirrors) == (1, 2)
    assert told(ledger, ledger.clock.start_s(2)).coverage_bps is None


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    found = told(ledger, time.time())
    assert (found.reported_epoch, found.made_epoch, found.vitals, found.works) == (None, None, None, False)
    assert found.store_bytes is not None
    assert found.store_bytes > 4_096


def test_reports_and_counters_are_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.reported(1, "0x" + "aa" * 32, "0x" + "bb" * 32)
    count(ledger.engine, "node", {(Counted.SHARDS, "missed"): 2})
    found = told(ledger, time.time())
    assert found.reported_epoch == 1
    assert found.counted == {(Counted.SHARDS, "missed"): 2}
    assert json.loads(json.dumps(found.to_json()))["counted"] == {"shards": {"missed": 2}}


def test_a_worker_that_has_told_nothing_for_a_while_is_not_there(tmp_path: Path) -> None:
    ledger, now_s = Ledger(tmp_path), int(time.time())
    vitals = {"at_s": now_s, "waiting": 3, "under_way": 1, "processes": 4}
    facts.put(ledger.engine, facts.VITALS + "node", vitals)
    assert told(ledger, now_s + MOST_QUIET_S).vitals == Vitals(**vitals)
    assert told(ledger, now_s + MOST_QUIET_S + 1).vitals is None
    assert EPOCH_S > MOST_QUIET_S
