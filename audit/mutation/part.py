"""Mutation: at least 95 of 100 mutants die by the Solidity tests, and each survivor is explained by name."""

import time
from collections import Counter

from audit.accepted import Entry, accepted
from audit.mutation.campaign import Campaign
from audit.mutation.ledger import Ledger, Verdict
from audit.mutation.mutants import Mutant
from audit.results import Result
from audit.workspace import STATE, snapshot

LONGEST_S = 55 * 60
LEAST_KILLED = 0.95
FOLDER = STATE / "mutation"


def audit(workers: int) -> Result:
    """Goes on where the last run stopped."""
    until = time.monotonic() + LONGEST_S
    ledger = Ledger(FOLDER / "verdicts.jsonl")
    entries = accepted("mutants")
    explained = {(entry["of"], entry["was"], entry["becomes"]) for entry in entries}
    campaign = Campaign(snapshot(FOLDER / "tree"), ledger, explained)
    campaign.run(workers, until)
    left = len(campaign.open(glances=False))
    verdicts = {one.key: one for one in ledger.of(mutant.key for mutant in campaign.mutants)}
    return judge(campaign.mutants, verdicts, left, entries)


def judge(mutants: list[Mutant], verdicts: dict[str, Verdict], left: int, entries: list[Entry]) -> Result:
    """Equivalent survivors count as survivors; what did not compile, or to the same code, is no mutant."""
    count = Counter(one.verdict for one in verdicts.values())
    survivors = {one.name: one for one in mutants if one.key in verdicts and verdicts[one.key].verdict == "survived"}
    known = {(entry["of"], entry["was"], entry["becomes"]): entry for entry in entries}
    new = [f"survived: {one}" for name, one in survivors.items() if name not in known]
    stale = (
        [f"explained, but dead or gone: {' | '.join(name)}" for name in known if name not in survivors]
        if not left
        else []
    )
    tried = count["killed"] + count["survived"]
    share = count["killed"] / tried if tried else 0.0
    figures: dict[str, str | int] = {
        "mutants": tried,
        "killed": f"{count['killed']} ({share:.2%})",
        "survived": count["survived"],
        "of them equivalent": sum(known[name].get("equivalent") == "yes" for name in survivors if name in known),
        "no mutants (do not compile, or to the same code)": count["uncompilable"] + count["same"],
        "left to try": left,
    }
    figures |= {f"killed, {kind}": number for kind, number in by_kind(mutants, verdicts).items()}
    return Result("mutation", share >= LEAST_KILLED and not (left or new or stale), figures, (*new, *stale))


def by_kind(mutants: list[Mutant], verdicts: dict[str, Verdict]) -> dict[str, str]:
    """For each sort of change, how many died of how many."""
    tried: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    for one in mutants:
        verdict = verdicts[one.key].verdict if one.key in verdicts else ""
        tried[one.kind] += verdict in ("killed", "survived")
        killed[one.kind] += verdict == "killed"
    return {kind: f"{killed[kind]} of {tried[kind]}" for kind in sorted(tried)}
