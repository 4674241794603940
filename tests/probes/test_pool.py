import os
import threading

from oracle.probes.engine import Request, fetch_all
from oracle.probes.pool import Pool, keep, lend
from tests.fixtures.hostile import Hostile, answer, says


def test_a_kept_pool_is_lent_again_to_one_at_a_time() -> None:
    pool = lend(None)
    assert lend(None) is not pool
    keep(pool)
    assert lend(None) is pool
    pool.close()


def test_other_authorities_have_a_pool_of_their_own() -> None:
    keep(lend(None))
    other = lend("other.pem")
    assert other.ca_file == "other.pem"


def test_another_thread_has_a_pool_of_its_own() -> None:
    pool, others = lend(None), list[Pool]()
    keep(pool)
    thread = threading.Thread(target=lambda: others.append(lend(None)))
    thread.start()
    thread.join()
    assert others[0] is not pool


def test_a_forked_child_does_not_touch_what_its_parent_holds() -> None:
    pool = lend(None)
    keep(pool)
    pool.pid = os.getpid() + 1  # as it looks to the child
    assert lend(None) is not pool


def test_handles_are_used_again_by_the_next_call() -> None:
    with Hostile(says(answer(b"ok"))) as server:
        requests = [Request(server.url, server.address)] * 3
        fetch_all(requests, 5.0, concurrency=1)
        pool = lend(None)
        handle = pool.take()
        pool.give(handle)
        keep(pool)
        assert fetch_all(requests, 5.0, concurrency=1)[0].status == 200
        assert lend(None).take() is handle
