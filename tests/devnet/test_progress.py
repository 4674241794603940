"""Progress is legible without colour, and says the same on a terminal and in a log."""

import io

from rich.console import Console

from oracle.devnet.progress import Line, Progress, Snapshot
from oracle.model import Reason

LINES = [
    Line("honest-1", "honest", {0: Reason.UP, 1: Reason.UP}),
    Line("flapping", "flapping", {0: Reason.UP, 1: Reason.CONNECT}),
    Line("stale", "stale", {0: Reason.NOT_MEASURED}),
    Line("proxy", "proxy", {}),
]


def shown(snapshots: list[Snapshot], terminal: bool) -> str:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=100, force_terminal=terminal, color_system=None))
    with progress.shown():
        for snapshot in snapshots:
            progress.show(snapshot)
    return stream.getvalue()


def test_terminal_shows_a_mark_for_each_slot() -> None:
    text = shown([Snapshot(1, 1, 3, 1, 4, LINES, ["published"])], terminal=True)
    assert "██··" in text
    assert "█×··" in text
    assert "?···" in text
    assert "····" in text
    assert "no connection" in text
    assert "published" in text


def test_log_has_a_line_for_each_quarter_of_an_epoch_and_each_news_once() -> None:
    news = ["fund opened", "epoch 1 reported"]
    snapshots = [Snapshot(1, 1, 3, slot, 20, LINES, news[: 1 + slot // 10]) for slot in range(20)]
    lines = shown(snapshots, terminal=False).splitlines()
    assert lines.count("fund opened") == lines.count("epoch 1 reported") == 1
    assert sum(line.startswith("Epoch 1 of 3") for line in lines) == 4


def test_log_names_who_is_not_up() -> None:
    text = shown([Snapshot(2, 1, 3, 1, 4, LINES, [])], terminal=False)
    assert "Epoch 2 of 3, slot 2 of 4: 1 up; flapping no connection, stale not measured, proxy no vote yet" in text
