"""What became of each mutant, kept from run to run: a line of JSON for each verdict, the last one counts."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """`tests` is the fingerprint of those it was tried with, at a glance or longer; `by` the test that killed it."""

    key: str
    verdict: str
    tests: str
    glance: bool
    by: str = ""
    reason: str = ""

    def stands(self, tests: str, glances: bool) -> bool:
        """Tests are added, not weakened: only a survivor is tried again, when they have changed or for longer."""
        return self.verdict != "survived" or (self.tests == tests and (glances or not self.glance))


class Ledger:
    """Appends to a file, so that whatever ends a run loses nothing that was found."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._verdicts: dict[str, Verdict] = {}
        for line in file.read_text().splitlines() if file.exists() else []:
            one = Verdict(**json.loads(line))
            self._verdicts[one.key] = one

    def get(self, key: str) -> Verdict | None:
        """The last verdict on a mutant."""
        return self._verdicts.get(key)

    def add(self, verdict: Verdict) -> None:
        """Notes a verdict, on disk at once."""
        self._verdicts[verdict.key] = verdict
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as out:
            out.write(json.dumps(asdict(verdict)) + "\n")

    def of(self, keys: Iterable[str]) -> list[Verdict]:
        """The verdicts that there are on these mutants."""
        return [self._verdicts[key] for key in keys if key in self._verdicts]
