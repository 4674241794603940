"""What docs/weights.md says of the measurement is what was simulated, and what is simulated holds."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fairness
from benchmarks.fairness import MINUTE, Node, Scenario, is_up, main, race, renewal, simulate, truth, write_documents
from tests.fixtures.node import ROOT

DOCS = ROOT / "docs"


def scenario(group: str, name: str) -> Scenario:
    return next(one for one in fairness.scenarios() if (one.group, one.name) == (group, name))


def test_the_documents_show_what_was_simulated(tmp_path: Path) -> None:
    shutil.copy(DOCS / "weights.md", tmp_path)
    write_documents(json.loads((DOCS / "fairness.json").read_text()), tmp_path)
    for name in ("weights.md", "fairness.svg"):
        assert (tmp_path / name).read_text() == (DOCS / name).read_text(), f"python -m benchmarks.fairness: {name}"


def test_what_was_simulated_are_the_scenarios_of_today() -> None:
    result = json.loads((DOCS / "fairness.json").read_text())
    assert [(row["group"], row["name"]) for row in result["rows"]] == [
        (one.group, one.name) for one in fairness.scenarios()
    ]
    assert [(one["above"], one["below"], one["outage_s"]) for one in result["races"]] == list(fairness.RACES)


@pytest.mark.parametrize("row", [4, 24, -1])
def test_what_the_page_shows_is_what_todays_rules_give(row: int) -> None:
    result = json.loads((DOCS / "fairness.json").read_text())
    shown = result["rows"][row]
    assert simulate(scenario(shown["group"], shown["name"]), result["mirrors"], result["seed"]) == shown


def test_the_races_that_the_page_shows_end_as_todays_rules_have_them() -> None:
    result = json.loads((DOCS / "fairness.json").read_text())
    shown = {(one["above"], one["below"], one["outage_s"]): one for one in result["races"]}
    lazy = (0.95, 0.995, 10 * MINUTE)
    assert race(*lazy, result["mirrors"] // 2, result["seed"]) == shown[lazy]
    assert shown[lazy]["passed"] >= 95
    assert shown[0.95, 0.95, 10 * MINUTE]["passed"] <= 5


@pytest.mark.parametrize(
    ("times", "share"),
    [([], 1.0), ([0.0], 0.0), ([21_600.0], 0.25), ([0.0, 21_600.0], 0.75), ([0.0, 86_400.0, 90_000.0], 0.0)],
)
def test_the_truth_is_the_share_of_the_epochs_seconds(times: list[float], share: float) -> None:
    assert truth(times) == share
    moments = [second + 0.5 for second in range(86_400)]
    assert sum(is_up(times, at) for at in moments) / 86_400 == share


def test_timelines_are_as_long_up_and_down_as_they_were_asked_for() -> None:
    rng = random.Random(1)
    drawn = [renewal(0.9, 5 * MINUTE)(rng) for _ in range(300)]
    assert abs(sum(map(truth, drawn)) / 300 - 0.9) < 0.005
    outages = sum(len(times) for times in drawn) / 2
    assert 0.9 < outages * 300 / (300 * 8_640) < 1.1


def test_the_same_seed_gives_the_same_figures() -> None:
    one = scenario("3 of 4, up 95%", "up 95%, outages of 1 min")
    assert simulate(one, 5, 7) == simulate(one, 5, 7) != simulate(one, 5, 8)


LIMITS = [
    # committee, mirrors, least and most bias in points
    ("1 of 1, up 95%", "up 95%, outages of 10 min", -0.5, 0.5),
    ("3 of 4, up 95%", "up 95%, outages of 10 min", -0.6, 0.2),
    ("3 of 4, up 95%", "up 95%, outages of 15 s", 0.8, 2.5),
    ("1 of 1, always up", "1.0% of answers not heard", -1.3, -0.7),
    ("3 of 4, always up", "1.0% of answers not heard", -0.2, 0.0),
    ("3 of 4, always up", "0.0% of answers not heard", 0.0, 0.0),
    ("3 of 4, views differ", "one node off for 6 h", -0.3, 0.3),
]


@pytest.mark.parametrize(("group", "name", "least", "most"), LIMITS, ids=[f"{one[0]}: {one[1]}" for one in LIMITS])
def test_the_bias_is_small(group: str, name: str, least: float, most: float) -> None:
    assert least <= simulate(scenario(group, name), 30, 1)["bias"] <= most


def test_a_node_that_is_off_does_not_lower_what_is_measured() -> None:
    """All of them off for an hour: the slots leave the denominator."""
    one = scenario("3 of 4, always up", "0.0% of answers not heard")
    off = replace(one, nodes=tuple(Node(0.0, off=(0, 3_600)) for _ in one.nodes))
    assert simulate(off, 3, 1)["measured"] == 100


def test_a_lazy_mirror_is_passed_by_a_good_one_within_ten_epochs_and_equal_ones_do_not_swap() -> None:
    assert race(0.95, 0.995, MINUTE, 12, 1)["passed"] == 100
    assert race(0.995, 0.995, MINUTE, 6, 1)["passed"] == 0
    assert race(0.95, 0.95, MINUTE, 6, 1)["passed"] == 0
    assert race(0.995, 0.95, MINUTE, 6, 1)["passed"] == 0


def test_the_command_prints_tables_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [
        scenario("3 of 4, up 95%", "up 95%, outages of 1 min"),
        scenario("1 of 1, always up", "1.0% of answers not heard"),
    ]
    monkeypatch.setattr(fairness, "scenarios", lambda: iter(few))
    monkeypatch.setattr(fairness, "RACES", ((0.95, 0.995, MINUTE),))
    main(["--mirrors", "2", "--json", "--write", str(tmp_path)])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["mirrors"], len(told["rows"]), len(told["races"])) == (2, 2, 1)
    assert json.loads((tmp_path / "fairness.json").read_text()) == told
    assert (tmp_path / "fairness.svg").read_text().startswith("<svg")
    main(["--mirrors", "2"])
    assert "| 3 of 4, up 95% |" in capsys.readouterr().out
