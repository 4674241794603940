"""The demo while it runs: every mirror's slots of this epoch as they are voted on, and what became of the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from oracle.model import Reason, VoteState, state_of
from oracle.words import LABELS

MARKS = {VoteState.UP: ("█", "green"), VoteState.DOWN: ("×", "red"), VoteState.UNKNOWN: ("?", "yellow")}
AHEAD = ("·", "dim")


@dataclass(frozen=True, slots=True)
class Line:
    """One server's epoch so far: what is known of each slot that was voted on."""

    name: str
    kind: str
    votes: Mapping[int, Reason]

    def state(self) -> str:
        """The newest vote in words."""
        return LABELS[self.votes[max(self.votes)]] if self.votes else "no vote yet"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The demo at one moment; `news` is what happened, the newest last."""

    epoch: int
    first_epoch: int
    last_epoch: int
    slot: int
    slots: int
    lines: Sequence[Line]
    news: Sequence[str]

    @property
    def setting_up(self) -> bool:
        """Whether no epoch that counts has begun."""
        return self.epoch < self.first_epoch

    @property
    def quarters(self) -> int:
        """How many quarters of the epoch are over or in their last slot."""
        return (self.slot + 1) * 4 // max(1, self.slots)

    def heading(self) -> str:
        """Where in time we are."""
        if self.setting_up:
            return f"Epoch {self.epoch}: setting up"
        return f"Epoch {self.epoch} of {self.last_epoch}, slot {self.slot + 1} of {self.slots}"


def draw(snapshot: Snapshot) -> RenderableType:
    """The snapshot as it stands on a terminal."""
    table = Table(title=snapshot.heading(), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("server", "slots of this epoch", "now"):
        table.add_column(name, no_wrap=True)
    for line in snapshot.lines:
        table.add_row(Text(line.name), strip(line, snapshot.slots), line.state())
    return Group(table, Text("\n".join(snapshot.news[-6:]), "dim"))


def strip(line: Line, slots: int) -> Text:
    """One mark a slot."""
    marks = (MARKS[state_of(line.votes[slot])] if slot in line.votes else AHEAD for slot in range(slots))
    return Text.assemble(*marks)


def in_a_line(snapshot: Snapshot) -> str:
    """The snapshot for a log: who is not up, and why."""
    if snapshot.setting_up:
        return snapshot.heading()
    up = [line for line in snapshot.lines if line.state() == LABELS[Reason.UP]]
    others = ", ".join(f"{line.name} {line.state()}" for line in snapshot.lines if line not in up)
    return f"{snapshot.heading()}: {len(up)} up{'; ' if others else ''}{others}"


class Progress:
    """Shows snapshots: in place on a terminal, otherwise a line at each quarter of an epoch and one for each news."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._told = 0
        self._said = (-1, 0)

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Keep the picture on the terminal until the end of the block."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, auto_refresh=False) as self._live:
            yield self
        self._live = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw what is now."""
        if self._live:
            self._live.update(draw(snapshot), refresh=True)
            return
        for news in snapshot.news[self._told :]:
            self._console.print(news, soft_wrap=True, highlight=False)
        self._told = len(snapshot.news)
        moment = (snapshot.epoch, 0 if snapshot.setting_up else snapshot.quarters)
        if moment != self._said and (snapshot.quarters or snapshot.setting_up):
            self._said = moment
            self._console.print(in_a_line(snapshot), soft_wrap=True, highlight=False)
