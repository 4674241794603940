import os
import threading
from pathlib import Path

import pytest

from oracle.model import Reason
from oracle.probes import pool as pool_module
from oracle.probes.engine import Request, fetch_all
from oracle.probes.pool import Pool, keep, lend
from tests.fixtures.hostile import Hostile, answer, certificate, says


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


def test_what_a_certificate_said_is_kept_for_its_host_at_its_address_and_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = lend(None)
    pool.note_expiry("https://a.example/x", "1.2.3.4", 5)
    assert pool.expiry("https://a.example/y", "1.2.3.4") == 5
    assert pool.expiry("https://b.example/x", "1.2.3.4") is None
    assert pool.expiry("https://a.example/x", "1.2.3.5") is None
    monkeypatch.setattr(pool_module, "_CERTIFICATE_KEPT_S", 0.0)
    pool.note_expiry("https://c.example/", "1.2.3.4", 5)
    assert pool.expiry("https://c.example/", "1.2.3.4") is None
    pool.close()


def test_what_certificates_said_takes_no_more_room_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MOST_CERTIFICATES", 2)
    pool = lend(None)
    for name in "abc":
        pool.note_expiry(f"https://{name}.example/", "1.2.3.4", 5)
    assert [pool.expiry(f"https://{name}.example/", "1.2.3.4") for name in "abc"] == [None, None, 5]
    pool.close()


def test_a_certificate_is_read_once_and_checked_each_time(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, host="127.1.1.1")
    certificate(tmp_path, host="127.1.1.1", days=-1, name="other")
    with Hostile(says(answer(b"ok")), tls=context) as server:
        request = Request(server.url + "/", server.address)
        first, second = fetch_all([request] * 2, 5.0, concurrency=1, ca_file=str(trusted))
        context.load_cert_chain(tmp_path / "other.pem", tmp_path / "other.key")
        third = fetch_all([request], 5.0, ca_file=str(trusted))[0]
    assert first.certificate_expires_s == second.certificate_expires_s is not None
    assert (third.reason, third.certificate_expires_s) == (Reason.TLS, None)
