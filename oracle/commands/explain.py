"""`mirrorbond explain`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def run(
    mirror: Annotated[int, typer.Option(min=1, help="The mirror.")],
    epoch: Annotated[int, typer.Option(min=0, help="The epoch.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say in words why a mirror was paid what it was, from the evidence in this node's store."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.evidence import read_fund
    from oracle.explain import ending, explain
    from oracle.model import MirrorId
    from oracle.settings import settings
    from oracle.store.ledger import mirror_of, offer_at
    from oracle.store.outcomes import settled
    from oracle.store.reports import load_evidence_file

    context = Context(settings())
    known = mirror_of(context.store, mirror)
    if known is None:
        raise InvalidInput("--mirror", f"{mirror} is not on the chain that this store follows")
    offer = offer_at(context.store, known.fund, epoch)
    name = f"funds/{known.fund}.json"
    body = load_evidence_file(context.store, offer.committee, epoch, name) if offer else None
    if body is None:
        raise InvalidInput("--epoch", f"this node has no evidence of epoch {epoch} of fund {known.fund}")
    read = read_fund(name, body)
    told = explain(read.case, read.result, MirrorId(mirror))
    paid = settled(context.store, known.fund, epoch)
    credited = paid.credits.get(MirrorId(mirror), 0) if paid else told.credited_wei
    last = ending(told, paid.settlement, paid.tx_hash, credited) if paid else "The epoch is not settled yet."
    sentences = [*told.sentences, last]
    if as_json:
        amounts = {"credited": str(credited), "due": str(told.credited_wei), "sentences": sentences}
        state = {"settlement": paid.settlement if paid else None, "tx": paid.tx_hash if paid else None}
        typer.echo(json.dumps(told.to_json() | amounts | state, indent=1))
        return
    typer.echo("\n".join(sentences))
