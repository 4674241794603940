"""`mirrorbond demo`: a chain, an application, its mirrors, their funders and an oracle, through whole epochs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from oracle.devnet.app import REPOSITORY
from oracle.devnet.outcome import outcome_of
from oracle.devnet.plan import Plan
from oracle.devnet.result import DemoResult
from oracle.devnet.run import play
from oracle.devnet.table import show
from oracle.errors import AccountingMismatch, InvalidInput, MirrorbondError, PortInUse
from oracle.processes import check_port

COMMITTEES = {1: (1, 1), 4: (4, 3)}
"""Members and quorum by the number given."""
USUAL_PORT = 8_000
HOST = "127.0.0.1"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WIDTH = 120

_Json = Annotated[Path | None, typer.Option("--json", help="Write the result to this file as JSON.")]
_Keep = Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")]
_App = Annotated[Path | None, typer.Option("--app", help="Folder of your own application; TiddlyWiki if left out.")]
_Epochs = Annotated[int, typer.Option("--epochs", min=1, max=20, help="How many epochs to measure.")]
_Committee = Annotated[int, typer.Option("--committee", help="4 members of whom 3 sign, or 1.")]
_Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The dashboard's; 8000 if that is free.")]
_Home = Annotated[Path | None, typer.Option("--home", help="New folder to keep the demo's state in.")]


def run(
    json_file: _Json = None,
    keep: _Keep = False,
    app: _App = None,
    epochs: _Epochs = 3,
    committee: _Committee = 4,
    port: _Port = None,
    home: _Home = None,
) -> None:
    """Run all of Mirrorbond on this machine: three epochs of 20 seconds, then who was paid what, and why."""
    plan = _plan(epochs, committee)
    _check(json_file, app, home)
    free = _port(port)
    console = _console()
    with _interruptible(), _folder(home) as place, _stack() as stack:
        played = play(plan, place, app, free, console, stack)
        result = outcome_of(played)
        _write(json_file, result)
        show(console, result, plan.symbol)
        if keep and result.ok:
            console.print(f"All of it keeps running: {played.node.url} (Ctrl-C ends it)", highlight=False)
            while True:
                time.sleep(1)
                played.node.check()
        if not result.ok:
            raise AccountingMismatch(list(result.failures))


def _plan(epochs: int, committee: int) -> Plan:
    if committee not in COMMITTEES:
        raise InvalidInput("--committee", "must be 4 (of whom 3 sign) or 1")
    members, quorum = COMMITTEES[committee]
    return replace(Plan(), epochs=epochs, members=members, quorum=quorum)


def _check(json_file: Path | None, app: Path | None, home: Path | None) -> None:
    """Refuse at once what would only fail after the epochs."""
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise InvalidInput("--json", f"{json_file.parent} is not a folder")
    if app is not None and not app.is_dir():
        raise InvalidInput("--app", f"{app} is not a folder")
    if home is not None and home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise InvalidInput("--home", f"{home} is not an empty folder; a demo begins with a new one")


def _port(wanted: int | None) -> int:
    """The port asked for, which must be free; else the usual one, or any."""
    if wanted is not None:
        check_port("the dashboard", HOST, wanted)
        return wanted
    try:
        check_port("the dashboard", HOST, USUAL_PORT)
    except PortInUse:
        return 0
    return USUAL_PORT


def _write(json_file: Path | None, result: DemoResult) -> None:
    if json_file is not None:
        json_file.write_text(json.dumps(result.to_json(), indent=1) + "\n")


def _console() -> Console:
    """The terminal, or a log wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=max(_WIDTH, console.width))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Whatever asks us to stop ends the demo as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _stack() -> Iterator[ExitStack]:
    """All that has to be stopped; while it is, nobody's impatience leaves a process behind."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stack.close()


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    """The folder of this demo. One of our own goes with the demo, unless the demo failed: then its logs are wanted."""
    place = (home or REPOSITORY / ".state" / f"demo-{os.getpid()}").absolute()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        yield place
    except MirrorbondError:
        Console(stderr=True).print(f"The demo's logs are in {place}", soft_wrap=True, highlight=False)
        raise
    except KeyboardInterrupt:
        _forget(place, home)
        raise
    _forget(place, home)


def _forget(place: Path, home: Path | None) -> None:
    if home is None:
        shutil.rmtree(place, ignore_errors=True)
