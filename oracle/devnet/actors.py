"""The people of the demo by role, each with a key of their own in an encrypted keystore file, made for this one run."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oracle import keys
from oracle.chain.transactions import Account
from oracle.devnet.cast import MIRRORS, OPERATORS
from oracle.devnet.chain import DevChain
from oracle.devnet.plan import Plan

ALLOWANCE_WEI = 100 * 10**18
"""The native coin that everybody who sends transactions begins with."""
ITERATIONS = 4_096
"""Keys that are worth nothing need not be costly to open."""


@dataclass(frozen=True, slots=True)
class Keystores:
    """Where a node finds the keys that it signs with."""

    files: tuple[Path, ...]
    password_file: Path


@dataclass(frozen=True, slots=True)
class Actors:
    """Everybody: operators by role, the accounts that are paid by the mirror's name."""

    owner: Account
    funders: tuple[Account, ...]
    operators: Mapping[str, Account]
    payouts: Mapping[str, Account]
    members: tuple[Account, ...]
    fee_recipient: Account
    arbiter: Account
    keystores: Keystores


class _Keyring:
    """Makes keystores in one folder, all with the password that lies beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, mode=0o700)
        self.password_file = folder / "password"
        self.password_file.touch(mode=0o600)
        self._password = secrets.token_urlsafe(24)
        self.password_file.write_text(self._password + "\n")

    def file(self, role: str) -> Path:
        return self.folder / f"{role}.json"

    def make(self, role: str) -> Account:
        """A new key for a role."""
        keys.create(self.file(role), self._password, iterations=ITERATIONS)
        return keys.load(self.file(role), self._password)

    def make_all(self, roles: Iterable[str]) -> dict[str, Account]:
        """A new key for each role."""
        return {role: self.make(role) for role in roles}


def make_actors(folder: Path, plan: Plan) -> Actors:
    """Make everybody's key in `folder`. The node gets as many members' keystores as the quorum needs, and no others."""
    ring = _Keyring(folder)
    members = ring.make_all(f"member-{number + 1}" for number in range(plan.members))
    signing = tuple(ring.file(role) for role in list(members)[: plan.quorum])
    return Actors(
        owner=ring.make("owner"),
        funders=tuple(ring.make(f"funder-{number + 1}") for number in range(len(plan.top_ups_wei))),
        operators=ring.make_all(OPERATORS),
        payouts={part.name: ring.make(f"payout-{part.name}") for part in MIRRORS},
        members=tuple(members.values()),
        fee_recipient=ring.make("fee-recipient"),
        arbiter=ring.make("arbiter"),
        keystores=Keystores(signing, ring.password_file),
    )


def give_allowances(chain: DevChain, actors: Actors) -> None:
    """Give native coin to everybody who sends transactions."""
    senders = [actors.owner, actors.fee_recipient, *actors.funders, *actors.operators.values(), *actors.members]
    for sender in senders:
        chain.give(sender.address, ALLOWANCE_WEI)
