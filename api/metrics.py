"""How this node's measuring goes, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.deps import MaybeNow, settings_of
from api.recent import Recent
from oracle.store.counters import Counted
from oracle.store.progress import Progress, progress

router = APIRouter(tags=["health"])

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = {Counted.VOTES: "reason", Counted.SHARDS: "outcome"}
_TOTALS = {
    Counted.VOTES: ("votes", "Votes stored, by reason."),
    Counted.REQUESTS: ("requests", "Requests made of mirrors and primaries in slots."),
    Counted.BYTES: ("received_bytes", "Bytes of bodies received in slots."),
    Counted.SHARDS: ("shards", "Parts of slots: measured, missed or dropped."),
    Counted.LAG_MS: ("shard_lag_milliseconds", "How late parts of slots were begun, all together."),
}


def progress_of(request: Request, moment: MaybeNow) -> Progress | None:
    """The node's progress, as it was read a moment ago; None before the chain was first indexed."""
    settings = settings_of(request)
    recent: Recent[Progress | None] = request.app.state.recent_progress
    return recent.get(0, lambda: progress(moment, settings.committee, settings.node_name) if moment else None)


@router.get("/metrics", response_class=Response)
def metrics(told: Annotated[Progress | None, Depends(progress_of)]) -> Response:
    """Counters since the store was made, and the state of the epoch that runs, in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(told))
    return Response(generate_latest(registry), media_type=TYPE)


class _Told(Collector):
    def __init__(self, told: Progress | None) -> None:
        self.told = told

    def collect(self) -> Iterator[Metric]:
        """The metrics of what was told."""
        yield _gauge("indexed", "1 once the chain was indexed.", int(self.told is not None))
        if self.told is not None:
            yield from _totals(self.told)
            yield from _gauges(self.told)


def _totals(told: Progress) -> Iterator[Metric]:
    for name, (shown, text) in _TOTALS.items():
        labels = [_LABELS[name]] if name in _LABELS else []
        family = CounterMetricFamily(f"mirrorbond_{shown}", text, labels=labels)
        values = {label: value for (counted, label), value in told.counted.items() if counted is name}
        for label, value in (values or ({} if labels else {"": 0})).items():
            family.add_metric([label] if labels else [], value)
        yield family


def _gauges(told: Progress) -> Iterator[Metric]:
    vitals = told.vitals
    known: dict[str, tuple[str, int | float | None]] = {
        "epoch": ("The epoch that runs.", told.epoch),
        "epoch_ends_in_seconds": ("How long it still lasts.", told.epoch_ends_in_s),
        "funds": ("Funds of this node's committee.", told.funds),
        "mirrors": ("Mirrors that count in the epoch.", told.mirrors),
        "coverage_ratio": ("How much of the epoch so far this node knows.", _ratio(told.coverage_bps)),
        "reported_epoch": ("The newest epoch that the chain has a report of.", told.reported_epoch),
        "made_epoch": ("The newest epoch that this node made a report of.", told.made_epoch),
        "indexed_block": ("The newest block in the store.", told.indexed_block),
        "indexed_age_seconds": ("How long ago the chain was indexed.", told.indexed_age_s),
        "left_out": ("In how many things the store lacks something of the chain.", len(told.left_out)),
        "store_bytes": ("What the store takes on its disk.", told.store_bytes),
        "worker_up": ("1 while the worker tells of itself.", int(told.works)),
        "worker_processes": ("Processes of the worker.", vitals.processes if vitals else None),
        "queue_waiting": ("Tasks that wait.", vitals.waiting if vitals else None),
        "queue_under_way": ("Tasks that are being done.", vitals.under_way if vitals else None),
    }
    for name, (text, value) in known.items():
        if value is not None:  # what is not known is left out, never 0
            yield _gauge(name, text, value)
    slot = GaugeMetricFamily(
        "mirrorbond_slot", "The slot that runs, by the number of slots of an epoch.", labels=["slots"]
    )
    votes = GaugeMetricFamily("mirrorbond_epoch_votes", "This node's votes of the epoch, by state.", labels=["state"])
    for slots, number in told.slots.items():
        slot.add_metric([str(slots)], number)
    for state, number in (("up", told.ups), ("down", told.downs), ("unknown", told.unknowns)):
        votes.add_metric([state], number)
    yield from (slot, votes)


def _ratio(bps: int | None) -> float | None:
    return None if bps is None else bps / 10_000


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mirrorbond_{name}", text, value=value)
