"""`mirrorbond committee`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands import bonds, members, terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say
from oracle.commands.bonds import Number
from oracle.commands.files import rewrite
from oracle.commands.signing import Signer, countersigned, merged, of_quorum, read_copies, signer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.agreements.acceptance import Acceptance
    from oracle.chain.structs import CommitteeConfig
    from oracle.context import Context

app = typer.Typer(help="What members of a committee do besides measuring.", no_args_is_help=True)


@app.command()
def create(
    keystore: Keystore,
    member: Annotated[list[str], typer.Option(help="A member's address; once for each.")],
    quorum: Annotated[int, typer.Option(min=1, help="How many must sign: more than half; of four, three.")],
    fee_recipient: Annotated[str, typer.Option(help="Who is sent the committee's fees.")],
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a committee and print its number. Anyone may: a fund names the committee that it trusts."""
    from oracle.context import Context
    from oracle.settings import settings

    members = [terms.address_of_option("--member", address) for address in member]
    recipient = terms.address_of_option("--fee-recipient", fee_recipient)
    account, context = opened(keystore, password_file), Context(settings())
    number, receipt = context.committees.create_committee(account, members, quorum, recipient)
    words = f"committee {number} ({receipt.tx_hash})"
    say(as_json, words, committee=number, members=members, quorum=quorum, tx=receipt.tx_hash)


# ------------------------------------------------------------------------------------------------- acceptances


@app.command()
def accept(
    files: Annotated[list[Path], typer.Argument(help="What `mirrorbond fund propose` wrote; copies are merged.")],
    keystore: Signer = None,
    post: Annotated[bool, typer.Option("--post", help="Post it, if a quorum has signed.")] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what taking on a fund asks for; with --keystore agree to it, in the first file, with the signatures of its
    copies; with --post post it."""
    from oracle.agreements.acceptance import read_acceptance
    from oracle.codec import parse_policy
    from oracle.context import Context
    from oracle.settings import settings

    copies = read_copies(files, read_acceptance)
    parse_policy(copies[0].policy)  # what this software cannot measure by is not to be agreed to
    context = Context(settings())
    terms.check_contracts(context, copies[0])
    config = context.committees.config_at(copies[0].committee, context.committees.current_epoch())
    asked, tx = merged(copies, config), None
    account = signer(_in_words(asked, config, tx), keystore, password_file, post=post)
    if account is not None:
        asked = countersigned(asked, account, config, post=post)
        rewrite(files[0], asked.to_json())
        tx = _post(context, account, asked, config) if post else None
    facts = _facts(asked) | {"signatures": len(asked.signatures), "quorum": config.quorum, "tx": tx}
    say(as_json, _in_words(asked, config, tx), **facts)


def _post(context: Context, account: LocalAccount, asked: Acceptance, config: CommitteeConfig) -> str:
    """Posts the acceptance with the signatures that count, as many as the quorum needs."""
    needed = of_quorum(asked, config)
    receipt = context.committees.accept(
        account, asked.committee, asked.fund_contract, asked.terms, asked.until_s, needed
    )
    return receipt.tx_hash


def _facts(asked: Acceptance) -> dict[str, Any]:
    return {
        "committee": asked.committee,
        "fund": asked.fund or None,
        "owner": asked.owner,
        "token": asked.token,
        "reward": str(asked.reward_wei),
        "target": asked.target,
        "fee_bps": asked.fee_bps,
        "arbiter": _arbiter(asked),
        "slash_epoch_bps": asked.slash_epoch_bps,
        "slash_life_bps": asked.slash_life_bps,
        "policy": asked.policy,
        "terms": asked.terms,
        "until": asked.until_s,
    }


def _in_words(asked: Acceptance, config: CommitteeConfig, tx: str | None) -> str:
    """All of it in a line; the policy as it is understood, for its text may hide fields behind blanks."""
    from oracle.codec import parse_policy
    from oracle.model import canonical

    state = f"posted ({tx})" if tx else f"signed by {len(asked.signatures)}, the quorum is {config.quorum}"
    pays = f"{asked.reward_wei} of {asked.token} an epoch for {asked.target} effective mirrors"
    whole = f"{pays}, {asked.fee_bps} of 10,000 for the committee, {_judge(asked)}"
    policy = f"policy {canonical(parse_policy(asked.policy).to_json()).decode()}"
    return f"committee {asked.committee} takes on {_which(asked)} of {asked.owner}: {whole}, {policy}: {state}"


def _which(asked: Acceptance) -> str:
    return f"fund {asked.fund}" if asked.fund else "a new fund"


def _judge(asked: Acceptance) -> str:
    """Who may void what the committee reports: an owner's friend may, for free."""
    arbiter = _arbiter(asked)
    if arbiter is None:
        return "no arbiter"
    caps = f"{asked.slash_epoch_bps} of 10,000 of a stake for one epoch, {asked.slash_life_bps} in all"
    return f"arbiter {arbiter}, who may void challenged epochs and burn {caps}"


def _arbiter(asked: Acceptance) -> str | None:
    from oracle.chain.structs import NOBODY

    return None if asked.arbiter == NOBODY else asked.arbiter


# ------------------------------------------------------------------------------------------- members and bonds

app.command("propose")(members.propose)
app.command("change")(members.change)
app.command("bond")(bonds.bond)
app.command("bond-notice")(bonds.notice)
app.command("bond-take")(bonds.take)
app.command("bond-burn")(bonds.burn)


@app.command()
def show(committee: Number = None, as_json: AsJson = False) -> None:
    """Who signs for a committee now, and what each member pledges: under notice a bond counts as none."""
    from oracle.context import Context
    from oracle.settings import settings

    context = Context(settings())
    number, contract = bonds.number(context, committee), context.committees
    config = contract.config_at(number, contract.current_epoch())
    pledged = bonds.pledges(context, number, config.members)
    words = "\n".join(
        [f"committee {number}: {config.quorum} of {len(config.members)} sign"]
        + [f"  {member}: {pledge.words}" for member, pledge in pledged.items()]
    )
    told = {member: pledge.facts for member, pledge in pledged.items()}
    say(as_json, words, committee=number, quorum=config.quorum, fee_recipient=config.fee_recipient, bonds=told)
