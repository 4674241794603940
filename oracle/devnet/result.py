"""What a demo came to, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EpochOutcome:
    """One epoch's money: `paid` includes `fee`, and `paid` + `returned` is the reward. `n_eff` in units of 1 / ONE."""

    epoch: int
    reward_wei: int
    paid_wei: int
    fee_wei: int
    returned_wei: int
    report_tx: str
    n_eff: int
    outage_slots: int


@dataclass(frozen=True, slots=True)
class MirrorEpoch:
    """One mirror's epoch: weight in units of 1 / ONE, and for how many slots each reason held."""

    epoch: int
    weight: int
    credited_wei: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MirrorOutcome:
    """All that one mirror got."""

    name: str
    kind: str
    url: str
    operator: str
    epochs: tuple[MirrorEpoch, ...]
    withdrawn_wei: int

    @property
    def credited_wei(self) -> int:
        """The sum over the epochs."""
        return sum(epoch.credited_wei for epoch in self.epochs)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """`failures` are the checks that did not hold, in words."""

    epochs: tuple[EpochOutcome, ...]
    mirrors: tuple[MirrorOutcome, ...]
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """What `--json` writes: amounts as decimal text in the token's smallest unit."""
        return {
            "ok": self.ok,
            "failures": list(self.failures),
            "epochs": [_epoch_json(epoch) for epoch in self.epochs],
            "mirrors": [_mirror_json(mirror) for mirror in self.mirrors],
        }


def _epoch_json(outcome: EpochOutcome) -> dict[str, Any]:
    return {
        "epoch": outcome.epoch,
        "reward": str(outcome.reward_wei),
        "paid": str(outcome.paid_wei),
        "fee": str(outcome.fee_wei),
        "returned": str(outcome.returned_wei),
        "report_tx": outcome.report_tx,
    }


def _mirror_json(outcome: MirrorOutcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "kind": outcome.kind,
        "url": outcome.url,
        "operator": outcome.operator,
        "epochs": [
            {
                "epoch": epoch.epoch,
                "weight": epoch.weight,
                "credited": str(epoch.credited_wei),
                "reasons": dict(epoch.reasons),
            }
            for epoch in outcome.epochs
        ],
        "withdrawn": str(outcome.withdrawn_wei),
    }
