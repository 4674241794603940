"""`mirrorbond verify`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from oracle.context import Context
    from oracle.evidence import Outcome
    from oracle.model import Epoch

_NAME = re.compile(r"(index|report|funds/[0-9]{1,20}|bundles/0x[0-9A-Fa-f]{40})\.json")
_MOST_BYTES = 64 * 1024 * 1024
_TIMEOUT_S = 30.0

Load = Callable[["Epoch"], Mapping[str, bytes]]


def run(
    epoch: Annotated[int, typer.Option(min=0, help="The epoch.")],
    evidence: Annotated[
        str,
        typer.Option(metavar="DIR|URL", help="A folder of evidence, or any node's API; this node's own if left out."),
    ] = "",
    committee: Annotated[int | None, typer.Option(min=1, help="The committee; this node's if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Recompute every weight and payout of an epoch from its evidence and compare them with the chain.

    Evidence from elsewhere that passes is kept in this node's store, and what comes of it is shown."""
    from oracle.codec import result_to_json
    from oracle.context import Context
    from oracle.model import Epoch
    from oracle.settings import settings
    from oracle.store.reports import save_evidence

    chosen = settings()
    context = Context(chosen if committee is None else chosen.model_copy(update={"committee": committee}))
    _follow(context)
    load = cache(_loader(context, evidence, epoch))
    outcomes, ranks_known = _verified(context, Epoch(epoch), load)
    if evidence:
        results = {outcome.case.fund: result_to_json(outcome.result) for outcome in outcomes}
        save_evidence(context.store, context.settings.committee, epoch, load(Epoch(epoch)), results)
    told = {"ok": True, "epoch": epoch, "ranks_known": ranks_known, "funds": [_told(one) for one in outcomes]}
    told["broken_commitments"] = _broken_commitments(context, Epoch(epoch), load)
    typer.echo(json.dumps(told, indent=1) if as_json else _in_words(told))


def _follow(context: Context) -> None:
    from oracle.indexer import index_once

    _ = context.funds, context.committees
    index_once(context.store, context.chain, context.settings)


def _verified(context: Context, epoch: Epoch, load: Load) -> tuple[tuple[Outcome, ...], bool]:
    from oracle.cases import ranks_before
    from oracle.errors import EvidenceMismatch
    from oracle.model import CommitteeId
    from oracle.store.ledger import funds_of_committee
    from oracle.verify import on_chain, verify

    committee = CommitteeId(context.settings.committee)
    funds = funds_of_committee(context.store, committee, epoch)
    before = ranks_before(context.store, committee, funds, epoch, load)
    chain = on_chain(context.store, context.domain, context.fund_contract, committee, epoch, before or {})
    verdict = verify(load(epoch), chain, ranks_known=before is not None)
    _, root = context.committees.outcome(committee, epoch)
    if root != chain.report.root:
        raise EvidenceMismatch([f"the chain has the root {root}, the store {chain.report.root}"])
    verdict.check()
    return verdict.outcomes, before is not None


def _broken_commitments(context: Context, epoch: Epoch, load: Load) -> list[str]:
    from oracle.cases import file_differences
    from oracle.model import Epoch
    from oracle.store.outcomes import chain_report
    from oracle.verify import broken_commitments

    before = Epoch(epoch - 2)
    report = chain_report(context.store, context.settings.committee, before) if before >= 0 else None
    files = load(before) if report else {}
    if not files or report is None or any(file_differences(files, report)):
        return []
    return list(broken_commitments(load(epoch), files))


# -------------------------------------------------------------------------------------- where the evidence is


def _loader(context: Context, place: str, epoch: int) -> Load:
    """What gives an epoch's evidence. That of the epochs before the one asked for need not be there."""
    from oracle.errors import FetchFailed
    from oracle.store.reports import load_evidence

    def stored(wanted: Epoch) -> Mapping[str, bytes]:
        return load_evidence(context.store, context.settings.committee, wanted)

    def served(wanted: Epoch) -> Mapping[str, bytes]:
        try:
            return _from_api(context, place.rstrip("/"), wanted)
        except FetchFailed:
            if wanted == epoch:
                raise
            return stored(wanted)

    if place.startswith(("http://", "https://")):
        return served
    if place:
        return lambda wanted: _from_folder(Path(place), wanted, alone=wanted == epoch)
    return stored


def _from_folder(folder: Path, epoch: int, alone: bool) -> dict[str, bytes]:
    """The files of `folder/<epoch>`, or of the folder itself for the epoch that was asked for."""
    from oracle.errors import InvalidInput

    place = folder / str(epoch)
    if not place.is_dir():
        if not alone:
            return {}
        place = folder
    if not (place / "index.json").is_file():
        raise InvalidInput(str(place), "is not a folder of evidence: it has no index.json")
    names = (path.relative_to(place).as_posix() for path in sorted(place.rglob("*.json")))
    return {name: (place / name).read_bytes() for name in names if _NAME.fullmatch(name)}


def _from_api(context: Context, base: str, epoch: int) -> dict[str, bytes]:
    """The files that the index lists, if it is the one that the chain names: else nothing that it lists is fetched."""
    from oracle.digests import sha256_digest
    from oracle.errors import InvalidInput
    from oracle.evidence import INDEX, read_index
    from oracle.net import fetch
    from oracle.store.outcomes import chain_report

    committee = context.settings.committee

    def read(name: str) -> bytes:
        return fetch(f"{base}/api/v1/epochs/{epoch}/evidence/{name}?committee={committee}", _MOST_BYTES, _TIMEOUT_S)

    index, report = read(INDEX), chain_report(context.store, committee, epoch)
    if report is None or sha256_digest(index) != report.evidence:
        return {INDEX: index}
    listed = read_index(index)
    if odd := [name for name in listed if not _NAME.fullmatch(name)]:
        raise InvalidInput(INDEX, f"names a file {odd[0][:60]!r}")
    return {INDEX: index} | {name: read(name) for name in listed}


# ------------------------------------------------------------------------------------------------- the answer


def _told(outcome: Outcome) -> dict[str, Any]:
    from oracle.verify import payout

    due = payout(outcome)
    return {
        "fund": outcome.case.fund,
        "n_eff": outcome.result.n_eff,
        "reward": str(outcome.case.reward_wei),
        "paid": str(due.paid),
        "fee": str(due.fee),
        "returned": str(due.returned),
        "mirrors": [
            {"mirror": one.mirror, "weight": one.weight, "credited": str(due.credits.get(one.mirror, 0))}
            for one in outcome.result.weights
        ],
        "slashed": sorted(outcome.slashes),
    }


def _in_words(told: Mapping[str, Any]) -> str:
    lines = [f"epoch {told['epoch']}: every weight, the root and the payouts are what the evidence gives"]
    if not told["ranks_known"]:
        lines.append("the ranks before it are taken from the evidence: that of the epoch before is not here")
    lines += told["broken_commitments"]
    for fund in told["funds"]:
        lines.append(f"fund {fund['fund']}: paid {fund['paid']}, returned {fund['returned']} of {fund['reward']}")
        lines += [f"  mirror {m['mirror']}: weight {m['weight']}, credited {m['credited']}" for m in fund["mirrors"]]
        lines += [f"  mirror {mirror}: a part of its stake is to be locked" for mirror in fund["slashed"]]
    return "\n".join(lines)
