"""What is disputed is on the pages of the mirror and the fund, with its reason and its deadline."""

import httpx
import sqlalchemy as sa

from oracle.store import dispute_tables, facts, tables
from oracle.store.db import upsert, writing
from tests.api.test_pages import read
from tests.fixtures.seeded import NOW_EPOCH, account, digest, insert

STAKE = 10**18


def lock(engine: sa.Engine, mirror: int, state: str = "locked", answer: str | None = None) -> None:
    insert(engine, dispute_tables.locks, [{
        "mirror": mirror, "epoch": NOW_EPOCH - 2, "amount_wei": STAKE // 5, "answer_by": NOW_EPOCH + 2,
        "until": NOW_EPOCH + 3, "state": state, "answer": answer, "tx_hash": digest("lock"),
    }])  # fmt: skip


def challenge(engine: sa.Engine, epoch: int, ruling: str) -> None:
    facts.put(engine, facts.CONTRACTS, {"fund": account(300), "committee": account(301)})
    insert(engine, dispute_tables.challenges, [{
        "committee": 1, "epoch": epoch, "fund_contract": account(300), "fund": 1, "challenger": account(302),
        "reason": "the primary was <up>", "decided_by_s": 1, "ruling": ruling, "tx_hash": digest("challenge"),
    }])  # fmt: skip


def test_a_lock_is_shown_with_the_time_left(seeded: httpx.Client, file_store: sa.Engine) -> None:
    assert "Stake locked" not in read(seeded, "/mirrors/5").text
    lock(file_store, 5)
    text = read(seeded, "/mirrors/5").text
    assert "Stake locked for wrong bytes" in text
    assert "0.2 of it locked" in text
    assert "left to answer" in text
    [told] = seeded.get("/api/v1/mirrors/5").json()["mirror"]["locks"]
    assert (told["state"], told["amount_wei"], told["answer"]) == ("locked", str(STAKE // 5), None)
    clock = facts.get_clock(file_store)
    assert clock is not None
    assert told["until_s"] == clock.start_s(NOW_EPOCH + 3)


def test_burned_stake_is_no_longer_held(seeded: httpx.Client, file_store: sa.Engine) -> None:
    before = int(seeded.get("/api/v1/mirrors/5").json()["mirror"]["stake_wei"])
    lock(file_store, 5, "burned", "a disk failed")
    with writing(file_store) as connection:
        connection.execute(sa.update(tables.mirrors).where(tables.mirrors.c.mirror == 5).values(slashed_wei=7))
    mirror = seeded.get("/api/v1/mirrors/5").json()["mirror"]
    assert (int(mirror["stake_wei"]), mirror["slashed_wei"], mirror["locked_wei"]) == (before - 7, "7", "0")
    text = read(seeded, "/mirrors/5").text
    assert "Burned" in text
    assert "a disk failed" in text


def test_a_new_payout_is_shown_before_it_counts(seeded: httpx.Client, file_store: sa.Engine) -> None:
    rows = [(0, account(25)), (NOW_EPOCH, account(400)), (NOW_EPOCH + 1, account(401))]
    given = [{"mirror": 5, "binds_from": since, "payout": payout} for since, payout in rows]
    with writing(file_store) as connection:
        upsert(connection, dispute_tables.payouts, given)
    mirror = seeded.get("/api/v1/mirrors/5").json()["mirror"]
    assert mirror["payout"] == account(400)
    assert mirror["next_payout"] == {"payout": account(401), "binds_from": NOW_EPOCH + 1}
    assert account(401) in read(seeded, "/mirrors/5").text


def test_a_voided_epoch_says_why(seeded: httpx.Client, file_store: sa.Engine) -> None:
    with writing(file_store) as connection:
        changed = sa.update(tables.settlements).where(tables.settlements.c.epoch == 2).values(settlement="voided")
        connection.execute(changed)
    challenge(file_store, 2, "voided")
    text = read(seeded, "/funds/1").text
    assert "Voided Challenged, and the arbiter agreed: the primary was <up>" in text
    epochs = {one["epoch"]: one for one in seeded.get("/api/v1/funds/1/epochs").json()["epochs"]}
    assert (epochs[2]["outcome"], epochs[2]["challenge"]["reason"]) == ("voided", "the primary was <up>")
    assert epochs[1]["challenge"] is None
