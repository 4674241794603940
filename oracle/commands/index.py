"""`mirrorbond index`."""

from __future__ import annotations

import typer


def run() -> None:
    """Bring the store to the head of the chain."""
    from oracle.context import Context
    from oracle.indexer import index_once
    from oracle.settings import settings

    context = Context(settings())
    _ = context.funds, context.committees
    found = index_once(context.store, context.chain, context.settings)
    typer.echo(f"block {found.indexed} of {found.head}, {found.logs} events")
