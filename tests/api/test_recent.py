"""A value is made once within its time, however many ask at once, and never kept too long."""

import threading
import time

import pytest

from api.recent import MOST, Recent


def test_a_value_is_made_once_within_its_time() -> None:
    recent, made = Recent[int](60), list(range(9))
    assert [recent.get(1, lambda: made.pop(0)) for _ in range(3)] == [0, 0, 0]
    assert recent.get(2, lambda: made.pop(0)) == 1


def test_a_value_is_made_again_after_its_time() -> None:
    recent, made = Recent[int](0.01), list(range(9))
    assert recent.get(1, lambda: made.pop(0)) == 0
    time.sleep(0.02)
    assert recent.get(1, lambda: made.pop(0)) == 1


def test_nothing_is_kept_when_told_so() -> None:
    recent, made = Recent[int](0), list(range(9))
    assert [recent.get(1, lambda: made.pop(0)) for _ in range(3)] == [0, 1, 2]


def test_many_at_once_have_it_made_once() -> None:
    recent, made, found = Recent[int](60), list(range(99)), list[int]()

    def make() -> int:
        time.sleep(0.05)
        return made.pop(0)

    threads = [threading.Thread(target=lambda: found.append(recent.get(1, make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [0] * 8


def test_a_failure_is_not_kept() -> None:
    recent = Recent[int](60)
    with pytest.raises(ZeroDivisionError):
        recent.get(1, lambda: 1 // 0)
    assert recent.get(1, lambda: 5) == 5


def test_old_keys_make_room() -> None:
    recent = Recent[int](60)
    for key in range(MOST + 5):
        recent.get(key, lambda: 1)
    assert recent.get(0, lambda: 2) == 2
    assert recent.get(MOST + 4, lambda: 2) == 1
