"""Live and ready are two questions."""

import time
from pathlib import Path

import httpx
import sqlalchemy as sa

from oracle.store import facts
from tests.fixtures.seeded import seed
from tests.fixtures.served import Serve


def test_live_means_that_the_process_answers(empty: httpx.Client) -> None:
    assert empty.get("/healthz").json() == {"status": "ok", "reason": ""}


def test_ready_before_and_after_the_chain_was_indexed(empty: httpx.Client, file_store: sa.Engine) -> None:
    before = empty.get("/readyz")
    assert (before.status_code, before.json()["reason"]) == (503, "the chain has not been indexed yet")
    seed(file_store)
    assert empty.get("/readyz").json() == {"status": "ok", "reason": ""}


def test_not_ready_when_the_indexer_stands_still(seeded: httpx.Client, file_store: sa.Engine) -> None:
    facts.put(file_store, facts.INDEXED, {"block": 1, "timestamp_s": 0, "at_s": int(time.time()) - 500})
    answer = seeded.get("/readyz")
    assert answer.status_code == 503
    assert "was last indexed 50" in answer.json()["reason"]
    assert "what follows may be old" in seeded.get("/").text


def test_not_ready_without_a_store(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    client = serve(f"sqlite:///{tmp_path}/file/store.sqlite3")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the store cannot be read: StoreUnreachable")
    assert client.get("/healthz").status_code == 200
    page = client.get("/")
    assert page.status_code == 503
    assert "the store cannot be read at the moment" in page.text
    assert client.get("/api/v1/funds").json() == {"detail": "the store cannot be read at the moment"}
