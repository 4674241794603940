"""`mirrorbond report`."""

from __future__ import annotations

from typing import Annotated

import typer


def run(
    epoch: Annotated[int, typer.Option(min=0, help="The epoch, which must be over.")],
    post: Annotated[bool, typer.Option(help="Post it, or only make and sign it.")] = True,
) -> None:
    """Make this node's report of an epoch, sign it by each key of this node, and post it."""
    from oracle.context import Context
    from oracle.indexer import index_once
    from oracle.model import Epoch
    from oracle.report import close_epoch, report_epoch
    from oracle.settings import settings
    from oracle.startup import check_secret

    context = Context(settings(), keeps_sent=True)
    _ = context.funds, context.committees, context.members
    check_secret(context.store, context.settings)
    index_once(context.store, context.chain, context.settings)
    if not post:
        report = close_epoch(context, Epoch(epoch))
        typer.echo(f"epoch {epoch}: root {report.root}, evidence {report.evidence}, signed, not posted")
        return
    posted = report_epoch(context, Epoch(epoch))
    typer.echo(f"epoch {epoch}: {posted.answer}, root {posted.root}")
