"""Evidence is served byte for byte."""

import hashlib

import httpx
import sqlalchemy as sa

from oracle.model import Digest, Epoch, FundId
from oracle.segments import pack, segment
from oracle.store.reports import save_evidence
from oracle.store.segments import StoredSegment, save_segments


def test_evidence_is_listed_with_the_digests_of_its_bytes(seeded: httpx.Client) -> None:
    listed = seeded.get("/api/v1/epochs/5/evidence").json()
    assert (listed["committee"], listed["epoch"]) == (1, 5)
    assert [file["name"] for file in listed["files"]] == ["funds/1.json", "index.json"]
    for file in listed["files"]:
        body = seeded.get(f"/api/v1/epochs/5/evidence/{file['name']}").content
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (file["sha256"], file["length"])


def test_the_index_has_the_digest_that_is_on_the_chain(seeded: httpx.Client) -> None:
    body = seeded.get("/api/v1/epochs/5/evidence/index.json").content
    epochs = seeded.get("/api/v1/funds/1/epochs").json()["epochs"]
    report = next(epoch["report"] for epoch in epochs if epoch["epoch"] == 5)
    assert report["evidence"] == "0x" + hashlib.sha256(body).hexdigest()
    assert report["evidence_here"] is True


def test_bytes_are_served_as_they_are_and_asked_for_once(seeded: httpx.Client, file_store: sa.Engine) -> None:
    save_evidence(file_store, 2, 9, {"index.json": b'{"a":1}\x00<script>'})
    answer = seeded.get("/api/v1/epochs/9/evidence/index.json", params={"committee": 2})
    assert answer.content == b'{"a":1}\x00<script>'
    assert answer.headers["content-type"] == "application/json"
    again = seeded.get(answer.request.url, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


NOT_THERE = (
    "9/evidence",
    "5/evidence?committee=2",
    "5/evidence/none.json",
    "5/evidence/..%2f..%2fetc%2fpasswd",
    "5/evidence/%00",
    f"5/evidence/{'x' * 300}",
)


def test_there_is_no_evidence_that_is_not_in_the_store(seeded: httpx.Client) -> None:
    for path in NOT_THERE:
        answer = seeded.get(f"/api/v1/epochs/{path}")
        assert answer.status_code == 404, path
        assert list(answer.json()) == ["detail"], path


def test_raw_votes_are_served_as_they_were_signed(seeded: httpx.Client, file_store: sa.Engine) -> None:
    made = segment("node", FundId(1), Epoch(5), [])
    stored = StoredSegment("node", FundId(1), Epoch(5), Digest(made.digest), 0, pack(made.body))
    save_segments(file_store, [stored])
    answer = seeded.get("/api/v1/epochs/5/segments/1")
    assert "0x" + hashlib.sha256(answer.content).hexdigest() == made.digest == answer.headers["etag"].strip('"')
    again = seeded.get("/api/v1/epochs/5/segments/1", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert seeded.get("/api/v1/epochs/6/segments/1").status_code == 404
