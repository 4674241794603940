"""What was found is kept, judged against what was accepted by name, and shown."""

import re
from pathlib import Path
from typing import Any

import pytest

from audit import __main__ as command
from audit import accepted, campaigns, coverage, halmos, results, slither
from audit.campaigns import counted, rare
from audit.chunks import Chunks
from audit.mutation import part as mutation
from audit.mutation.ledger import Ledger, Verdict
from audit.mutation.mutants import TARGETS, Mutant
from audit.mutation.operators import Edit
from audit.results import Result
from audit.workspace import ROOT


def finding(check: str, impact: str, file: str = "contracts/Till.sol") -> dict[str, Any]:
    """As slither tells one about a variable of a contract."""
    contract = {"type": "contract", "name": "Till", "type_specific_fields": {"parent": {"type": "file", "name": file}}}
    place = {"filename_relative": file}
    element = {"type": "variable", "name": "sum", "source_mapping": place, "type_specific_fields": {"parent": contract}}
    return {"check": check, "impact": impact, "description": f"{check} here", "elements": [element]}


@pytest.mark.parametrize(
    ("findings", "entries", "ok"),
    [
        ([], [], True),
        ([finding("a", "Low")], [], True),
        ([finding("a", "Medium")], [], False),
        ([finding("a", "High", "node_modules/x.sol")], [], True),
        ([finding("a", "High")], [{"check": "a", "of": "Till.sum", "reason": "meant"}], True),
        ([finding("a", "High")], [{"check": "b", "of": "Till.sum", "reason": "meant"}], False),
        ([], [{"check": "a", "of": "Till.sum", "reason": "meant"}], False),
        ([finding("a", "High")] * 2, [{"check": "a", "of": "Till.sum", "reason": "meant"}], False),
        ([finding("a", "High")] * 2, [{"check": "a", "of": "Till.sum", "times": "2", "reason": "meant"}], True),
        ([finding("a", "High")], [{"check": "a", "of": "Till.sum", "times": "2", "reason": "meant"}], False),
    ],
)
def test_a_severe_finding_is_accepted_by_name_or_a_fault(
    findings: list[dict[str, Any]], entries: list[dict[str, str]], ok: bool
) -> None:
    assert slither.judge(findings, entries).ok is ok


def test_what_is_silenced_in_the_contracts_is_what_the_page_says() -> None:
    """Three results of vaults, who are judged by balances, and never anything wholesale."""
    texts = [file.read_text() for file in (ROOT / "contracts").rglob("*.sol")]
    silenced = [one for text in texts for one in re.findall(r"slither-disable-?(\S*) (\S+)", text)]
    assert silenced == [("next-line", "unused-return")] * 3


def test_lines_and_branches_that_nothing_reaches_are_gaps() -> None:
    file = coverage.FILES[0]
    points = list(coverage.read(f"SF:{file}\nDA:1,4\nDA:2,0\nBRDA:1,0,0,-\nBRDA:1,0,1,2\nend_of_record\n"))
    assert [(one.line, one.branch, one.taken) for one in points] == [
        (1, "", 4),
        (2, "", 0),
        (1, "0.0", 0),
        (1, "0.1", 2),
    ]
    lines = {file: ["first line", "second  line"]}
    found = coverage.judge(points, lines, [{"file": file, "line": "second line", "reason": "never"}])
    assert not found.ok
    assert found.findings == (f"{file}:1 not reached: first line",)
    assert found.figures[file] == "1/2 lines, 1/2 branches"
    assert coverage.judge([one for one in points if one.taken], lines, []).ok


def test_every_check_function_is_a_proof_to_do() -> None:
    text = "".join(file.read_text() for file in (ROOT / "tests" / "solidity" / "symbolic").glob("*.t.sol"))
    found = [name.split(".")[1] for _, names in halmos.proofs().values() for name in names]
    assert sorted(found) == sorted(re.findall(r"function (check_\w+)", text))


def test_openzeppelin_chooses_as_the_lemma_says() -> None:
    assert (ROOT / "node_modules" / halmos.MATH).read_text().count(halmos.BRANCHLESS) == 1
    assert "b ^ ((a ^ b) * bit)" in (ROOT / halmos.SYMBOLIC / "Lemmas.t.sol").read_text()


def test_what_halmos_says_is_read() -> None:
    said = "\x1b[32m[PASS]\x1b[0m check_a(uint8,bytes32[2]) (paths: 51, time: 14.20s (paths: 1.00s, models: 2.0s))"
    found = halmos.VERDICT.search(said)
    assert found
    assert found.groups() == ("PASS", "check_a", "14.20")


@pytest.mark.parametrize(
    ("verdict", "named", "ok"),
    [
        ("PASS", False, True),
        ("PASS", True, False),
        ("TIMEOUT", False, False),
        ("TIMEOUT", True, True),
        ("FAIL", True, False),
    ],
)
def test_a_proof_is_finished_or_named_and_never_refuted(verdict: str, named: bool, ok: bool) -> None:
    entries = [{"of": "A.check_b", "reason": "takes hours"}] if named else []
    assert halmos.judge([{"proof": "A.check_b", "verdict": verdict, "seconds": 1.0}], entries).ok is ok


def mutant(name: str) -> Mutant:
    """One that changes nothing, named."""
    return Mutant(name, "f.sol", "Till.pay", 1, "literal", name, f"{name}'", Edit("literal", 0, 0, ""))


