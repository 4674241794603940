"""The `mirrorbond` command: every part of it is imported only when it is asked for.

Whatever goes wrong on purpose is one sentence on standard error and a non-zero exit, never a traceback.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from oracle.errors import MirrorbondError
from oracle.logs import configure_logging

_PARTS = {
    "demo": ("oracle.devnet.demo", "Run three epochs end to end on this machine."),
    "node": ("oracle.commands.node", "Run a node: queue, worker, beat and API."),
    "status": ("oracle.commands.status", "Say how this node's measuring goes."),
    "release": ("oracle.release_cli", "Build and check releases."),
    "keys": ("oracle.keys", "Make and show keystore files."),
    "contracts": ("oracle.commands.contracts", "Put the contracts on a chain, and check those that are there."),
    "fund": ("oracle.commands.fund", "Open a fund, change it and add to it."),
    "deposit": ("oracle.commands.deposit", "Take back what of a deposit is not spent."),
    "endowment": ("oracle.commands.endowment", "Lend principal to a vault whose yield goes to a fund."),
    "mirror": ("oracle.commands.mirror", "Register a mirror and take it back."),
    "committee": ("oracle.commands.committee", "What members do besides measuring: accept funds, pledge bonds."),
    "challenge": ("oracle.commands.challenge", "Ask a fund's arbiter to void a report, and decide it."),
    "lock": ("oracle.commands.lock", "Answer a lock on a mirror's stake, and decide it."),
    "index": ("oracle.commands.index", "Read the chain into the store."),
    "report": ("oracle.commands.report", "Make, sign and post the report of an epoch."),
    "settle": ("oracle.commands.settle", "Settle all epochs that are final."),
    "withdraw": ("oracle.commands.withdraw", "Send a mirror's credit or a committee's fee to its owner."),
    "segment": ("oracle.commands.segment", "Print a node's raw votes of an epoch."),
    "placement": ("oracle.commands.placement", "Show and renew which networks addresses are in."),
    "verify": ("oracle.commands.verify", "Recompute an epoch from its evidence."),
    "explain": ("oracle.commands.explain", "Say in words why a mirror was paid what it was."),
}
"""Module by command: one with an `app` (commands below it) or a `run` (the command itself)."""


class _Parts(TyperGroup):
    """Commands by name, each loaded when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_PARTS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _PARTS:
            return None
        if ctx.resilient_parsing or _only_listed(sys.argv[1:]):
            return _stub(cmd_name, _PARTS[cmd_name][1])
        return load(cmd_name)


def _only_listed(argv: Sequence[str]) -> bool:
    """Whether the commands are only listed: the first word that decides is --help."""
    return not argv or argv[0] in ("--help", "-h")


def _stub(name: str, summary: str) -> Any:
    stub = typer.Typer(add_completion=False)
    stub.command(name, help=summary)(lambda: None)
    return typer.main.get_command(stub)


def load(name: str) -> Any:
    """A command, with what is below it."""
    module, summary = _PARTS[name]
    part = importlib.import_module(module)
    app = getattr(part, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name, help=summary)(part.run)
    command = typer.main.get_command(app)
    command.name = name
    return command


app = typer.Typer(
    cls=_Parts,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _mirrorbond() -> None:
    """Pay strangers to keep verified backup servers of an open-source application alive."""


def main() -> None:
    """Run the command line: exits with 0, 1 for what could not be done, 2 for what was not understood."""
    configure_logging("warning")
    try:
        sys.exit(app(prog_name="mirrorbond", standalone_mode=False) or 0)
    except MirrorbondError as error:
        _say(str(error))
        sys.exit(1)
    except TyperException as error:  # every complaint about the command line itself
        if message := str(getattr(error, "format_message", error.__str__)()):
            _say(message)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _say(problem: str) -> None:
    sentence = " ".join(problem.split())
    print(f"mirrorbond: {sentence}", file=sys.stderr)
