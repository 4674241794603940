"""`mirrorbond fund`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands import terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say
from oracle.commands.deposit import Fund, top_up
from oracle.commands.files import write_new
from oracle.commands.signing import read_copies

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.chain.structs import Slashing
    from oracle.context import Context

app = typer.Typer(
    help="Open a fund, change it and add to it. Amounts are in the token's smallest unit.", no_args_is_help=True
)


@app.command()
def propose(
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not be there.")],
    owner: Annotated[str, typer.Option(help="Who will open the fund; left out for a change of --fund.")] = "",
    fund: Annotated[int | None, typer.Option(min=1, help="The fund to change, of which owner and token are.")] = None,
    reward: terms.Reward = None,
    target: terms.Target = None,
    token: terms.Token = "",
    fee_bps: terms.FeeBps = None,
    policy: terms.PolicyFile = None,
    committee: terms.Committee = None,
    arbiter: terms.Arbiter = "",
    slash_epoch_bps: terms.SlashEpochBps = 0,
    slash_life_bps: terms.SlashLifeBps = 0,
    days: Annotated[int, typer.Option(min=1, max=365, help="For how long the acceptance shall count.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Write what a committee is asked to agree to: its members sign the file, and then a fund can be opened with it.

    What is left out for a change of --fund stays as it was announced last."""
    from oracle.agreements.acceptance import Acceptance
    from oracle.attest import Domain
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.model import Address, CommitteeId
    from oracle.settings import settings

    if bool(owner) == (fund is not None):
        raise InvalidInput("--owner and --fund", "name either the owner of a new fund or the fund to change")
    slashing = terms.slashing_of(arbiter, slash_epoch_bps, slash_life_bps)
    context = Context(settings())
    if fund is not None:
        if arbiter:
            raise InvalidInput("--arbiter", f"is fixed since fund {fund} was opened; leave it out")
        known, slashing = context.funds.fund_of(fund), context.funds.slashing_of(fund)
        owner, token = known.owner, known.token
    asked = terms.from_options(context, reward, target, token, fee_bps, policy, committee, slashing, fund or 0)
    acceptance = Acceptance(
        domain=Domain(context.chain.chain_id, context.committees.address),
        fund_contract=context.funds.address,
        fund=fund or 0,
        owner=Address(terms.address_of_option("--owner", owner)),
        token=Address(asked.token),
        reward_wei=asked.offer.reward_wei,
        target=asked.offer.target,
        fee_bps=asked.offer.fee_bps,
        committee=CommitteeId(asked.offer.committee),
        arbiter=Address(slashing.arbiter),
        slash_epoch_bps=slashing.epoch_bps,
        slash_life_bps=slashing.life_bps,
        policy=asked.policy.decode(),
        until_s=max(int(time.time()), context.chain.head().timestamp_s) + days * 86_400,
    )
    write_new(out, json.dumps(acceptance.to_json(), indent=1) + "\n")
    words = f"{out}: for the members of committee {acceptance.committee} to sign"
    say(as_json, words, file=str(out), committee=acceptance.committee, terms=acceptance.terms, until=acceptance.until_s)


