"""Long work in pieces: a piece that is done is not done again while the sources are the same."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from audit.workspace import STATE, say

Done = dict[str, Any]


class Chunks:
    """What the pieces of one part gave, on disk, under the fingerprint of what they ran."""

    def __init__(self, part: str, fingerprint: str, folder: Path = STATE) -> None:
        self.part = part
        self._file = folder / "chunks" / f"{part}.json"
        self._fingerprint = fingerprint
        told = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._done: dict[str, Done] = told.get(fingerprint, {})
        self._lock = threading.Lock()

    def run(self, names: list[str], do: Callable[[str], Done], workers: int) -> list[Done]:
        """Does what is not done yet, and returns what all gave. What one raises ends the run after its neighbours."""
        open_ones = [name for name in names if name not in self._done]
        say(f"{self.part}: {len(open_ones)} of {len(names)} pieces to do")
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda name: self._do(name, do), open_ones))
        return [self._done[name] for name in names]

    def _do(self, name: str, do: Callable[[str], Done]) -> None:
        started = time.monotonic()
        told = do(name)
        with self._lock:
            self._done[name] = told
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps({self._fingerprint: self._done}, indent=2))
        say(f"{self.part}: {name} in {time.monotonic() - started:.0f} s")
