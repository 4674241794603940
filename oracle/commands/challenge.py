"""`mirrorbond challenge`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from oracle.chain.transactions import Receipt
    from oracle.context import Context

app = typer.Typer(help="Ask a fund's arbiter to void a report for the fund, and decide it.", no_args_is_help=True)

Fund = Annotated[int, typer.Option(min=1, help="The fund.")]
Epoch = Annotated[int, typer.Option(min=0, help="The epoch that was reported.")]
Committee = Annotated[int | None, typer.Option(min=1, help="Who reported it; left out, it is looked up.")]
_MOST_REASON = 2_000


@app.command("raise")
def ask(
    keystore: Keystore,
    fund: Fund,
    epoch: Epoch,
    reason: Annotated[str, typer.Option(help="What is wrong, for the arbiter and everyone else to read.")],
    committee: Committee = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Challenge a report for one fund while its window is open. The bond is lost unless the arbiter agrees."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.settings import settings

    if not reason.strip() or len(reason) > _MOST_REASON:
        raise InvalidInput("--reason", f"say in at most {_MOST_REASON} characters what is wrong")
    account, context = opened(keystore, password_file), Context(settings())
    bond = context.committees.challenge_bond()
    if (balance := context.chain.balance(account.address)) < bond:
        raise InvalidInput("--keystore", f"{account.address} has {balance} wei, a challenge takes a bond of {bond}")
    place = (_reporter(context, fund, epoch, committee), epoch, context.funds.address, fund)
    receipt = context.committees.raise_challenge(account, *place, reason)
    by_s = receipt.event("Challenged")["decidedBy"]
    words = f"challenged epoch {epoch} of fund {fund}: decided by Unix time {by_s}, bond {bond} wei ({receipt.tx_hash})"
    say(as_json, words, fund=fund, epoch=epoch, decided_by=by_s, bond=str(bond), tx=receipt.tx_hash)


@app.command()
def rule(
    keystore: Keystore,
    fund: Fund,
    epoch: Epoch,
    void: Annotated[bool, typer.Option("--void/--stands", help="Void the report for the fund, or let it stand.")],
    committee: Committee = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Decide a challenge, as the fund's arbiter: a voided epoch pays nobody, and the challenger's bond comes back."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    place = (committee or _reporter(context, fund, epoch), epoch, context.funds.address, fund)
    _tell(as_json, fund, epoch, context.committees.rule(account, *place, void))


@app.command()
def conclude(
    keystore: Keystore,
    fund: Fund,
    epoch: Epoch,
    committee: Committee = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """End a challenge that the arbiter did not decide in time: the report stands. Anyone may, and nodes do."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    place = (committee or _reporter(context, fund, epoch), epoch, context.funds.address, fund)
    _tell(as_json, fund, epoch, context.committees.conclude(account, *place))


def _tell(as_json: bool, fund: int, epoch: int, receipt: Receipt) -> None:
    from oracle.chain.structs import RULINGS

    ruling = RULINGS[receipt.event("Ruled")["ruling"]].value
    words = (
        f"epoch {epoch} of fund {fund}: {'voided' if ruling == 'voided' else 'the report stands'} ({receipt.tx_hash})"
    )
    say(as_json, words, fund=fund, epoch=epoch, ruling=ruling, tx=receipt.tx_hash)


def _reporter(context: Context, fund: int, epoch: int, named: int | None = None) -> int:
    """By whose report the fund pays the epoch: of any other committee's a challenge is about nothing.

    Raises: InvalidInput if that is not the one that was named, or the fund pays nothing for the epoch.
    """
    from oracle.errors import InvalidInput

    committee = context.funds.committee_at(fund, epoch)
    if committee is None:
        raise InvalidInput("--epoch", f"{epoch} is none that fund {fund} pays for, so nothing of its report counts")
    if named not in (None, committee):
        raise InvalidInput("--committee", f"fund {fund} pays epoch {epoch} by the report of committee {committee}")
    return committee
