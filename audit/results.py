"""What a part of the audit found: kept as JSON, shown as one page."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from audit.workspace import STATE

FOLDER = STATE / "results"


@dataclass(frozen=True)
class Result:
    """`figures` go on the page; `findings` say, one a line, why the part is not ok or what it accepted."""

    part: str
    ok: bool
    figures: Mapping[str, str | int]
    findings: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    sources: str = ""
    date: str = ""
    seconds: int = 0

    def save(self) -> None:
        """Replaces the part's former result."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        _file(self.part).write_text(json.dumps(asdict(self), indent=2) + "\n")


def _file(part: str) -> Path:
    return FOLDER / f"{part}.json"


def load(part: str) -> Result | None:
    """The part's last result."""
    if not _file(part).exists():
        return None
    told = json.loads(_file(part).read_text())
    return Result(**{**told, "findings": tuple(told["findings"]), "commands": tuple(told["commands"])})


def page(results: list[Result]) -> str:
    """One page for people."""
    return "\n".join(line for one in results for line in _paragraph(one))


def _paragraph(result: Result) -> list[str]:
    lines = [f"{result.part}: {'ok' if result.ok else 'NOT OK'}   ({result.date}, {result.seconds} s)"]
    lines += [f"    {name}: {value}" for name, value in result.figures.items()]
    lines += [f"    - {finding}" for finding in result.findings]
    return lines
