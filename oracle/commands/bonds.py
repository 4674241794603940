"""`mirrorbond committee bond` and what follows it: members pledge to sign one bundle an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands import terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say
from oracle.commands.files import read_file

if TYPE_CHECKING:
    from oracle.chain.structs import Bond
    from oracle.context import Context
    from oracle.evidence import SignedBundle
    from oracle.model import Address

Number = Annotated[int | None, typer.Option("--committee", min=1, help="MIRRORBOND_COMMITTEE if left out.")]
Bundles = Annotated[list[Path], typer.Argument(help="Two files of bundles, as in evidence, of one member and epoch.")]


def bond(
    keystore: Keystore,
    amount: Annotated[int, typer.Option(help="Native coin to pledge, in wei; added to what is there.")],
    committee: Number = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Pledge native coin to sign no two bundles for one epoch; takes back a notice."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.settings import settings

    terms.positive("--amount", amount, "it is what you pledge")
    account, context = opened(keystore, password_file), Context(settings())
    if (balance := context.chain.balance(account.address)) < amount:
        raise InvalidInput("--amount", f"is {amount} wei, but {account.address} has only {balance}")
    receipt = context.committees.post_bond(account, number(context, committee), amount)
    whole = receipt.event("Bonded")["amount"]
    say(as_json, f"the bond is {whole} wei ({receipt.tx_hash})", amount=str(whole), tx=receipt.tx_hash)


def notice(
    keystore: Keystore, committee: Number = None, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Announce that you take your bond back, as late as the last epoch that it answers for can be final.

    It may be taken for as long again; then the notice lapses, and the bond needs another.
    """
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.committees.give_bond_notice(account, number(context, committee))
    free_s = receipt.event("BondNoticeGiven")["freeFrom"]
    until_s = free_s + context.committees.clock().finality_s
    words = f"the bond is free from Unix time {free_s} on, before {until_s} ({receipt.tx_hash})"
    say(as_json, words, free_from=free_s, free_until=until_s, tx=receipt.tx_hash)


def take(
    keystore: Keystore, committee: Number = None, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Take your bond back, in wrapped native coin, when its notice is over and for as long again."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.committees.take_bond(account, number(context, committee))
    amount = receipt.event("BondReturned")["amount"]
    say(as_json, f"took {amount} wei back ({receipt.tx_hash})", amount=str(amount), tx=receipt.tx_hash)


def burn(
    keystore: Keystore,
    bundles: Bundles,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a member signed two bundles for one epoch, which burns its bond. Anyone may."""
    from oracle.context import Context
    from oracle.digests import sha256_digest
    from oracle.settings import settings

    first, second = _two_bundles(bundles)
    account, context = opened(keystore, password_file), Context(settings())
    digests = [sha256_digest(one.body) for one in (first, second)]
    signatures = [bytes.fromhex(one.signature.removeprefix("0x")) for one in (first, second)]
    told = first.bundle
    receipt = context.committees.burn_bond(account, told.committee, told.epoch, told.member, digests, signatures)
    burned = receipt.event("BondBurned")["amount"]
    words = f"burned {burned} wei of {told.member}, who signed two bundles for epoch {told.epoch} ({receipt.tx_hash})"
    say(as_json, words, member=told.member, epoch=told.epoch, amount=str(burned), tx=receipt.tx_hash)


def _two_bundles(files: list[Path]) -> tuple[SignedBundle, SignedBundle]:
    """Two different bundles of one member for one epoch. Raises: InvalidInput."""
    from oracle.errors import InvalidInput
    from oracle.evidence import read_bundle

    if len(files) != 2:
        raise InvalidInput("bundles", "name two files")
    first, second = (read_bundle(str(file), read_file(file, 64 << 20)) for file in files)
    whose = [(one.bundle.committee, one.bundle.epoch, one.bundle.member) for one in (first, second)]
    if whose[0] != whose[1] or first.body == second.body:
        raise InvalidInput("bundles", "must be two different ones of one member for one epoch")
    return first, second


@dataclass(frozen=True, slots=True)
class Pledge:
    """A bond as it stands at a time: under notice, which lapses at `until_s`, it counts as none."""

    amount_wei: int
    free_from_s: int | None
    until_s: int | None

    @property
    def words(self) -> str:
        """For people."""
        if self.free_from_s is None:
            return f"a bond of {self.amount_wei} wei"
        notice = f"under notice, free from Unix time {self.free_from_s} on, before {self.until_s}"
        return f"a bond of {self.amount_wei} wei, {notice}: counts as none"

    @property
    def facts(self) -> dict[str, Any]:
        """For machines."""
        counts = self.amount_wei > 0 and self.free_from_s is None
        notice = {"free_from": self.free_from_s, "free_until": self.until_s}
        return {"amount": str(self.amount_wei), **notice, "counts": counts}


def pledges(context: Context, committee: int, members: Sequence[Address]) -> dict[Address, Pledge]:
    """What the members pledge now; a notice that has lapsed is none."""
    now_s, notice_s = context.chain.head().timestamp_s, context.committees.clock().finality_s
    return {member: _pledge(context.committees.bond_of(committee, member), notice_s, now_s) for member in members}


def _pledge(bond: Bond, notice_s: int, now_s: int) -> Pledge:
    if bond.free_from_s is None or now_s >= bond.free_from_s + notice_s:
        return Pledge(bond.amount_wei, None, None)
    return Pledge(bond.amount_wei, bond.free_from_s, bond.free_from_s + notice_s)


def number(context: Context, committee: int | None) -> int:
    """The committee that a command is about."""
    return committee or context.settings.committee
