"""Lines and branches of the contracts that the Solidity tests reach; forge counts both sides of a `require`."""

from collections.abc import Iterator
from dataclasses import dataclass

from audit import foundry
from audit.accepted import Entry, accepted
from audit.results import Result

FILES = (
    "contracts/RedundancyFund.sol",
    "contracts/OracleCommittee.sol",
    "contracts/Leaf.sol",
    "contracts/Endowment.sol",
)


@dataclass(frozen=True)
class Point:
    """A line, or one side of a branch; `taken` is how often."""

    file: str
    line: int
    branch: str
    taken: int


def audit() -> Result:
    """The legacy pipeline without the optimizer, as a moved line has no coverage."""
    tree = foundry.project("coverage")
    # The legacy pipeline's code is larger than a contract may be; invariants reach nothing that no other test does.
    left_out = ("--no-match-contract", "Invariants", "--no-match-test", "fit_the_size_limit")
    report = tree / "lcov.info"
    report.unlink(missing_ok=True)
    done = foundry.forge(tree, "coverage", *left_out, "--report", "lcov", log="coverage")
    if done.code != 0 or not report.exists():
        return Result("coverage", False, {}, (done.output[-500:],))
    points = list(read(report.read_text()))
    lines = {file: (tree / file).read_text().splitlines() for file in FILES}
    return judge([one for one in points if one.file in FILES], lines, accepted("coverage"))


def read(report: str) -> Iterator[Point]:
    """The points of a report in lcov's format."""
    file = ""
    for line in report.splitlines():
        name, _, rest = line.partition(":")
        if name == "SF":
            file = rest
        elif name == "DA":
            number, taken = rest.split(",")[:2]
            yield Point(file, int(number), "", int(taken))
        elif name == "BRDA":
            number, block, path, times = rest.split(",")
            yield Point(file, int(number), f"{block}.{path}", 0 if times == "-" else int(times))


def judge(points: list[Point], lines: dict[str, list[str]], entries: list[Entry]) -> Result:
    """Whatever was not reached has to be explained by its file and its text."""
    known = {(entry["file"], entry["line"]): entry["reason"] for entry in entries}
    gaps = {(one.file, " ".join(lines[one.file][one.line - 1].split())): one for one in points if not one.taken}
    new = [f"{file}:{one.line} not reached: {text}" for (file, text), one in gaps.items() if (file, text) not in known]
    stale = [f"explained, but reached: {text}" for file, text in known if (file, text) not in gaps]
    figures = {file: _share([one for one in points if one.file == file]) for file in FILES}
    return Result("coverage", not new and not stale, {**figures, "gaps explained": len(known)}, (*new, *stale))


def _share(points: list[Point]) -> str:
    lines, branches = [one for one in points if not one.branch], [one for one in points if one.branch]
    reached = [(sum(one.taken > 0 for one in some), len(some)) for some in (lines, branches)]
    return f"{reached[0][0]}/{reached[0][1]} lines, {reached[1][0]}/{reached[1][1]} branches"