@app.command()
def create(
    keystore: Keystore,
    name: Annotated[str, typer.Option("--app", help="The application's name.")],
    manifest: Annotated[Path, typer.Option(help="The manifest that `mirrorbond release build` wrote.")],
    acceptance: terms.AcceptanceFile = None,
    reward: terms.Reward = None,
    target: terms.Target = None,
    release_url: Annotated[str, typer.Option(help="Where that manifest is served; the primary if left out.")] = "",
    token: terms.Token = "",
    min_stake: Annotated[int, typer.Option(help="Least stake of a mirror, in wrapped native coin.")] = 0,
    fee_bps: terms.FeeBps = None,
    policy: terms.PolicyFile = None,
    committee: terms.Committee = None,
    arbiter: terms.Arbiter = "",
    slash_epoch_bps: terms.SlashEpochBps = 0,
    slash_life_bps: terms.SlashLifeBps = 0,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a fund for an application, which its committee has accepted, and print its number."""
    from oracle.chain.structs import NewFund
    from oracle.context import Context
    from oracle.errors import InvalidInput, TransactionFailed
    from oracle.release import read_manifest
    from oracle.settings import settings

    if acceptance is None:
        terms.positive("--reward", reward, "it is what an epoch pays")
        terms.positive("--target", target, "it is how many effective mirrors the reward pays for")
    release = read_manifest(manifest)
    if min_stake < 0:
        raise InvalidInput("--min-stake", "must not be negative")
    slashing = terms.slashing_of(arbiter, slash_epoch_bps, slash_life_bps)
    account, context = opened(keystore, password_file), Context(settings())
    agreed = _agreed(context, account, acceptance, reward, target, token, fee_bps, policy, committee, slashing)
    if arbiter and agreed.slashing != slashing:
        raise InvalidInput("--arbiter", "is not what the committee agreed to; leave it and its caps out")
    url = release_url or release.url
    made = NewFund(agreed.token, agreed.offer, min_stake, name, agreed.policy, release.digest, url, agreed.slashing)
    try:
        number, receipt = context.funds.create_fund(account, made)
    except TransactionFailed as error:
        terms.refused(error, agreed.offer.committee)
    say(as_json, f"fund {number} ({receipt.tx_hash})", fund=number, tx=receipt.tx_hash)


@app.command()
def announce(
    keystore: Keystore,
    fund: Fund,
    acceptance: terms.AcceptanceFile = None,
    reward: terms.Reward = None,
    target: terms.Target = None,
    fee_bps: terms.FeeBps = None,
    policy: terms.PolicyFile = None,
    committee: terms.Committee = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Announce other terms of a fund, which the committee has accepted; they bind after the notice."""
    from oracle.context import Context
    from oracle.errors import TransactionFailed
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    token, slashing = context.funds.fund_of(fund).token, context.funds.slashing_of(fund)
    agreed = _agreed(context, account, acceptance, reward, target, token, fee_bps, policy, committee, slashing, fund)
    try:
        receipt = context.funds.announce_change(account, fund, agreed.offer, agreed.policy)
    except TransactionFailed as error:
        terms.refused(error, agreed.offer.committee)
    since = receipt.event("ChangeAnnounced")["bindsFrom"]
    words = f"fund {fund}: the change binds from epoch {since} ({receipt.tx_hash})"
    say(as_json, words, fund=fund, binds_from=since, tx=receipt.tx_hash)


@app.command()
def publish(
    keystore: Keystore,
    fund: Fund,
    manifest: Annotated[Path, typer.Option(help="The manifest that `mirrorbond release build` wrote.")],
    release_url: Annotated[str, typer.Option(help="Where that manifest is served; the primary if left out.")] = "",
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Publish a release, which counts from the next epoch on."""
    from oracle.context import Context
    from oracle.release import read_manifest
    from oracle.settings import settings

    release = read_manifest(manifest)
    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.publish_release(account, fund, release.digest, release_url or release.url)
    since = receipt.event("ReleasePublished")["bindsFrom"]
    words = f"release {release.digest} counts from epoch {since} ({receipt.tx_hash})"
    say(as_json, words, fund=fund, release=release.digest, binds_from=since, tx=receipt.tx_hash)


app.command("top-up")(top_up)


def _agreed(
    context: Context,
    account: LocalAccount,
    acceptance: Path | None,
    reward: int | None,
    target: int | None,
    token: str,
    fee_bps: int | None,
    policy: Path | None,
    committee: int | None,
    slashing: Slashing,
    fund: int = 0,
) -> terms.Terms:
    """The terms from the file that was signed, or from the options."""
    from oracle.agreements.acceptance import read_acceptance

    if acceptance is not None:
        [asked] = read_copies([acceptance], read_acceptance)
        return terms.from_acceptance(context, asked, account.address, fund)
    return terms.from_options(context, reward, target, token, fee_bps, policy, committee, slashing, fund)
