"""Votes stand once cast; complete reads are replaced by later ones."""

import sqlalchemy as sa

from oracle.model import PRIMARY, Digest, Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store import observations
from oracle.store.db import reading

RELEASE = Digest("0x" + "ab" * 32)


def vote(mirror: int, slot: int, reason: Reason = Reason.UP, epoch: int = 7, fund: int = 1) -> Vote:
    latency, rtt_us = (12, 700) if reason is Reason.UP else (None, None)
    of = FundId(fund), MirrorId(mirror), Epoch(epoch), Slot(slot)
    return Vote(*of, reason, latency, "203.0.113.9", "a/b", "200 OK", rtt_us, "netlify")


def test_the_first_vote_on_a_slot_stands(store: sa.Engine) -> None:
    first = [vote(1, 0), vote(1, 1, Reason.TIMEOUT)]
    assert observations.record_votes(store, "west", first) == 2
    assert observations.record_votes(store, "west", [vote(1, 1), vote(1, 2)]) == 1
    assert observations.votes_of(store, 1, 7, "west") == [*first, vote(1, 2)]


def test_votes_are_of_one_fund_epoch_and_node_by_mirror_and_slot(store: sa.Engine) -> None:
    mine = [vote(PRIMARY, 1), vote(2, 0), vote(2, 3), vote(10, 0)]
    observations.record_votes(store, "west", reversed(mine))
    observations.record_votes(store, "west", [vote(2, 0, epoch=8), vote(2, 0, fund=2)])
    observations.record_votes(store, "east", [vote(2, 0, Reason.DNS)])
    assert observations.votes_of(store, 1, 7, "west") == mine


def test_latest_votes_come_newest_first_from_all_nodes(store: sa.Engine) -> None:
    observations.record_votes(store, "west", [vote(2, 0), vote(2, 1), vote(2, 0, epoch=8)], at_ms=5)
    observations.record_votes(store, "east", [vote(2, 0, Reason.DNS, epoch=8)], at_ms=6)
    with reading(store) as connection:
        latest = observations.latest_votes(connection, 1, 2, limit=3)
    assert [(cast.node, cast.at_ms, cast.vote.epoch, cast.vote.slot) for cast in latest] == [
        ("east", 6, 8, 0),
        ("west", 5, 8, 0),
        ("west", 5, 7, 1),
    ]


def test_old_votes_are_forgotten(store: sa.Engine) -> None:
    observations.record_votes(store, "west", [vote(1, 0, epoch=6), vote(1, 0, epoch=7)])
    assert observations.forget_votes(store, before_epoch=7) == 1
    assert observations.votes_of(store, 1, 6, "west") == []
    assert observations.votes_of(store, 1, 7, "west") == [vote(1, 0)]


def test_only_complete_reads_without_a_fault_admit(store: sa.Engine) -> None:
    observations.record_admission(store, "west", 1, RELEASE, Reason.UP, files_read=40)
    observations.record_admission(store, "west", 2, RELEASE, Reason.WRONG_BYTES, "index.html", files_read=3)
    observations.record_admission(store, "east", 3, RELEASE, Reason.UP)
    observations.record_admission(store, "west", 4, "0x" + "cd" * 32, Reason.UP)
    assert observations.admitted(store, RELEASE, "west") == {1}


def test_a_later_complete_read_replaces_the_earlier(store: sa.Engine) -> None:
    observations.record_admission(store, "west", 1, RELEASE, Reason.UP, files_read=40, at_ms=1)
    observations.record_admission(store, "west", 1, RELEASE, Reason.WRONG_BYTES, "a.js", files_read=2, at_ms=2)
    expected = observations.CompleteRead(MirrorId(1), RELEASE, "west", Reason.WRONG_BYTES, "a.js", 2, 2)
    assert observations.admissions(store, RELEASE, "west") == {1: expected}
    assert observations.admitted(store, RELEASE, "west") == frozenset()
