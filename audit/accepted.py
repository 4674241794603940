"""What was looked at and accepted, each with its reason, in files that are committed."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "accepted"

Entry = dict[str, str]


def accepted(name: str) -> list[Entry]:
    """The entries of a file; each has a reason."""
    entries: list[Entry] = json.loads((FOLDER / f"{name}.json").read_text())
    without = [entry for entry in entries if not entry.get("reason")]
    if without:
        raise ValueError(f"{name}.json: without a reason: {without[0]}")
    return entries
