"""Halmos: the proofs in tests/solidity/symbolic, over the code that the legacy pipeline makes of the real contracts."""

import re
import shutil
import subprocess
from pathlib import Path

from audit import foundry, tools
from audit.accepted import Entry, accepted
from audit.chunks import Chunks, Done
from audit.results import Result
from audit.workspace import ROOT, STATE, fingerprint, run, sources

SYMBOLIC = "tests/solidity/symbolic"
# What decides every proof, besides the file that it is in.
SHARED = (
    "contracts/**/*.sol",
    f"{SYMBOLIC}/Symbolic.sol",
    f"{SYMBOLIC}/Lemmas.sol",
    "audit/foundry.toml",
    "audit/smt.py",
    "audit/solc.cjs",
)
# How long one question to the solvers may take.
QUESTION_S = 900
# How long one proof may take: all that end do so within five minutes. Two do not in half an hour either, and would make
# the part longer than an hour; they are named in accepted/halmos.json.
PROOF_S = 1_200
FIRST = ("Lemmas", "Settlement")
MATH = "@openzeppelin/contracts/utils/math/Math.sol"
# OpenZeppelin chooses by a product, which no solver of bit vectors gets through where more products are compared. The
# proofs are over an if instead; that both are the same is a lemma of its own.
BRANCHLESS = "return b ^ ((a ^ b) * SafeCast.toUint(condition));"
CHOICE = "return condition ? a : b;"
VERDICT = re.compile(r"\[(PASS|FAIL|TIMEOUT|ERROR)\]\S* (check_\w+)\(.*?time: ([\d.]+)s")


def audit(workers: int) -> Result:
    """Each proof is a piece of its own: what is proved is not proved again while the contracts stay the same."""
    shutil.rmtree(STATE / "halmos" / "project" / "node_modules", ignore_errors=True)
    project = foundry.project("halmos")
    _choose_by_if(project / "node_modules")
    for file in (project / "tests" / "solidity").iterdir():
        if file.name != "symbolic":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    built = foundry.forge(project, "build", "--ast", "--extra-output", "storageLayout", "metadata", log="halmos-build")
    if built.code != 0:
        return Result("halmos", False, {}, (built.output[-500:],))
    python = tools.halmos() / "bin" / "python"

    def prove(name: str) -> Done:
        contract, function = name.split(".")
        solver = f"{python} {ROOT / 'audit' / 'smt.py'}"
        options = (
            "--no-status",
            "--loop",
            "4",
            "--solver-timeout-assertion",
            f"{QUESTION_S}s",
            "--solver-command",
            solver,
        )
        which = ("--contract", contract, "--match-test", f"^{function}\\(")
        command = (python.parent / "halmos", *which, *options)
        try:
            done = run(*command, log=f"halmos-{name}", cwd=project, env=foundry.environment(), timeout=PROOF_S)
        except subprocess.TimeoutExpired:
            return {"proof": name, "verdict": "TIMEOUT", "seconds": PROOF_S}
        found = VERDICT.search(done.output)
        return {"proof": name, "verdict": found[1] if found else "ERROR", "seconds": float(found[3]) if found else 0.0}

    entries = accepted("halmos")
    unfinished = {entry["of"] for entry in entries}
    pieces: list[Done] = []
    for last in (False, True):  # what is known not to end is tried when all else has been
        for contract, (path, names) in proofs().items():
            some = [name for name in names if (name in unfinished) == last]
            if not some:
                continue
            pieces += Chunks(f"halmos-{contract}", fingerprint(sources(*SHARED, path))).run(some, prove, workers)
    return judge(pieces, entries)


def _choose_by_if(modules: Path) -> None:
    """Puts a copy of OpenZeppelin's contracts in the place of the packages."""
    modules.unlink()
    (modules / MATH).parent.mkdir(parents=True)
    package = ROOT / "node_modules" / "@openzeppelin" / "contracts"
    shutil.copytree(package, modules / "@openzeppelin" / "contracts", dirs_exist_ok=True)
    text = (modules / MATH).read_text()
    if text.count(BRANCHLESS) != 1:
        raise ValueError(f"{MATH} does not choose by the product of the lemma any more")
    (modules / MATH).write_text(text.replace(BRANCHLESS, CHOICE))


def proofs() -> dict[str, tuple[str, list[str]]]:
    """Every contract with proofs: its file, and its `check_` functions as `Contract.function`; the quick ones first."""
    found = {}
    for file in sorted(sources(f"{SYMBOLIC}/*.t.sol"), key=lambda file: not file.name.startswith(FIRST)):
        text = file.read_text()
        if contract := re.search(r"^contract (\w+)", text, re.MULTILINE):
            names = [f"{contract[1]}.{name}" for name in re.findall(r"function (check_\w+)", text)]
            found[contract[1]] = (f"{SYMBOLIC}/{file.name}", names)
    return found


def judge(pieces: list[Done], entries: list[Entry]) -> Result:
    """What is not proved has to be named, with the reason, and what is named must not be refuted."""
    known = {entry["of"]: entry["reason"] for entry in entries}
    proved = [piece for piece in pieces if piece["verdict"] == "PASS"]
    figures = {piece["proof"]: f"{piece['verdict'].lower()} in {piece['seconds']:.0f} s" for piece in pieces}
    new = [
        f"{one['proof']}: {one['verdict']}" for one in pieces if one["verdict"] != "PASS" and one["proof"] not in known
    ]
    refuted = [f"{one['proof']}: refuted" for one in pieces if one["verdict"] == "FAIL" and one["proof"] in known]
    stale = [f"not finished, it says, but proved: {one['proof']}" for one in proved if one["proof"] in known]
    return Result(
        "halmos", not new and not refuted and not stale, {"proofs": len(proved), **figures}, (*new, *refuted, *stale)
    )
