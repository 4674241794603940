"""The journal takes a batch wholly or not at all, and only where it left off."""

import pytest
import sqlalchemy as sa

from oracle.model import Clock
from oracle.store import facts, journal, tables
from oracle.store.journal import KnownBlock
from oracle.store.log import Log

CLOCK = Clock(genesis_s=1_000, epoch_length_s=100, grace_s=100, window_s=10)


def block(number: int, fork: str = "a") -> KnownBlock:
    """A block of a fork, which shares its parent with the block of the same number on any other."""
    return KnownBlock(number, f"0x{fork}{number}", f"0xa{number - 1}", 1_000 + number)


def deposit(number: int, deposit: int) -> Log:
    args = {"fund": 1, "deposit": deposit, "holder": "0xfunder", "amount": 2**95, "bindsFrom": 1}
    return Log(block(number).hash, 0, number, 1_000 + number, f"0xt{number}", "0xfund", "Deposited", args)


def deposits(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(tables.deposits.c.deposit).order_by("deposit")).scalars())


def test_a_batch_is_taken_where_the_store_ends(store: sa.Engine) -> None:
    assert journal.tip(store) is None
    assert journal.append(store, None, [block(1)], [deposit(1, 1)], CLOCK)
    assert journal.append(store, block(1), [block(2), block(3)], [deposit(2, 2), deposit(3, 3)], CLOCK)
    assert journal.tip(store) == block(3)
    assert [known.number for known in journal.known_blocks(store)] == [3, 2, 1]
    assert deposits(store) == [1, 2, 3]
    indexed = facts.get(store, facts.INDEXED)
    assert (indexed["block"], indexed["hash"], indexed["timestamp_s"]) == (3, block(3).hash, 1_003)


@pytest.mark.parametrize("after", [None, block(1), block(3), block(2, "b")])
def test_a_batch_for_another_end_is_refused(store: sa.Engine, after: KnownBlock | None) -> None:
    journal.append(store, None, [block(1), block(2)], [deposit(2, 2)], CLOCK)
    assert not journal.append(store, after, [block(3)], [deposit(3, 3)], CLOCK)
    assert not journal.rewind(store, after or block(9), None, CLOCK)
    assert journal.tip(store) == block(2)
    assert deposits(store) == [2]


def test_a_batch_that_cannot_be_folded_leaves_nothing(store: sa.Engine) -> None:
    broken = Log(block(2).hash, 0, 2, 1_002, "0xt2", "0xfund", "Deposited", {"fund": 1})
    with pytest.raises(KeyError):
        journal.append(store, None, [block(1), block(2)], [deposit(1, 1), broken], CLOCK)
    assert journal.tip(store) is None
    assert deposits(store) == []


def test_taking_back_folds_what_is_left(store: sa.Engine) -> None:
    journal.append(store, None, [block(1)], [deposit(1, 1)], CLOCK)
    notice = Log(block(2).hash, 0, 2, 1_002, "0xt2", "0xfund", "NoticeGiven", {"deposit": 1, "ready": 4})
    journal.append(store, block(1), [block(2), block(3)], [notice, deposit(3, 3)], CLOCK)
    assert journal.rewind(store, block(3), block(1), CLOCK)
    assert journal.tip(store) == block(1)
    assert deposits(store) == [1]
    with store.connect() as connection:
        assert connection.execute(sa.select(tables.deposits.c.ready_epoch)).scalars().all() == [None]
    assert journal.rewind(store, block(1), None, CLOCK)
    assert (journal.tip(store), deposits(store), facts.get(store, facts.INDEXED)) == (None, [], None)


def test_taking_back_reads_the_logs_in_chunks_and_in_order(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_CHUNK", 3)
    logs = [deposit(number, number) for number in range(1, 8)]
    notices = [
        Log(block(n).hash, 1, n, 1_000 + n, f"0xt{n}", "0xfund", "NoticeGiven", {"deposit": n, "ready": n})
        for n in range(1, 8)
    ]
    ordered = sorted([*logs, *notices], key=lambda entry: (entry.block_number, entry.log_index))
    journal.append(store, None, [block(number) for number in range(1, 9)], ordered, CLOCK)
    with store.connect() as connection:
        before = connection.execute(sa.select(tables.deposits).order_by("deposit")).all()
    journal.append(store, block(8), [block(9)], [deposit(9, 9)], CLOCK)
    assert journal.rewind(store, block(9), block(8), CLOCK)
    with store.connect() as connection:
        assert connection.execute(sa.select(tables.deposits).order_by("deposit")).all() == before
    assert len(before) == 7


def test_old_blocks_are_forgotten_but_not_their_logs(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT_BLOCKS", 2)
    journal.append(store, None, [block(1)], [deposit(1, 1)], CLOCK)
    journal.append(store, block(1), [block(number) for number in range(2, 6)], [], CLOCK)
    assert [known.number for known in journal.known_blocks(store)] == [5, 4, 3]
    assert journal.rewind(store, block(5), block(3), CLOCK)
    assert deposits(store) == [1]
