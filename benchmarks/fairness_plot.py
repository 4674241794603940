"""The figures of `fairness` as an SVG picture: bias with one deviation to either side, in two panels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, TOP, PANEL_W, PANEL_H = 900, 400, 50, 340, 260
COLOURS = ("#b35806", "#542788", "#e08214", "#8073ac")
DASHES = ("none", "8 3", "2 2", "8 3 2 3")
LEAST, MOST, STEP = -6, 4, 2
"""The range of bias that is shown, in points."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Axis:
    """A panel's horizontal axis: its title, its ticks, and where from 0 to 1 a value lies."""

    title: str
    ticks: Sequence[tuple[float, str]]
    at: Callable[[float], float]


OUTAGES = Axis(
    "mean length of an outage",
    [(15, "15 s"), (60, "1 min"), (300, "slot"), (1_800, "30 min"), (7_200, "2 h")],
    lambda seconds: math.log(seconds / 15) / math.log(7_200 / 15),
)
DEAF = Axis(
    "answers that a node does not hear",
    [(0, "0"), (0.01, "1 %"), (0.02, "2 %"), (0.05, "5 %")],
    lambda share: share / 0.05,
)


def plot(rows: Rows) -> str:
    """Bias against the length of outages, and against how many answers are not heard."""
    panels = [
        *_panel(70, OUTAGES, [row for row in rows if ", up " in row["group"]]),
        *_panel(510, DEAF, [row for row in rows if row["group"].endswith("always up")]),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img" aria-label="Bias of the measured availability">'
    )
    title = "Measured less true availability, in points (bars: one deviation of a mirror and epoch)"
    return "\n".join(
        [
            head,
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="70" y="26" font-size="14">{title}</text>',
            *panels,
            "</svg>\n",
        ]
    )


def _panel(left: int, axis: Axis, rows: Rows) -> Iterator[str]:
    yield from _frame(left, axis)
    groups = sorted({row["group"] for row in rows})
    for number, group in enumerate(groups):
        style = f'stroke="{COLOURS[number]}" stroke-width="2" stroke-dasharray="{DASHES[number]}"'
        points = [(_x(left, axis, row["x"]) + 3 * number, row) for row in rows if row["group"] == group]
        line = " ".join(f"{x:.1f},{_y(row['bias']):.1f}" for x, row in points)
        yield f'<polyline points="{line}" fill="none" {style}/>'
        for x, row in points:
            ends = [_y(row["bias"] + side * row["deviation"]) for side in (-1, 1)]
            yield f'<path d="M{x:.1f} {ends[0]:.1f}V{ends[1]:.1f}" stroke="{COLOURS[number]}"/>'
        y = TOP + PANEL_H - 12 - 16 * (len(groups) - 1 - number)
        yield f'<path d="M{left + 12} {y - 4}h36" {style}/>'
        yield f'<text x="{left + 56}" y="{y}">{group}</text>'


def _frame(left: int, axis: Axis) -> Iterator[str]:
    for points in range(LEAST, MOST + 1, STEP):
        y = _y(points)
        yield f'<path d="M{left} {y:.1f}h{PANEL_W}" stroke="{"#888" if points == 0 else "#ddd"}"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{points:+d}</text>'
    for value, label in axis.ticks:
        x = _x(left, axis, value)
        yield f'<text x="{x:.1f}" y="{TOP + PANEL_H + 20}" text-anchor="middle">{label}</text>'
    middle = left + PANEL_W / 2
    yield f'<text x="{middle:.1f}" y="{TOP + PANEL_H + 42}" text-anchor="middle">{axis.title}</text>'


def _x(left: int, axis: Axis, value: float) -> float:
    return left + 10 + (PANEL_W - 30) * axis.at(value)


def _y(points: float) -> float:
    within = min(max(points, LEAST), MOST)
    return TOP + PANEL_H * (MOST - within) / (MOST - LEAST)
