"""`mirrorbond report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.post import Posted


def run(
    epoch: Annotated[int, typer.Option(min=0, help="The epoch, which must be over.")],
    post: Annotated[bool, typer.Option(help="Post it, or only make and sign it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make this node's report of an epoch, sign it by each key of this node, and post it. Exits with 1 unless the chain
    has a report of the epoch then."""
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
        words = f"epoch {epoch}: root {report.root}, evidence {report.evidence}, signed, not posted"
        say(as_json, words, epoch=epoch, answer=None, root=report.root, evidence=report.evidence, tx=None)
        return
    _answer(as_json, epoch, report_epoch(context, Epoch(epoch)))


def _answer(as_json: bool, epoch: int, posted: Posted) -> None:
    from oracle.errors import NotDone
    from oracle.post import Answer

    stands = posted.answer in (Answer.POSTED, Answer.ALREADY_REPORTED)
    words = f"epoch {epoch}: {posted.answer}, root {posted.root}"
    if as_json or stands:
        say(as_json, words, epoch=epoch, answer=posted.answer, root=posted.root, tx=posted.tx_hash)
    if not stands:
        raise NotDone([f"epoch {epoch}: the chain does not take its report: {posted.answer.replace('_', ' ')}"])
