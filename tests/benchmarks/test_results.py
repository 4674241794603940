"""What the committed results of the benchmarks say is within what is promised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import probe_speed, schedule, throughput
from tests.fixtures.node import ROOT


def result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("scheme", list(probe_speed.LIMITS))
def test_a_probe_costs_at_most_its_share_of_the_peers(scheme: str) -> None:
    assert result("probe")["ratio"][scheme] <= probe_speed.LIMITS[scheme]


def test_one_worker_process_has_at_least_four_fifths_of_the_engines_rate() -> None:
    assert result("throughput")["rate_of_the_engines"]["worker 1"] >= throughput.LEAST


def test_a_second_process_adds_a_quarter_where_processes_mostly_wait() -> None:
    told = result("throughput_slow")
    assert told["settings"]["delay_ms"] > 0
    assert told["median"]["worker 2"]["rate"] >= 1.25 * told["median"]["worker 1"]["rate"]


def test_no_hostile_server_brought_a_probe_beyond_its_limits() -> None:
    told = result("hostile")
    assert (told["probes"], told["violations"]) == (100_000, [])


@pytest.mark.parametrize("what", ["plan_s", "memory_mb", "store_mb_a_day"])
def test_ten_times_as_many_mirrors_cost_at_most_eleven_times_as_much(what: str) -> None:
    assert result("schedule")["growth"]["10000 to 100000"][what] <= schedule.MOST_GROWTH