def test_mutation_is_ok_when_95_of_100_die_and_survivors_are_explained() -> None:
    mutants = [mutant(str(i)) for i in range(100)]
    verdicts = {one.key: Verdict(one.key, "survived" if one.key < "13" else "killed", "t", False) for one in mutants}
    alive = [one for one in mutants if one.key < "13"]
    assert len(alive) == 5
    entries = [dict(zip(("of", "was", "becomes"), one.name, strict=True)) for one in alive]
    found = mutation.judge(mutants, verdicts, 0, entries)
    assert found.ok, found
    assert found.figures["killed"] == "95 (95.00%)"
    assert not mutation.judge(mutants, verdicts, 0, entries[1:]).ok, "one is not explained"
    assert not mutation.judge(mutants, verdicts, 1, entries).ok, "one was not tried"
    assert not mutation.judge(mutants[1:], verdicts, 0, entries).ok, "one that is explained is gone"
    verdicts["5"] = Verdict("5", "survived", "t", False)
    assert not mutation.judge(mutants, verdicts, 0, [*entries, entries[0]]).ok, "94 of 100"


def test_the_ledger_keeps_the_last_verdict_and_forgets_none(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "verdicts.jsonl"
    ledger = Ledger(file)
    ledger.add(Verdict("a", "survived", "t1", True))
    ledger.add(Verdict("b", "killed", "t1", True, "Suite.test()"))
    ledger.add(Verdict("a", "killed", "t2", False, "Suite.test()"))
    again = Ledger(file)
    assert [(one.key, one.verdict) for one in again.of(["a", "b", "c"])] == [("a", "killed"), ("b", "killed")]
    assert again.get("c") is None


@pytest.mark.parametrize(
    ("verdict", "tests", "glance", "glances", "stands"),
    [
        ("killed", "t1", True, False, True),
        ("killed", "t0", True, False, True),
        ("survived", "t1", True, True, True),
        ("survived", "t1", True, False, False),
        ("survived", "t1", False, False, True),
        ("survived", "t0", False, False, False),
    ],
)
def test_only_a_survivor_is_tried_again(verdict: str, tests: str, glance: bool, glances: bool, stands: bool) -> None:
    assert Verdict("a", verdict, tests, glance).stands("t1", glances) is stands


def test_a_piece_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    did: list[str] = []

    def do(name: str) -> dict[str, Any]:
        if name == "c" and not tmp_path.joinpath("mended").exists():
            raise RuntimeError(name)
        did.append(name)
        return {"said": name.upper()}

    with pytest.raises(RuntimeError):
        Chunks("long", "f1", tmp_path).run(["a", "b", "c"], do, 1)
    tmp_path.joinpath("mended").touch()
    found = Chunks("long", "f1", tmp_path).run(["a", "b", "c"], do, 1)
    assert [one["said"] for one in found] == ["A", "B", "C"]
    assert did == ["a", "b", "c"]
    Chunks("long", "f2", tmp_path).run(["a"], do, 1)
    assert did == ["a", "b", "c", "a"]


@pytest.mark.parametrize("name", ["slither", "coverage", "halmos", "mutants"])
def test_what_is_accepted_has_a_reason(name: str) -> None:
    assert all(len(entry["reason"]) > 10 for entry in accepted.accepted(name))


def test_what_has_no_reason_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text('[{"of": "Till.sum", "reason": ""}]')
    monkeypatch.setattr(accepted, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="without a reason"):
        accepted.accepted("x")


def test_explained_mutants_are_of_lines_that_are_there() -> None:
    text = " ".join(" ".join((ROOT / file).read_text() for file in TARGETS).split())
    gone = [entry["was"] for entry in accepted.accepted("mutants") if entry["was"] not in text]
    assert not gone


def test_a_result_is_read_as_it_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    found = Result("slither", False, {"high": 1}, ("worse",), ("slither .",), {"slither": "1"}, "f1", "2026-01-01", 3)
    found.save()
    assert results.load("slither") == found
    assert results.load("halmos") is None
    assert "slither: NOT OK" in results.page([found])
    assert "- worse" in results.page([found])


@pytest.mark.parametrize("output", ['{"a": 1}', 'so far: 3\n{"a": 1}\n', '{"b": 2}\n{\n "a": 1\n}'])
def test_the_json_at_the_end_of_what_a_program_printed_is_read(output: str) -> None:
    assert campaigns.told_by(output) == {"a": 1}


def test_an_unknown_part_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["slitter"]) == 2
    assert "no part 'slitter'; there are slither," in capsys.readouterr().out


def test_the_parts_are_documented() -> None:
    text = (ROOT / "docs" / "audit.md").read_text()
    assert [name for name in command.PARTS if f"`{name}`" not in text] == []


def test_the_invariants_counters_are_added_up_over_runs() -> None:
    assert counted("join 20 18\nlie 3 3\njoin 22 9\n") == {"join": (42, 27), "lie": (3, 3)}


def test_a_handler_that_does_what_it_is_named_for_in_less_than_a_third_of_its_calls_is_a_finding() -> None:
    assert rare({"join": 42, "lie": 3}, {"join": 14, "lie": 3}) == ()
    assert rare({"join": 42, "lie": 3}, {"join": 13, "lie": 3}) == ("join did what it is named for in 13 of 42 calls",)
    assert rare({"join": 1}, {}) == ("join did what it is named for in 0 of 1 calls",)


@pytest.mark.parametrize(("done", "ok"), [(10, True), (9, False)])
def test_invariants_whose_handlers_rarely_do_anything_are_not_ok(
    monkeypatch: pytest.MonkeyPatch, done: int, ok: bool
) -> None:
    pieces = [{"tests": 1, "handlers": {"join": (15, done - 4)}}, {"tests": 1, "handlers": {"join": (15, 4)}}]
    monkeypatch.setattr(campaigns, "_seeds", lambda *_: pieces)
    result = campaigns.invariants(1)
    assert result.ok is ok
    assert (result.figures["calls"], result.figures["join"]) == (30, f"{done} of 30")
