"""What stands against signing two bundles of one epoch, as `IOracleCommittee` says."""

from __future__ import annotations

from collections.abc import Sequence

from tests.differential.model import tokens
from tests.differential.model.committees import configs_of
from tests.differential.model.state import BURNED, MOST_MONEY, Bond, World, require


def post(world: World, caller: str, value: int, committee: int) -> None:
    """Adds native coin to the caller's bond, and takes back a notice."""
    configs_of(world, committee)
    require(value > 0, "NoBond")
    amount = bond_of(world, committee, caller).amount + value
    require(amount <= MOST_MONEY, "SafeCastOverflowedUintDowncast")
    world.bonds[committee, caller] = Bond(amount)
    tokens.wrap(world, world.committee_contract, value)


def give_notice(world: World, caller: str, value: int, committee: int) -> None:
    """Announces that the caller's bond will be taken; another notice replaces it."""
    del value
    bond = bond_of(world, committee, caller)
    require(bond.amount > 0, "NoBond")
    world.bonds[committee, caller] = bond._replace(free_from=world.now + notice(world))


def take(world: World, caller: str, value: int, committee: int) -> None:
    """Returns a bond whose notice is over and has not lapsed, which it does after as long again."""
    del value
    bond = bond_of(world, committee, caller)
    require(bond.amount > 0, "NoBond")
    require(0 < bond.free_from <= world.now, "BondNotFree")
    require(world.now < bond.free_from + notice(world), "BondNoticeLapsed")
    _pay(world, committee, caller, caller)


def burn(
    world: World, caller: str, value: int, committee: int, member: str,
    digests: Sequence[bytes], genuine: Sequence[bool],
) -> None:  # fmt: skip
    """Burns the bond of who has signed two different bundles of one epoch."""
    del caller, value
    require(bond_of(world, committee, member).amount > 0, "NoBond")
    require(digests[0] != digests[1], "SameDigest")
    require(all(genuine), "NotSigned")
    _pay(world, committee, member, BURNED)


def bond_of(world: World, committee: int, member: str) -> Bond:
    """The bond of this member, which may be nothing."""
    return world.bonds.get((committee, member), Bond(0))


def notice(world: World) -> int:
    """How long a notice is, in seconds: what an epoch that starts now takes until its report is final."""
    clock = world.clock
    return clock.length + clock.grace + clock.window + clock.arbitration


def _pay(world: World, committee: int, member: str, to: str) -> None:
    amount = bond_of(world, committee, member).amount
    world.bonds[committee, member] = Bond(0)
    tokens.transfer(world, world.wrapped, world.committee_contract, to, amount)
