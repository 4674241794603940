"""Segments: the same votes are the same bytes, and nothing else is read as one."""

import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle import segments
from oracle.errors import InvalidInput
from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote, canonical
from oracle.segments import pack, read_segment, segment, unpack

F, EPOCH = FundId(3), Epoch(7)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VOTES = st.lists(
    st.builds(
        Vote,
        st.just(F),
        st.integers(0, 3).map(MirrorId),
        st.just(EPOCH),
        st.integers(0, 20).map(Slot),
        st.sampled_from([Reason.UP, Reason.TIMEOUT, Reason.WRONG_BYTES]),
        st.none() | st.integers(0, 9_000),
        st.none() | TEXTS,
        st.none() | TEXTS,
        TEXTS,
        st.none() | st.integers(0, 10**6),
        TEXTS,
    ),
    unique_by=lambda vote: (vote.mirror, vote.slot),
    max_size=25,
)
GOOD = segment(
    "node", F, EPOCH, [Vote(F, MirrorId(1), EPOCH, Slot(slot), Reason.UP, latency_ms=9) for slot in (0, 1, 4)]
)


@given(VOTES, st.randoms(use_true_random=False))
def test_what_is_read_is_what_was_written_in_any_order(votes: list[Vote], order: Any) -> None:
    made = segment("node", F, EPOCH, votes)
    assert read_segment(unpack(pack(made.body))) == made
    order.shuffle(votes)
    assert segment("node", F, EPOCH, votes).body == made.body


def test_any_other_vote_has_another_digest() -> None:
    (first, *rest) = GOOD.votes
    others = [replace(first, reason=Reason.DNS), replace(first, latency_ms=None), replace(first, path="a")]
    digests = {segment("node", F, EPOCH, [other, *rest]).digest for other in others}
    assert len({GOOD.digest, segment("other", F, EPOCH, GOOD.votes).digest, *digests}) == 5


def test_an_epoch_of_one_mirror_takes_a_few_bytes_a_vote() -> None:
    votes = [
        Vote(F, MirrorId(m), EPOCH, Slot(s), Reason.UP, 40 + (s * 7 + m) % 50, "203.0.113.7", f"js/{(s * 31) % 288}.js",
             rtt_us=30_000 + (s * 977) % 5_000)
        for m in range(20) for s in range(288)
    ]  # fmt: skip
    assert len(pack(segment("node", F, EPOCH, votes).body)) < 12 * len(votes)


SPOILED: list[tuple[str, Any]] = [
    ("spec", 2),
    ("node", 5),
    ("fund", -1),
    ("mirror", [[1, 2]]),
    ("mirror", [[1, 3, 1]]),
    ("mirror", [[1, 0], [1, 3]]),
    ("mirror", [[1, 1], [1, 2]]),
    ("mirror", [[1, 1 << 60]]),
    ("slot", [[0, 1], [1, 1], [4, 1]]),
    ("slot", "0"),
    ("latency_ms", [9, 9, 1.5]),
    ("latency_ms", [9, 9]),
    ("reason", {"values": ["up"], "at": [[1, 3]]}),
    ("reason", {"values": ["maybe"], "at": [[0, 3]]}),
    ("reason", {"values": ["up", "dns"], "at": [[0, 3]]}),
    ("reason", ["up"]),
    ("detail", {"values": [None], "at": [[0, 3]]}),
    ("path", {"values": [3], "at": [[0, 3]]}),
]


@pytest.mark.parametrize(("name", "value"), SPOILED)
def test_what_is_not_written_as_it_must_be_is_refused(name: str, value: Any) -> None:
    fields = json.loads(GOOD.body) | {name: value}
    body = json.dumps(fields).encode() if name == "latency_ms" else canonical(fields)
    with pytest.raises(InvalidInput):
        read_segment(body)


def test_what_is_missing_or_unknown_is_refused() -> None:
    fields = json.loads(GOOD.body)
    spoiled: Any
    for spoiled in ({**fields, "more": 1}, {name: fields[name] for name in fields if name != "rtt_us"}, []):
        with pytest.raises(InvalidInput):
            read_segment(canonical(spoiled))
    with pytest.raises(InvalidInput, match="written as it must"):
        read_segment(json.dumps(fields).encode())


def test_a_bomb_a_cut_and_a_tail_are_no_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MOST_BYTES", 10_000)
    packed = pack(GOOD.body)
    assert unpack(packed) == GOOD.body
    for spoiled in (zlib.compress(bytes(10**7)), packed[:-3], packed + b"more", b"", b"no zlib"):
        with pytest.raises(InvalidInput):
            unpack(spoiled)
