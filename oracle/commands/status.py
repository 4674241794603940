"""`mirrorbond status`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from oracle.store.progress import Progress


def run(as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False) -> None:
    """Say how this node's measuring goes: epoch, votes, worker and store. Exits with 1 if no worker runs."""
    from oracle.errors import InvalidInput
    from oracle.settings import settings
    from oracle.store.db import open_store, reading
    from oracle.store.moment import moment
    from oracle.store.progress import progress

    chosen = settings()
    with reading(open_store(chosen.store_url(), read_only=True)) as connection:
        now = moment(connection, time.time_ns() // 1_000_000)
        if now is None:
            raise InvalidInput("store", "holds no chain yet; run `mirrorbond index` first")
        told = progress(now, chosen.committee, chosen.node_name)
    typer.echo(json.dumps(told.to_json()) if as_json else "\n".join(lines(told)))
    if not told.works:
        raise typer.Exit(1)


def lines(told: Progress) -> Iterator[str]:
    """What it comes to, for people."""
    from oracle.store.counters import Counted

    running = ", ".join(f"slot {slot + 1} of {slots}" for slots, slot in told.slots.items()) or "no fund"
    yield f"epoch {told.epoch}: {running}; it ends in {told.epoch_ends_in_s} s"
    coverage = "not known yet" if told.coverage_bps is None else f"{told.coverage_bps / 100:.2f} %"
    yield f"{told.mirrors} mirrors of {told.funds} funds; coverage of this epoch so far {coverage}"
    yield f"votes of this epoch: {told.ups} up, {told.downs} down, {told.unknowns} unknown"
    shards = {label: value for (name, label), value in told.counted.items() if name is Counted.SHARDS}
    yield "parts of slots so far: " + (", ".join(f"{value} {label}" for label, value in shards.items()) or "none")
    newest = "no report on the chain yet" if told.reported_epoch is None else f"epoch {told.reported_epoch}"
    yield f"last report on the chain: {newest}"
    age = "never" if told.indexed_age_s is None else f"{told.indexed_age_s} s ago"
    yield f"chain indexed: {age}; store: {(told.store_bytes or 0) / 1e6:.1f} MB"
    if told.left_out:
        yield "the chain's endpoint has left logs out; use another, then run `mirrorbond index --anew`:"
        yield from (f"  {sentence}" for sentence in told.left_out)
    if told.vitals is None:
        yield "worker: not heard of for half a minute"
    else:
        vitals = told.vitals
        yield f"worker: {vitals.processes} processes, {vitals.under_way} tasks under way, {vitals.waiting} wait"
