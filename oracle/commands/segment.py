"""`mirrorbond segment`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def run(
    fund: Annotated[int, typer.Option(min=1, help="The fund.")],
    epoch: Annotated[int, typer.Option(min=0, help="The epoch.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the segment itself: one JSON object.")] = False,
) -> None:
    """Print this node's raw votes of a fund's epoch, checked against the digest that was signed."""
    from oracle.errors import InvalidInput
    from oracle.segments import read_segment, unpack
    from oracle.settings import settings
    from oracle.store.db import open_store
    from oracle.store.segments import load_segment

    chosen = settings()
    stored = load_segment(open_store(chosen.store_url(), read_only=True), fund, epoch, chosen.node_name)
    if stored is None:
        raise InvalidInput("--epoch", f"this node has no segment of epoch {epoch} of fund {fund}")
    body = unpack(stored.body)
    found = read_segment(body)
    if found.digest != stored.digest:
        raise InvalidInput("segment", f"has the digest {found.digest}, and not {stored.digest}")
    if as_json:
        typer.echo(body.decode())
        return
    typer.echo(f"{stored.digest}: {len(found.votes)} votes of {found.node}, {len(stored.body)} bytes packed")
    for vote in found.votes:
        told = (vote.path or "", vote.detail, "" if vote.latency_ms is None else f"{vote.latency_ms} ms")
        rest = "; ".join(part for part in told if part)
        typer.echo(
            f"mirror {vote.mirror} slot {vote.slot}: {vote.reason}" + (f" ({json.dumps(rest)[1:-1]})" if rest else "")
        )
