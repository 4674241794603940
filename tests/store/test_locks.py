"""A lock in the store is one for all machines that share the store."""

import subprocess
import sys

import pytest
import sqlalchemy as sa

from oracle.store.db import open_store
from oracle.store.locks import held
from tests.fixtures.node import ROOT

HOLDER = """
import sys, time
from oracle.store.db import open_store
from oracle.store.locks import held
with held(open_store(sys.argv[1]), "close") as free:
    print(free, flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_and_free_afterwards(store: sa.Engine) -> None:
    shared = store.dialect.name == "postgresql"
    with held(store, "close") as first, held(store, "close") as second, held(store, "settle") as other:
        assert (first, second, other) == (True, not shared, True)
    with held(store, "close") as again:
        assert again


def test_a_lock_of_what_failed_is_free(store: sa.Engine) -> None:
    with pytest.raises(ZeroDivisionError), held(store, "close"):
        raise ZeroDivisionError
    with held(store, "close") as free:
        assert free


def test_a_lock_of_who_was_killed_is_free(store_url: str) -> None:
    engine = open_store(store_url)
    if engine.dialect.name != "postgresql":
        return
    with subprocess.Popen([sys.executable, "-c", HOLDER, store_url], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"True\n"
        with held(engine, "close") as free:
            assert not free
        process.kill()
    for _ in range(100):
        with held(engine, "close") as free:
            if free:
                return
    pytest.fail("the lock of a killed process was not freed")
