"""`mirrorbond index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.context import Context


def run(
    check: Annotated[
        bool, typer.Option("--check", help="Compare the store with what the contracts count; exit 1 if it lacks some.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Forget the chain's logs first, where an endpoint has left some out.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the store to the head of the chain. What this node has measured and signed stays in any case."""
    from oracle.context import Context
    from oracle.indexer import forget_chain, index_once
    from oracle.settings import settings

    context = Context(settings())
    _ = context.funds, context.committees
    if anew:
        forget_chain(context.store)
    found = index_once(context.store, context.chain, context.settings)
    lacking = _compared(context) if check else None
    words = f"block {found.indexed} of {found.head}, {found.logs} events"
    if check:
        words += "\n" + ("\n".join(lacking or ()) or "the contracts count the same")
    say(as_json, words, block=found.indexed, head=found.head, events=found.logs, left_out=lacking)
    if lacking:
        raise typer.Exit(1)


def _compared(context: Context) -> list[str]:
    from oracle.compare import compare, found_in
    from oracle.errors import InvalidInput
    from oracle.store import facts

    clock, indexed = facts.get_clock(context.store), facts.get(context.store, facts.INDEXED)
    if clock is None or indexed is None:
        raise InvalidInput("store", "holds no block of the chain yet, so there is nothing to compare")
    compare(context, clock.epoch_at(indexed["timestamp_s"]))
    return found_in(context.store)
