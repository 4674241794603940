"""`mirrorbond settle`."""

from __future__ import annotations

from typing import Annotated

import typer


def run(fund: Annotated[int | None, typer.Option(min=1, help="Only this fund.")] = None) -> None:
    """Settle all epochs of all funds that are final and whose evidence is here."""
    from oracle.context import Context
    from oracle.indexer import index_once
    from oracle.settings import settings
    from oracle.settle import settle_all, settle_ready

    context = Context(settings())
    funds, sender = context.funds, context.sender
    _ = context.committees
    index_once(context.store, context.chain, context.settings)
    one = {} if fund is None else {fund: settle_ready(context.store, funds, sender, fund)}
    for number, done in (one or settle_all(context.store, funds, sender)).items():
        epochs = ", ".join(str(epoch) for epoch in done.epochs) or "none"
        stopped = f"; stopped at {done.stopped_at}: {done.reason}" if done.reason else ""
        typer.echo(f"fund {number}: settled {epochs}{stopped}")
