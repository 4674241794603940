"""`mirrorbond verify` takes evidence from any node's API: nothing that the chain does not name, and what it needs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from oracle.commands.verify import _loader
from oracle.digests import sha256_digest
from oracle.errors import FetchFailed, InvalidInput
from oracle.model import Digest, Epoch
from oracle.store.db import close_store
from oracle.store.reports import save_evidence
from tests.fixtures.hostile import Hostile, serves
from tests.fixtures.ledger import Ledger

ROOT = Digest("0x" + "66" * 32)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path)
    yield made
    close_store(made.context.settings.store_url())


def index_of(files: object) -> bytes:
    return json.dumps({"committee": 1, "epoch": 1, "files": files}).encode()


def served(epoch: int, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"/api/v1/epochs/{epoch}/evidence/{name}?committee=1": body for name, body in files.items()}


def test_evidence_of_an_epoch_before_need_not_be_served(ledger: Ledger) -> None:
    kept, index = {"index.json": b"kept"}, index_of({})
    save_evidence(ledger.engine, 1, 2, kept)
    ledger.reported(3, ROOT, sha256_digest(index))
    with Hostile(serves(served(3, {"index.json": index}))) as node:
        load = _loader(ledger.context, node.url, 3)
        assert load(Epoch(3)) == {"index.json": index}
        assert load(Epoch(2)) == kept
        assert load(Epoch(1)) == {}
        with pytest.raises(FetchFailed, match="answers 404"):
            _loader(ledger.context, node.url, 1)(Epoch(1))


def test_what_another_index_than_the_chains_lists_is_not_fetched(ledger: Ledger) -> None:
    ledger.reported(1, ROOT, sha256_digest(b"another"))
    index = index_of({f"funds/{number}.json": "0x" for number in range(1_000)})
    with Hostile(serves(served(1, {"index.json": index}))) as liar:
        assert _loader(ledger.context, liar.url, 1)(Epoch(1)) == {"index.json": index}
        assert len(liar.asked) == 1


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (index_of(5), "index.json.files: must be an object"),
        (b"null", "index.json: must be an object"),
        (index_of({"../../key.json": "0x"}), "names a file '../../key.json'"),
    ],
)
def test_an_index_that_cannot_be_read_is_named(ledger: Ledger, index: bytes, told: str) -> None:
    ledger.reported(1, ROOT, sha256_digest(index))
    with Hostile(serves(served(1, {"index.json": index}))) as node, pytest.raises(InvalidInput) as refused:
        _loader(ledger.context, node.url, 1)(Epoch(1))
    assert told in str(refused.value)
