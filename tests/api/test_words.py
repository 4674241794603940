"""How numbers and codes are written: cut off and never rounded up, unknown as "unknown"."""

import pytest

from api import words
from oracle.model import ONE
from oracle.store.mirrors import Stage

TOKEN = 10**18


@pytest.mark.parametrize(
    ("wei", "decimals", "text"),
    [
        (None, 18, "unknown"),
        (0, 18, "0"),
        (TOKEN, 18, "1"),
        (TOKEN - 1, 18, "0.9999"),
        (1, 18, "<0.0001"),
        (-3 * TOKEN // 2, 18, "\u22121.5"),
        (1_234_567 * TOKEN + TOKEN // 4, 18, "1\u2009234\u2009567.25"),
        (2_500_000, 6, "2.5"),
        (42, 0, "42"),
        (1_000, None, "1\u2009000 units"),
        (2**128, 36, "340.2823"),
    ],
)  # fmt: skip
def test_amounts_are_exact_and_cut_off(wei: int | None, decimals: int | None, text: str) -> None:
    assert words.amount(wei, decimals) == text


@pytest.mark.parametrize(("value", "text"), [(None, "unknown"), (0, "0.0"), (ONE - 1, "0.9"), (32 * ONE // 10, "3.2")])
def test_n_eff_is_never_rounded_up(value: int | None, text: str) -> None:
    assert words.n_eff(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "unknown"), (0, "0.000"), (ONE, "1.000"), (ONE // 3, "0.333")])
def test_weights_have_three_digits(value: int | None, text: str) -> None:
    assert words.weight(value) == text


@pytest.mark.parametrize(
    ("bps", "text"), [(None, "unknown"), (0, "0\u202f%"), (9_999, "99.9\u202f%"), (10_000, "100\u202f%")]
)
def test_full_per_cent_is_only_what_is_full(bps: int | None, text: str) -> None:
    assert words.percent(bps) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800 * 3, "6 days")]
)
def test_durations_have_one_unit(seconds: int, text: str) -> None:
    assert words.span(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 slots"), (1, "1 slot"), (2_000, "2\u2009000 slots")])
def test_nouns_follow_their_number(number: int, text: str) -> None:
    assert words.plural(number, "slot") == text


def test_every_stage_has_words() -> None:
    assert set(words.STAGES) == set(Stage)


def test_addresses_are_told_by_both_ends() -> None:
    assert words.short("0x" + "ab" * 20) == "0xabab…abab"
    assert words.short("short") == "short"
    assert words.cut("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("expires_s", "text"),
    [
        (1_010 + 3 * 86_400, "valid for 3 days"),
        (1_010 + 2 * 86_400 - 1, "valid for 47 h: renew it"),
        (1_010, "has expired"),
    ],
)
def test_a_certificate_is_to_be_renewed_where_no_machine_would_be_so_late(expires_s: int, text: str) -> None:
    assert words.certificate(expires_s, 1_010_000) == text


@pytest.mark.parametrize(("until_s", "text"), [(1_130, "2 min left"), (1_009, "its time is over"), (1_011, "1 s left")])
def test_what_is_left_of_a_time_is_told_until_it_is_over(until_s: int, text: str) -> None:
    assert words.left(until_s, 1_010_000) == text
