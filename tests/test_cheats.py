"""docs/cheats.md says nothing that no test stands behind, and names every test of the zoo."""

import re
from math import ceil, log

import pytest

from oracle.budget import AWAY_ONE_IN, plan
from oracle.echoes import SEVERAL
from oracle.model import Policy, Reason
from oracle.questions import CANARIES_AN_EPOCH, COLD_AN_EPOCH_HEARD
from tests.fixtures.node import ROOT
from tests.zoo.__main__ import SITES

DOCUMENT = (ROOT / "docs" / "cheats.md").read_text()
TESTS = (ROOT / "tests" / "devnet" / "test_zoo.py").read_text()
COLUMNS = 8


def cells(line: str) -> list[str]:
    """The cells of a table's row, empty ones too."""
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


CHEATS = [row for line in DOCUMENT.splitlines() if line.endswith("` |") and len(row := cells(line)) == COLUMNS]


def test_every_row_names_a_test_and_every_test_has_a_row() -> None:
    named = re.findall(r"`(test_\w+)` \|$", DOCUMENT, re.MULTILINE)
    written = re.findall(r"^def (test_\w+)\(", TESTS, re.MULTILINE)
    assert sorted(named) == sorted(written)


@pytest.mark.parametrize("row", CHEATS, ids=lambda row: row[-1].strip("`"))
def test_a_rows_reasons_are_what_its_test_looks_for(row: list[str]) -> None:
    body = TESTS.partition(f"def {row[-1].strip('`')}(")[2].partition("\n\n\n")[0]
    before = TESTS.partition(f"def {row[-1].strip('`')}(")[0].rpartition("\n\n\n")[2]
    for code in re.findall(r"`(\w+)`", row[-2]):
        reason = Reason(code)
        assert f"Reason.{reason.name}" in before + body or (reason is Reason.UP and "is_paid" in body)


@pytest.mark.parametrize("row", CHEATS, ids=lambda row: row[-1].strip("`"))
def test_a_row_that_needs_something_says_what_happens_without_it(row: list[str]) -> None:
    needs, without = row[4], row[5]
    assert bool(needs) == bool(without)


def test_times_are_those_of_the_usual_policy() -> None:
    policy = Policy()
    found = plan([20_000] * 2_000, 0, policy, 86_400)
    minutes = found.detection_slots * 24 * 60 // policy.slots
    assert f"{minutes // 60} h {minutes % 60} min at the latest for 2,000 files of 20 kB" in DOCUMENT
    silent = 1 - 1 / AWAY_ONE_IN
    assert silent**44 < 0.01 < silent**43
    assert (1 / 2) ** 20 < 1e-6
    assert (1 / 2) ** 7 < 0.01 < (1 / 2) ** 6
    assert found.within_epoch
    assert f"{AWAY_ONE_IN} slots (50 min) on average; 44 slots (3 h 40 min) in 99 of 100" in DOCUMENT
    assert 44 * 24 * 60 // policy.slots == 3 * 60 + 40


@pytest.mark.parametrize("files", [1, 20, 288, 2_000])
def test_one_file_is_asked_for_by_another_address_as_late_as_it_says(files: int) -> None:
    silent = 1 - 1 / (AWAY_ONE_IN * files)
    slots = ceil(log(0.01) / log(silent))
    days = round(slots / Policy().slots)
    assert f"| {files:,} | {slots:,} | {f'{days} days' if days else '3 h 40 min'} |" in DOCUMENT


def test_canaries_and_cold_files_come_as_often_as_it_says() -> None:
    assert (CANARIES_AN_EPOCH, SEVERAL, COLD_AN_EPOCH_HEARD) == (4, 4, 5)
    assert "four of which come a day" in DOCUMENT
    assert "four of the five cold files it is asked for a day" in DOCUMENT
    assert "outage counts ten times" in DOCUMENT
    assert Policy().outage_weight == 10


def test_what_is_served_by_hand_is_listed() -> None:
    listed = re.findall(r"`([\w-]+)`", DOCUMENT.partition("prints where: ")[2])
    assert listed == sorted(SITES)
