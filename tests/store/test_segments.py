"""Segments are kept by node, fund and epoch, and forgotten by epoch."""

import sqlalchemy as sa

from oracle.model import Digest, Epoch, FundId
from oracle.store.segments import StoredSegment, forget_segments, load_segment, save_segments, segment_digests

F, G = FundId(1), FundId(2)


def stored(fund: FundId = F, epoch: int = 7, node: str = "node", digest: str = "aa") -> StoredSegment:
    return StoredSegment(node, fund, Epoch(epoch), Digest("0x" + digest * 32), 3, b"body")


def test_a_segment_is_replaced_and_told_by_its_digest(store: sa.Engine) -> None:
    save_segments(store, [stored(), stored(G), stored(node="other")])
    save_segments(store, [stored(digest="bb")])
    save_segments(store, [])
    assert load_segment(store, F, 7, "node") == stored(digest="bb")
    assert load_segment(store, F, 8, "node") is None
    assert segment_digests(store, 7, "node") == {F: "0x" + "bb" * 32, G: "0x" + "aa" * 32}


def test_old_segments_are_forgotten(store: sa.Engine) -> None:
    save_segments(store, [stored(epoch=6), stored(epoch=7)])
    assert forget_segments(store, 7) == 1
    assert (load_segment(store, F, 6, "node"), load_segment(store, F, 7, "node")) == (None, stored())
