"""Workers that try mutants: warm node processes, asked by lines of JSON, replaced when one hangs or grows old."""

import json
import os
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from audit.mutation.mutants import Mutant
from audit.workspace import NODE, ROOT

Answer = dict[str, Any]
# The compiler's memory grows with what it has compiled.
MOST_MUTANTS = 250
LONGEST_START_S = 1200.0


class Worker:
    """One warm process over a copy of the sources. Not shared between threads."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def trees(self, files: list[str]) -> dict[str, Answer]:
        """Text and syntax tree of each file."""
        found: dict[str, Answer] = self._ask(LONGEST_START_S, command="trees", files=files)["trees"]
        return found

    def suites(self) -> list[str]:
        """The names of the test contracts."""
        names: list[str] = self._ask(LONGEST_START_S, command="suites")["suites"]
        return names

    def failures(self, stages: list[Answer]) -> list[str]:
        """The tests that fail without any mutant, as `Suite.test()`."""
        failed = self._ask(LONGEST_START_S, command="try", stages=stages, known=[])["failed"]
        return [f"{one['suite']}.{one['name']}" for one in failed]

    def attempt(
        self, mutant: Mutant, text: str, target: tuple[str, str], stages: list[Answer], known: list[str]
    ) -> Answer:
        """What became of a mutant; one that hangs past the longest time is killed by it."""
        if self._asked >= MOST_MUTANTS:
            self.stop()
        self._asked += 1
        source, contract = target
        longest = sum(stage["longest_s"] for stage in stages)
        asked = {"file": mutant.file, "text": mutant.apply(text), "source": source, "contract": contract}
        if not self._process:
            self.suites()
        try:
            return self._ask(longest, command="try", stages=stages, known=known, **asked)
        except TimeoutError:
            self.stop()
            return {"verdict": "killed", "by": {"suite": "", "name": "the clock", "reason": f"no end in {longest} s"}}

    def stop(self) -> None:
        """Ends the process, if there is one."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process, self._asked, self._rest = None, 0, b""

    def _start(self) -> subprocess.Popen[bytes]:
        script = ROOT / "audit" / "mutation" / "worker.mjs"
        return subprocess.Popen([NODE, script, self._tree, ROOT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603

    def _ask(self, longest_s: float, **question: Any) -> Answer:
        self._process = self._process or self._start()
        pipe = cast(IO[bytes], self._process.stdin)
        pipe.write(json.dumps(question).encode() + b"\n")
        pipe.flush()
        answer: Answer = json.loads(self._line(self._process, longest_s))
        return answer

    def _line(self, process: subprocess.Popen[bytes], longest_s: float) -> bytes:
        """The next line that the process writes; `select` and not `readline`, which knows no end."""
        pipe = cast(IO[bytes], process.stdout)
        while b"\n" not in self._rest:
            if not select.select([pipe], [], [], longest_s)[0]:
                raise TimeoutError
            more = os.read(pipe.fileno(), 1 << 16)
            if not more:
                raise RuntimeError(f"the worker ended with code {process.wait()}")
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line
