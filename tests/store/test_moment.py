"""The clock of a page, who measures, and text of strangers."""

import pytest
import sqlalchemy as sa

from oracle.model import Clock, Policy
from oracle.store import facts, moment, tables
from oracle.store.db import insert_new, reading, writing
from oracle.store.moment import Committee

CLOCK = Clock(genesis_s=1_000, epoch_length_s=100, grace_s=10, window_s=10)


def test_there_is_no_moment_before_the_chain_was_indexed(store: sa.Engine) -> None:
    with reading(store) as connection:
        assert moment.moment(connection, 5_000_000) is None


def test_a_moment_knows_its_epoch_and_how_much_of_it_is_over(store: sa.Engine) -> None:
    facts.put_clock(store, CLOCK)
    facts.put(store, facts.INDEXED, {"block": 12, "timestamp_s": 1_700, "at_s": 1_730})
    with reading(store) as connection:
        found = moment.moment(connection, 1_755_000)
    assert found is not None
    assert (found.epoch, found.ends_in_s, found.indexed_block, found.indexed_s) == (7, 45, 12, 1_730)
    assert [found.measured(epoch, 10) for epoch in (6, 7, 8)] == [10, 5, 0]


def test_a_committee_is_the_one_configured_for_the_epoch(store: sa.Engine) -> None:
    rows = [
        {
            "committee": 1, "version": version, "since": since, "members": members, "quorum": 2,
            "fee_recipient": "0xfee", "digest": "0x",
        }
        for version, since, members in ((1, 3, ["a", "b", "c"]), (2, 6, ["a", "b", "d"]))
    ]  # fmt: skip
    with writing(store) as connection:
        insert_new(connection, tables.committee_configs, rows)
    with reading(store) as connection:
        found = [moment.committee(connection, 1, epoch) for epoch in (0, 5, 6)]
        assert moment.committee(connection, 2, 5) is None
    assert [one.members[2] if one else None for one in found] == ["c", "c", "d"]


@pytest.mark.parametrize(
    ("members", "quorum", "liars"), [(1, 1, 0), (3, 2, 0), (4, 3, 1), (7, 4, 0), (7, 5, 2), (10, 7, 3)]
)
def test_more_than_two_thirds_withstand_liars(members: int, quorum: int, liars: int) -> None:
    assert Committee(1, tuple(map(str, range(members))), quorum, "").liars == liars


def test_a_policy_that_is_none_is_the_default_one() -> None:
    assert moment.policy('{"slots":20}') == Policy(slots=20)
    assert moment.policy("not json") == moment.policy('{"slots":-1}') == Policy()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Notes", "Notes"),
        ("Ünïcödé 漢字", "Ünïcödé 漢字"),
        ("evil\u202egpj.exe", "evil\ufffdgpj.exe"),
        ("a\x00b\nc\u200bd", "a\ufffdb\ufffdc\ufffdd"),
        ("x" * 11, "x" * 9 + "…"),
    ],
)
def test_text_of_strangers_hides_nothing(text: str, shown: str) -> None:
    assert moment.shown(text, 10 if len(text) == 11 else 300) == shown


@pytest.mark.parametrize(
    ("told", "symbol", "decimals"),
    [
        ({"symbol": "AA", "decimals": 6}, "AA", 6),
        ({"symbol": "A\u202eA", "decimals": 256}, "A\ufffdA", None),
        ({"symbol": " ", "decimals": -1}, None, None),
        ({"symbol": 5, "decimals": "18"}, None, None),
        ({"symbol": None, "decimals": None}, None, None),
    ],
)
def test_a_token_that_tells_nonsense_is_unknown(
    store: sa.Engine, told: dict[str, object], symbol: str | None, decimals: int | None
) -> None:
    facts.put(store, f"{facts.TOKEN}0xaa", told)
    with reading(store) as connection:
        assert moment.token(connection, "0xaa") == moment.Token("0xaa", symbol, decimals)


def test_an_unknown_token_is_unknown(store: sa.Engine) -> None:
    facts.put(store, f"{facts.TOKEN}0xaa", {"symbol": "AA", "decimals": 6})
    with reading(store) as connection:
        assert moment.token(connection, "0xaa") == moment.Token("0xaa", "AA", 6)
        assert moment.token(connection, "0xbb") == moment.Token("0xbb", None, None)
