"""What a fund pays and how it is measured, from options or from the file that its committee signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from oracle.commands.files import read_file
from oracle.commands.signing import check_place

if TYPE_CHECKING:
    from oracle.agreements.acceptance import Acceptance
    from oracle.chain.structs import FundState, Offer, Slashing
    from oracle.context import Context
    from oracle.errors import TransactionFailed

Reward = Annotated[int | None, typer.Option(help="What an epoch pays at most.")]
Target = Annotated[int | None, typer.Option(help="For how many effective mirrors it pays that.")]
Token = Annotated[str, typer.Option(help="The token's address; wrapped native coin if left out.")]
FeeBps = Annotated[int | None, typer.Option(help="The committee's part of the reward, of 10,000; 500 for a new fund.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="JSON of how to measure; see docs/operating.md.")]
Committee = Annotated[int | None, typer.Option(min=1, help="Who measures; MIRRORBOND_COMMITTEE for a new fund.")]
Arbiter = Annotated[str, typer.Option(help="Who decides challenges and locks; nobody if left out.")]
SlashEpochBps = Annotated[int, typer.Option(help="Most of a stake for one epoch, of 10,000.")]
SlashLifeBps = Annotated[int, typer.Option(help="Most of a stake in all, of 10,000; at most 5,000.")]
AcceptanceFile = Annotated[
    Path | None,
    typer.Option("--acceptance", help="The file that the committee signed: all that it agreed to is read from it."),
]

_FEE_BPS = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """What a committee agrees to besides the owner; `policy` is the text that goes on the chain."""

    token: str
    offer: Offer
    slashing: Slashing
    policy: bytes


def from_options(
    context: Context,
    reward: int | None,
    target: int | None,
    token: str,
    fee_bps: int | None,
    policy: Path | None,
    committee: int | None,
    slashing: Slashing,
    fund: int = 0,
) -> Terms:
    """The terms that the options say; for a change of a fund those left out are as they were announced last.

    Raises: InvalidInput naming the option.
    """
    from oracle.chain.structs import Offer
    from oracle.codec import parse_policy
    from oracle.errors import InvalidInput
    from oracle.model import Policy, canonical

    state = context.funds.fund_of(fund) if fund else None
    offer = _announced(state) if state else Offer(0, 0, _FEE_BPS, context.settings.committee)
    reward_wei = positive("--reward", offer.reward_wei if reward is None else reward, "it is what an epoch pays")
    meaning = "it is how many effective mirrors the reward pays for"
    mirrors = positive("--target", offer.target if target is None else target, meaning)
    fee = offer.fee_bps if fee_bps is None else fee_bps
    if not 0 <= fee <= 10_000:
        raise InvalidInput("--fee-bps", "must be within 0..10000")
    if policy is not None:
        chosen = parse_policy(read_file(policy))
    else:
        chosen = parse_policy(_policy_of(context, fund, state)) if state else Policy()
    asked = Offer(reward_wei, mirrors, fee, committee or offer.committee)
    address = address_of_option("--token", token) if token else context.funds.wrapped_native()
    return Terms(address, asked, slashing, canonical(chosen.to_json()))


def _announced(state: FundState) -> Offer:
    """What a fund offers as soon as all that was announced binds."""
    return state.next_offer if state.changes_at else state.offer


def _policy_of(context: Context, fund: int, state: FundState) -> str:
    """The policy that was announced last, from a store that follows the chain up to now.

    Raises: InvalidInput if the store knows another offer.
    """
    from oracle.chain.structs import Offer
    from oracle.errors import InvalidInput
    from oracle.indexer import index_once
    from oracle.store.ledger import last_offer

    _ = context.committees  # a store is not to follow what is none
    index_once(context.store, context.chain, context.settings)
    known = last_offer(context.store, fund)
    told = Offer(known.reward_wei, known.target, known.fee_bps, known.committee) if known else None
    if known is None or told != _announced(state) or state.changes_at not in (0, known.binds_from):
        raise InvalidInput("--policy", f"a change replaces it too, and that of fund {fund} is not known; name its file")
    return known.policy


def from_acceptance(context: Context, acceptance: Acceptance, owner: str, fund: int = 0) -> Terms:
    """The terms that the committee signed, if they are for this owner, these contracts and this fund, 0 a new one.

    Raises: InvalidInput.
    """
    from oracle.chain.structs import Offer, Slashing
    from oracle.errors import InvalidInput

    check_contracts(context, acceptance)
    if acceptance.owner != owner:
        raise InvalidInput("--acceptance", f"is for a fund of {acceptance.owner}, not of {owner}")
    if acceptance.fund != fund:
        raise InvalidInput("--acceptance", f"is for {_named(acceptance.fund)}, not for {_named(fund)}")
    offer = Offer(acceptance.reward_wei, acceptance.target, acceptance.fee_bps, acceptance.committee)
    slashing = Slashing(acceptance.arbiter, acceptance.slash_epoch_bps, acceptance.slash_life_bps)
    return Terms(acceptance.token, offer, slashing, acceptance.policy.encode())


def _named(fund: int) -> str:
    return f"fund {fund}" if fund else "a new fund"


def slashing_of(arbiter: str, epoch_bps: int, life_bps: int) -> Slashing:
    """Who arbitrates, as the options say. Raises: InvalidInput."""
    from oracle.chain.structs import NO_SLASHING, Slashing
    from oracle.errors import InvalidInput

    if not arbiter:
        if epoch_bps or life_bps:
            raise InvalidInput("--slash-epoch-bps and --slash-life-bps", "need an --arbiter who decides")
        return NO_SLASHING
    if not 0 <= epoch_bps <= life_bps <= 5_000:
        raise InvalidInput("--slash-epoch-bps and --slash-life-bps", "must be 0 <= epoch <= life <= 5000")
    return Slashing(address_of_option("--arbiter", arbiter), epoch_bps, life_bps)


def check_contracts(context: Context, acceptance: Acceptance) -> None:
    """Raises: InvalidInput if the file is for another chain or other contracts than this command works with."""
    from oracle.errors import InvalidInput

    check_place(context, acceptance)
    if acceptance.fund_contract != context.funds.address:
        raise InvalidInput(acceptance.name, "is for another fund contract; check the settings")


def refused(error: TransactionFailed, committee: int) -> NoReturn:
    """Says what to do where the committee's acceptance is missing; raises the error itself otherwise."""
    from oracle.errors import NotAccepted

    if error.error == "NotAccepted":
        raise NotAccepted(committee) from error
    raise error


def positive(name: str, value: int | None, meaning: str) -> int:
    """The value of an option that must be above 0. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    if value is None or value <= 0:
        raise InvalidInput(name, f"must be above 0: {meaning}")
    return value


def address_of_option(name: str, value: str) -> str:
    """The address that an option holds, whatever its case. Raises: InvalidInput."""
    from oracle.digests import checksum_address
    from oracle.errors import InvalidInput

    try:
        return checksum_address(value)
    except ValueError as error:
        raise InvalidInput(name, "is no address; write 0x and 40 hexadecimal digits") from error
