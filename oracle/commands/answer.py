"""How a command answers: in words, or with --json as one object for machines."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def say(as_json: bool, words: str, **facts: Any) -> None:
    """Print the words, or the facts by name. Amounts among them are decimal text."""
    typer.echo(json.dumps(facts, indent=1) if as_json else words)
