"""The demo's tables say every reason in words and every amount, whatever the width."""

import io

import pytest
from rich.console import Console

from oracle.devnet.result import DemoResult, EpochOutcome, MirrorEpoch, MirrorOutcome
from oracle.devnet.table import TOKEN, fraction, in_words, show, tokens
from oracle.model import ONE

EPOCH = EpochOutcome(1, 100 * TOKEN, 60 * TOKEN, 5 * TOKEN, 40 * TOKEN, "0x" + "ab" * 32, 3 * ONE, 0)
MIRROR = MirrorOutcome(
    "stale", "stale", "http://127.1.5.1:20000", "0x00", (MirrorEpoch(1, 0, 0, {"stale_release": 20}),), 0
)


def printed(result: DemoResult, width: int = 120) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=width), result, "DEMO")
    return stream.getvalue()


def test_reasons_are_told_with_their_slots_longest_first_and_without_up() -> None:
    assert in_words({"up": 10, "timeout": 3, "connect": 7}) == "no connection (7), no answer in time (3)"
    assert in_words({"up": 20, "connect": 0}) == "nothing deducted"


def test_amounts_round_down() -> None:
    assert tokens(1_999_999_999_999_999_999) == "1.9999"
    assert tokens(1_234 * TOKEN) == "1,234.0000"
    assert fraction(ONE - 1) == "0.999"


@pytest.mark.parametrize("width", [100, 160])
def test_table_shows_the_reason_for_nothing(width: int) -> None:
    text = " ".join(printed(DemoResult((EPOCH,), (MIRROR,), ()), width).split())
    assert "an old release" in text
    assert "(20)" in text
    assert "40.0000" in text
    assert "Every check" in text


def test_failures_are_listed() -> None:
    assert "paid and returned are not the reward" in printed(
        DemoResult((EPOCH,), (MIRROR,), ("paid and returned are not the reward",))
    )


def test_json_has_amounts_as_text() -> None:
    written = DemoResult((EPOCH,), (MIRROR,), ()).to_json()
    assert written["ok"] is True
    assert written["epochs"][0] == {
        "epoch": 1,
        "reward": str(100 * TOKEN),
        "paid": str(60 * TOKEN),
        "fee": str(5 * TOKEN),
        "returned": str(40 * TOKEN),
        "report_tx": "0x" + "ab" * 32,
    }
    assert written["mirrors"][0]["epochs"] == [
        {"epoch": 1, "weight": 0, "credited": "0", "reasons": {"stale_release": 20}}
    ]
    assert written["mirrors"][0]["withdrawn"] == "0"
