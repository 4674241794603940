"""What planning a slot costs grows with the number of mirrors, and with nothing else."""

from pathlib import Path

import pytest

from benchmarks.schedule import filled, growth, measured


@pytest.mark.timeout(120)
def test_ten_times_as_many_mirrors_take_at_most_about_ten_times_as_much(tmp_path: Path) -> None:
    """Loosely: other tests run beside this one. `benchmarks/schedule` holds it for 100,000."""
    figures = []
    for mirrors in (250, 2_500):
        assert filled(mirrors, tmp_path / str(mirrors)) == mirrors // 250
        figures.append(measured(mirrors, tmp_path / str(mirrors), every_s=30))
    assert [one["votes"] for one in figures] == [251, 2_510]
    assert figures[1]["shards_s"] < 16 * figures[0]["shards_s"]
    assert figures[1]["ticks_s"] < 4 * figures[0]["ticks_s"]
    assert figures[1]["store_bytes_a_vote"] < 300


def test_growth_is_told_from_size_to_size() -> None:
    one = {"mirrors": 10, "plan_s": 1.0, "memory_mb": 2.0, "store_mb_a_day": 5}
    told = growth([one, {**one, "mirrors": 100, "plan_s": 9.5}])
    assert told == {"10 to 100": {"mirrors": 10.0, "plan_s": 9.5, "memory_mb": 1.0, "store_mb_a_day": 1.0}}
