"""`mirrorbond node`."""

from __future__ import annotations

import typer


def run() -> None:
    """Run a node until Ctrl-C: the embedded queue (unless REDIS_URL is set), worker, beat and the API.

    Everything else is in the environment: see docs/operating.md.
    """
    from oracle.context import Context
    from oracle.logs import configure_logging
    from oracle.node import Node
    from oracle.settings import settings
    from oracle.startup import check

    chosen = settings()
    node, context = Node(chosen), Context(chosen)
    node.check_ports()
    check(context)
    configure_logging(chosen.log_level)
    node.run(lambda ready: typer.echo(f"mirrorbond node {chosen.node_name} is ready: {ready.url}"))
