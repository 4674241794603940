"""One store, many processes, two engines: opening, migrating, reading and writing."""

import fcntl
import multiprocessing
import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from oracle.errors import InvalidInput, StoreTooNew, StoreUnreachable
from oracle.store.db import close_store, insert_new, open_store, reading, upsert, writing
from oracle.store.tables import facts, metadata


def fact(name: str, value: object) -> dict[str, object]:
    return {"name": name, "value": value}


def values(engine: sa.Engine) -> dict[str, object]:
    with reading(engine) as connection:
        return {row.name: row.value for row in connection.execute(sa.select(facts))}


def test_opening_makes_every_table(store: sa.Engine) -> None:
    assert set(metadata.tables) < set(sa.inspect(store).get_table_names())


def test_opening_twice_gives_the_same_engine_and_keeps_the_rows(store: sa.Engine, store_url: str) -> None:
    with writing(store) as connection:
        insert_new(connection, facts, [fact("epoch", 7)])
    assert open_store(store_url) is store
    close_store(store_url)
    assert values(open_store(store_url)) == {"epoch": 7}


def open_and_count(url: str, barrier: threading.Barrier, name: str) -> None:
    barrier.wait(60)
    engine = open_store(url)
    with writing(engine) as connection:
        insert_new(connection, facts, [fact(name, 1)])


def test_several_processes_may_open_a_new_store_at_once(store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    processes = [spawn.Process(target=open_and_count, args=(store_url, barrier, str(number))) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert values(open_store(store_url)) == {"0": 1, "1": 1, "2": 1, "3": 1}


def test_opening_waits_while_another_process_migrates(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    opening = threading.Thread(target=open_store, args=(url,))
    with (tmp_path / "store.sqlite3.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening.start()
        opening.join(0.5)
        assert opening.is_alive()
    opening.join(30)
    assert values(open_store(url)) == {}
    close_store(url)


def test_a_forked_child_opens_its_own_connections(store: sa.Engine, store_url: str) -> None:
    values(store)  # a connection waits in the pool
    pid = os.fork()
    if pid == 0:
        try:
            child = open_store(store_url)
            with writing(child) as connection:
                insert_new(connection, facts, [fact("child", child is not store)])
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert values(store) == {"child": True}


def test_writers_wait_for_each_other_instead_of_failing(store: sa.Engine) -> None:
    def count_up() -> None:
        for _ in range(20):
            with writing(store) as connection:
                if store.dialect.name == "postgresql":
                    connection.execute(sa.select(facts).with_for_update())
                value = connection.execute(sa.select(facts.c.value)).scalar_one()
                upsert(connection, facts, [fact("count", value + 1)])

    with writing(store) as connection:
        upsert(connection, facts, [fact("count", 0)])
    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert values(store) == {"count": 80}


def test_readers_see_one_state_while_others_write(store: sa.Engine) -> None:
    with reading(store) as reader:
        assert reader.execute(sa.select(sa.func.count()).select_from(facts)).scalar() == 0
        with writing(store) as writer:  # does not wait for the reader either
            insert_new(writer, facts, [fact("late", 1)])
        assert reader.execute(sa.select(sa.func.count()).select_from(facts)).scalar() == 0
    assert values(store) == {"late": 1}


def test_a_failed_transaction_leaves_nothing(store: sa.Engine) -> None:
    def fail_half_way() -> None:
        with writing(store) as connection:
            insert_new(connection, facts, [fact("half", 1)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert values(store) == {}


def test_insert_new_counts_only_new_rows_and_keeps_the_first(store: sa.Engine) -> None:
    with writing(store) as connection:
        assert insert_new(connection, facts, []) == 0
        assert insert_new(connection, facts, [fact("a", 1), fact("b", 1)]) == 2
        assert insert_new(connection, facts, [fact("b", 2), fact("c", 2), fact("c", 3)]) == 1
    assert values(store) == {"a": 1, "b": 1, "c": 2}


def test_upsert_replaces_by_primary_key(store: sa.Engine) -> None:
    with writing(store) as connection:
        upsert(connection, facts, [fact("a", 1)])
        upsert(connection, facts, [fact("a", 2), fact("b", 2)])
    assert values(store) == {"a": 2, "b": 2}


def test_a_read_only_engine_cannot_write(store: sa.Engine, store_url: str) -> None:
    engine = open_store(store_url, read_only=True)
    with pytest.raises(sa.exc.DBAPIError, match=r"read.?only"), writing(engine) as connection:
        insert_new(connection, facts, [fact("a", 1)])
    assert values(engine) == {}


def test_a_store_of_a_later_version_is_refused(store: sa.Engine, store_url: str) -> None:
    with writing(store) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    close_store(store_url)
    with pytest.raises(StoreTooNew, match="9999"):
        open_store(store_url)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_urls_that_no_store_has_are_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidInput, match="DATABASE_URL"):
        open_store(url)


def test_a_store_that_does_not_open_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable) as refused:
        open_store(f"postgresql://mirrorbond:secret@/none?host={tmp_path}")
    assert "secret" not in str(refused.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreachable, match=r"store\.sqlite"):
        open_store(f"sqlite:///{tmp_path}/file/store.sqlite")


def test_sqlite_is_as_robust_as_it_can_be(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/store.sqlite3"
    with reading(open_store(url)) as connection:
        pragmas = ("journal_mode", "busy_timeout", "synchronous")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 10_000, 1]
    close_store(url)
