"""What a node makes sure of before it starts: what is wrong now would only be a line in a log later."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from oracle.context import Context
from oracle.errors import ChainUnreachable, InvalidInput
from oracle.indexer import bind
from oracle.secret import mark_of, node_secret
from oracle.settings import Settings
from oracle.store import facts

log = structlog.get_logger()


def check(context: Context) -> None:
    """Open the keys, the store and the chain once, and see that they belong together.

    A node that has followed the chain before starts without it: it comes back.

    Raises: MirrorbondError for whatever would keep the node from working.
    """
    check_secret(context.store, context.settings)
    if context.settings.keystores:
        _ = context.members
    try:
        _ = context.funds, context.committees  # the settings name contracts that are there
        bind(context.store, context.chain, context.settings)
    except ChainUnreachable as error:
        if facts.get_clock(context.store) is None:
            raise
        log.warning("chain_unreachable", error=str(error))


def check_secret(engine: sa.Engine, settings: Settings) -> None:
    """See that all machines that work under this node's name have one secret; the first one's counts.

    With two, one machine would cut a slot into other slices than the next one probes, and a mirror that is in none of
    them is asked by nobody.

    Raises: InvalidInput if another one works with another secret.
    """
    mine = mark_of(node_secret(settings.home))
    if facts.put_first(engine, facts.SECRET + settings.node_name, mine) != mine:
        raise InvalidInput(
            str(settings.home / "secret"),
            f"is not that of node {settings.node_name}'s other workers; copy theirs here, "
            "or if it is lost take another MIRRORBOND_NODE_NAME",
        )
