"""`mirrorbond settle`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.context import Context
    from oracle.disputes import Failures, Slash
    from oracle.settle import Settled

GiveUp = Annotated[
    bool, typer.Option("--give-up", help="Give up epochs whose evidence is not here, if they may be: they pay nobody.")
]


def run(
    fund: Annotated[int | None, typer.Option(min=1, help="Only this fund, whoever's it is.")] = None,
    give_up: GiveUp = False,
    as_json: AsJson = False,
) -> None:
    """Settle all epochs of the committee's funds that are final and whose evidence is here; lock stakes that reports
    ask for. Exits with 1 if something failed, or evidence is not here."""
    from oracle.context import Context
    from oracle.errors import NotDone
    from oracle.indexer import index_once
    from oracle.settings import settings
    from oracle.settle import settle_all, settle_ready

    context = Context(settings(), keeps_sent=True)
    store, funds, sender, after = context.store, context.funds, context.sender, 0 if give_up else None
    failures: Failures = {}
    index_once(store, context.chain, context.settings)
    if fund is not None:
        done, locks = {fund: settle_ready(store, funds, sender, fund, after)}, []
    else:
        done = settle_all(store, funds, sender, context.settings.committee, after)
        locks = _end_disputes(context, failures)
    locked = [{"mirror": slash.mirror, "epoch": slash.epoch} for slash in locks]
    lines = [_in_words(number, one) for number, one in done.items() if one.error is None]
    lines += [f"locked a part of mirror {lock['mirror']}'s stake for epoch {lock['epoch']}" for lock in locked]
    told = [_told(number, one) for number, one in done.items()]
    if as_json or lines:
        say(as_json, "\n".join(lines), funds=told, locked=locked, failed=failures)
    if problems := list(_problems(done, failures)):
        raise NotDone(problems)


def _end_disputes(context: Context, failures: Failures) -> list[Slash]:
    """What is due of the committee's disputes; the stakes that were locked."""
    from oracle.disputes import conclude_challenges, place_locks, release_locks

    store, committees, funds, sender = context.store, context.committees, context.funds, context.sender
    committee = context.settings.committee
    locks = place_locks(store, committees, funds, sender, committee, failures)
    release_locks(store, funds, sender, committee, failures)
    conclude_challenges(store, committees, funds, sender, committee, failures)
    return locks


def _problems(done: Mapping[int, Settled], failures: Failures) -> Iterator[str]:
    for number, one in done.items():
        if one.error is not None:
            yield f"fund {number}: {one.error}"
        if one.reason == "no_evidence":
            fetch = f"mirrorbond verify --epoch {one.stopped_at} --evidence URL"
            yield f"fund {number}: the evidence of epoch {one.stopped_at} is not here; `{fetch}` takes another node's"
    yield from (f"{purpose}: {error}" for purpose, error in failures.items())


def _in_words(fund: int, done: Settled) -> str:
    epochs = ", ".join(str(epoch) for epoch in done.epochs) or "none"
    stopped = f"; stopped at {done.stopped_at}: {done.reason}" if done.reason else ""
    return f"fund {fund}: settled {epochs}{stopped}"


def _told(fund: int, done: Settled) -> dict[str, Any]:
    stopped = {"stopped_at": done.stopped_at, "reason": done.reason, "error": done.error}
    return {"fund": fund, "epochs": list(done.epochs), "tx": list(done.tx_hashes)} | stopped
