"""`mirrorbond settle`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.settle import Settled


def run(
    fund: Annotated[int | None, typer.Option(min=1, help="Only this fund, whoever's it is.")] = None,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="Give up epochs whose evidence is not here, if they may be: they pay nobody."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Settle all epochs of the committee's funds that are final and whose evidence is here; lock stakes that reports
    ask for."""
    from oracle.context import Context
    from oracle.disputes import conclude_challenges, place_locks, release_locks
    from oracle.indexer import index_once
    from oracle.settings import settings
    from oracle.settle import settle_all, settle_ready

    context = Context(settings(), keeps_sent=True)
    store, funds, committees, sender = context.store, context.funds, context.committees, context.sender
    committee, give_up_after = context.settings.committee, 0 if give_up else None
    index_once(store, context.chain, context.settings)
    if fund is not None:
        done, locks = {fund: settle_ready(store, funds, sender, fund, give_up_after)}, []
    else:
        done = settle_all(store, funds, sender, committee, give_up_after)
        locks = place_locks(store, committees, funds, sender, committee)
        release_locks(store, funds, sender, committee)
        conclude_challenges(store, committees, funds, sender, committee)
    locked = [{"mirror": slash.mirror, "epoch": slash.epoch} for slash in locks]
    lines = [_in_words(number, one) for number, one in done.items()]
    lines += [f"locked a part of mirror {lock['mirror']}'s stake for epoch {lock['epoch']}" for lock in locked]
    say(as_json, "\n".join(lines), funds=[_told(number, one) for number, one in done.items()], locked=locked)


def _in_words(fund: int, done: Settled) -> str:
    epochs = ", ".join(str(epoch) for epoch in done.epochs) or "none"
    stopped = f"; stopped at {done.stopped_at}: {done.reason}" if done.reason else ""
    return f"fund {fund}: settled {epochs}{stopped}"


def _told(fund: int, done: Settled) -> dict[str, Any]:
    stopped = {"stopped_at": done.stopped_at, "reason": done.reason}
    return {"fund": fund, "epochs": list(done.epochs), "tx": list(done.tx_hashes)} | stopped
