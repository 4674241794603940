"""Committees, their reports and the challenges of them, as `IOracleCommittee` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.differential.model import tokens
from tests.differential.model.state import BURNED, ZERO, Challenge, Config, Outcome, Report, Ruling, World, require


class Vote(NamedTuple):
    """One member's signature, and whether it is one."""

    member: int
    genuine: bool


def configs_of(world: World, committee: int) -> list[Config]:
    """All configurations of a committee."""
    require(0 < committee <= len(world.committees), "UnknownCommittee")
    return world.committees[committee - 1]


def config_at(world: World, committee: int, epoch: int) -> Config:
    """The configuration in force at the start of an epoch: the latest that had bound."""
    configs = configs_of(world, committee)
    return [config for config in configs if config.since <= epoch or config is configs[0]][-1]


def change_members(
    world: World, caller: str, value: int, committee: int, members: tuple[str, ...], quorum: int, recipient: str,
    until: int, votes: Sequence[Vote],
) -> None:  # fmt: skip
    """Replaces the members from the next epoch's start."""
    del caller, value
    require(world.now <= until, "ChangeExpired")
    check_quorum(config_at(world, committee, world.epoch), votes)
    require(len(members) < 2 * quorum and quorum <= len(members), "QuorumNotMajority")
    require(recipient != ZERO, "ZeroFeeRecipient")
    require(list(members) == sorted(set(members)), "MembersNotAscending")
    world.committees[committee - 1].append(Config(world.epoch + 1, members, quorum, recipient))


def check_quorum(config: Config, votes: Sequence[Vote]) -> None:
    """A quorum of distinct members, each with its signature, in whatever order."""
    require(len(votes) >= config.quorum, "TooFewSignatures")
    seen: set[int] = set()
    for member, genuine in votes:
        require(member < len(config.members), "UnknownMember")
        require(member not in seen, "DuplicateSignature")
        require(genuine, "WrongSignature")
        seen.add(member)


def accept(
    world: World, caller: str, value: int, committee: int, terms: bytes, until: int, votes: Sequence[Vote]
) -> None:
    """A quorum takes on a fund of the fund contract at its fee."""
    del caller, value
    require(world.now <= until, "AcceptanceExpired")
    config = config_at(world, committee, world.epoch)
    signed = (committee, world.committees[committee - 1].index(config), terms, until)
    require(signed not in world.accepted, "AlreadyAccepted")
    check_quorum(config, votes)
    world.accepted.add(signed)
    world.acceptances[committee, terms] = until


def use_acceptance(world: World, committee: int, terms: bytes) -> None:
    """Uses up an acceptance."""
    require(world.now <= world.acceptances.pop((committee, terms), 0), "NotAccepted")


def report(
    world: World, caller: str, value: int, committee: int, epoch: int, root: bytes, votes: Sequence[Vote]
) -> None:
    """Accepts the committee's one report of an epoch, from its end until its grace is over."""
    del caller, value
    end = world.clock.end(epoch)
    require(world.now >= end, "EpochNotOver")
    require(world.now < end + world.clock.grace, "GraceOver")
    require(any(root), "ZeroRoot")
    require((committee, epoch) not in world.reports, "AlreadyReported")
    check_quorum(config_at(world, committee, epoch), votes)
    world.reports[committee, epoch] = Report(root, world.now)


def arbiter_of(world: World, fund: int) -> str:
    """Who may void a challenged epoch of the fund."""
    require(0 < fund <= len(world.funds), "UnknownFund")
    return world.funds[fund - 1].slashing.arbiter


def challenge(world: World, caller: str, value: int, committee: int, epoch: int, fund: int) -> None:
    """Asks the fund's arbiter to void a report for this one fund, while the report's window is open."""
    found = world.reports.get((committee, epoch))
    require(found and world.now < found.accepted_at + world.clock.window, "NotPending")
    require(arbiter_of(world, fund) != ZERO, "NoArbiter")
    require(value == world.challenge_bond, "WrongBond")
    require((committee, epoch, fund) not in world.challenges, "AlreadyChallenged")
    world.challenges[committee, epoch, fund] = Challenge(caller)
    tokens.wrap(world, world.committee_contract, value)


def rule(world: World, caller: str, value: int, committee: int, epoch: int, fund: int, voided: bool) -> None:
    """The arbiter decides a challenge in time: the bond goes back, or is burned."""
    del value
    found = _undecided(world, committee, epoch, fund)
    require(caller == arbiter_of(world, fund), "NotArbiter")
    require(world.now < _decided_by(world, committee, epoch), "ArbitrationOver")
    found.ruling = Ruling.VOIDED if voided else Ruling.STANDS
    _pay_bond(world, found.challenger if voided else BURNED)


def conclude(world: World, caller: str, value: int, committee: int, epoch: int, fund: int) -> None:
    """Silence means that the report stands."""
    del caller, value
    found = _undecided(world, committee, epoch, fund)
    require(world.now >= _decided_by(world, committee, epoch), "ArbitrationNotOver")
    found.ruling = Ruling.STANDS
    _pay_bond(world, BURNED)


def outcome_for(world: World, committee: int, epoch: int, fund: int) -> Outcome:
    """What became of an epoch for one fund."""
    found = world.reports.get((committee, epoch))
    if found is None:
        return Outcome.OPEN if world.now < world.clock.end(epoch) + world.clock.grace else Outcome.MISSED
    challenged = world.challenges.get((committee, epoch, fund))
    if challenged and challenged.ruling is Ruling.VOIDED:
        return Outcome.VOIDED
    waiting = world.now < found.accepted_at + world.clock.window
    if challenged and challenged.ruling is Ruling.NONE:
        waiting = world.now < _decided_by(world, committee, epoch)
    return Outcome.PENDING if waiting else Outcome.FINAL


def _undecided(world: World, committee: int, epoch: int, fund: int) -> Challenge:
    found = world.challenges.get((committee, epoch, fund))
    require(found, "NotChallenged")
    assert found
    require(found.ruling is Ruling.NONE, "AlreadyRuled")
    return found


def _decided_by(world: World, committee: int, epoch: int) -> int:
    return world.reports[committee, epoch].accepted_at + world.clock.window + world.clock.arbitration


def _pay_bond(world: World, to: str) -> None:
    tokens.transfer(world, world.wrapped, world.committee_contract, to, world.challenge_bond)
