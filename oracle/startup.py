"""What a node makes sure of before it starts: what is wrong now would only be a line in a log later."""

from __future__ import annotations

import structlog

from oracle.context import Context
from oracle.errors import ChainUnreachable
from oracle.indexer import bind
from oracle.secret import node_secret
from oracle.store import facts

log = structlog.get_logger()


def check(context: Context) -> None:
    """Open the keys, the store and the chain once, and see that they belong together.

    A node that has followed the chain before starts without it: it comes back.

    Raises: MirrorbondError for whatever would keep the node from working.
    """
    node_secret(context.settings.home)
    if context.settings.keystores:
        _ = context.members
    try:
        _ = context.funds, context.committees  # the settings name contracts that are there
        bind(context.store, context.chain, context.settings)
    except ChainUnreachable as error:
        if facts.get_clock(context.store) is None:
            raise
        log.warning("chain_unreachable", error=str(error))
