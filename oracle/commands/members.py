"""`mirrorbond committee propose` and `change`: the members of today agree on those to come, by a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands import bonds, terms
from oracle.commands.account import PasswordFile
from oracle.commands.answer import AsJson, say
from oracle.commands.files import rewrite, write_new
from oracle.commands.signing import Signer, check_place, countersigned, merged, of_quorum, read_copies, signer

if TYPE_CHECKING:
    from oracle.agreements.handover import Handover
    from oracle.context import Context


def propose(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    member: Annotated[list[str], typer.Option(help="The address of a member to come; once for each.")],
    quorum: Annotated[int, typer.Option(min=1, help="How many must sign then: more than half; of four, three.")],
    fee_recipient: Annotated[str, typer.Option(help="Who is sent the fees; as now if left out.")] = "",
    days: Annotated[int, typer.Option(min=1, help="How many days the signatures count.")] = 30,
    committee: bonds.Number = None,
    as_json: AsJson = False,
) -> None:
    """Write whom the members of a committee are asked to hand it over to: a quorum of them signs the file."""
    from oracle.agreements.handover import Handover, read_handover
    from oracle.attest import Domain
    from oracle.chain.committee import in_order
    from oracle.context import Context
    from oracle.model import Address, CommitteeId
    from oracle.settings import settings

    members = [terms.address_of_option("--member", address) for address in member]
    recipient = terms.address_of_option("--fee-recipient", fee_recipient) if fee_recipient else ""
    context = Context(settings())
    number, contract = bonds.number(context, committee), context.committees
    asked = Handover(
        domain=Domain(context.chain.chain_id, contract.address),
        committee=CommitteeId(number),
        version=contract.versions(number) + 1,
        members=tuple(map(Address, in_order(members))),
        quorum=quorum,
        fee_recipient=Address(recipient or contract.config_at(number, contract.current_epoch()).fee_recipient),
        until_s=max(int(time.time()), context.chain.head().timestamp_s) + days * 86_400,
    )
    content = json.dumps(asked.to_json(), indent=1) + "\n"
    read_handover(content.encode())
    write_new(out, content)
    say(as_json, f"{out}: for the members of committee {number} to sign", file=str(out), **_facts(asked))


def change(
    files: Annotated[list[Path], typer.Argument(help="What `mirrorbond committee propose` wrote; copies are merged.")],
    keystore: Signer = None,
    post: Annotated[bool, typer.Option("--post", help="Post it, if a quorum has signed.")] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a change of members asks for; with --keystore agree to it, in the first file, with the signatures of
    its copies; with --post post it."""
    from oracle.agreements.handover import read_handover
    from oracle.context import Context
    from oracle.settings import settings

    copies = read_copies(files, read_handover)
    context = Context(settings())
    contract = context.committees
    _check(context, copies[0])
    config = contract.config_at(copies[0].committee, contract.current_epoch())
    asked, tx, since = merged(copies, config), None, None
    account = signer(_in_words(asked), keystore, password_file, post=post)
    if account is not None:
        asked = countersigned(asked, account, config, post=post)
        rewrite(files[0], asked.to_json())
    if account is not None and post:
        who = (asked.members, asked.quorum, asked.fee_recipient, asked.until_s)
        receipt = contract.change_members(account, asked.committee, *who, of_quorum(asked, config))
        tx, since = receipt.tx_hash, receipt.event("CommitteeConfigured")["since"]
    have = len(asked.signatures)
    state = f"from epoch {since} on ({tx})" if tx else f"signed by {have}, the quorum is {config.quorum}"
    facts = _facts(asked) | {"signatures": have, "needed": config.quorum, "binds_from": since, "tx": tx}
    say(as_json, f"{_in_words(asked)}: {state}", **facts)


def _check(context: Context, asked: Handover) -> None:
    """Raises: InvalidInput if the file is for another place, or the members have changed since."""
    from oracle.errors import InvalidInput

    check_place(context, asked)
    if asked.version != context.committees.versions(asked.committee) + 1:
        raise InvalidInput("handover.version", "the members have changed since it was made; make a new one")


def _facts(asked: Handover) -> dict[str, Any]:
    return {
        "committee": asked.committee,
        "version": asked.version,
        "members": list(asked.members),
        "quorum": asked.quorum,
        "fee_recipient": asked.fee_recipient,
        "until": asked.until_s,
    }


def _in_words(asked: Handover) -> str:
    who = f"{asked.quorum} of {', '.join(asked.members)} sign"
    return f"committee {asked.committee}: {who}, {asked.fee_recipient} is sent the fees"
