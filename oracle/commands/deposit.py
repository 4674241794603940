"""`mirrorbond fund top-up` and `mirrorbond deposit`: money comes in and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands import terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.chain.contracts import Token
    from oracle.chain.transactions import Receipt
    from oracle.context import Context

app = typer.Typer(help="Take back what of a deposit is not spent: notice, depart, collect.", no_args_is_help=True)

Fund = Annotated[int, typer.Option(min=1, help="The fund.")]
Deposit = Annotated[int, typer.Option(min=1, help="The deposit.")]
_PERMIT_S = 3_600


def top_up(
    keystore: Keystore,
    fund: Fund,
    amount: Annotated[int, typer.Option(help="How much to add.")],
    permit: Annotated[
        bool, typer.Option("--permit", help="Sign a permit instead of an approval: one transaction (EIP-2612).")
    ] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Add to any fund: the part of yours that is not spent stays yours."""
    from oracle.context import Context
    from oracle.settings import settings

    terms.positive("--amount", amount, "it is what you add to the fund")
    account, context = opened(keystore, password_file), Context(settings())
    deposit, receipt = _add(context, account, fund, amount, permit)
    say(as_json, f"deposit {deposit} ({receipt.tx_hash})", deposit=deposit, fund=fund, tx=receipt.tx_hash)


def _add(context: Context, account: LocalAccount, fund: int, amount: int, permit: bool) -> tuple[int, Receipt]:
    """A fund in wrapped native coin takes native coin; any other token a permit, or has to be approved first."""
    from oracle.chain.contracts import Token
    from oracle.errors import InvalidInput

    token = context.funds.fund_of(fund).token
    if token == context.funds.wrapped_native():
        if permit:
            raise InvalidInput("--permit", f"fund {fund} takes native coin, which needs none; leave it out")
        return context.funds.top_up(account, fund, amount, value_wei=amount)
    contract = Token(context.chain, token)
    if (balance := contract.balance(account.address)) < amount:
        raise InvalidInput("--amount", f"is {amount}, but {account.address} has only {balance} of {token}")
    if permit:
        return _add_by_permit(context, account, contract, fund, amount)
    contract.allow(account, context.funds.address, amount)
    return context.funds.top_up(account, fund, amount)


def _add_by_permit(
    context: Context, account: LocalAccount, token: Token, fund: int, amount: int
) -> tuple[int, Receipt]:
    from oracle.chain.permit import sign_permit

    deadline_s = context.chain.head().timestamp_s + _PERMIT_S
    permit = sign_permit(token, account, context.funds.address, amount, deadline_s)
    return context.funds.top_up_with_permit(account, fund, amount, permit)


@app.command()
def notice(keystore: Keystore, deposit: Deposit, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Announce that a deposit of yours will leave: possible after the notice, for as many epochs."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.give_notice(account, deposit)
    ready = receipt.event("NoticeGiven")["ready"]
    last = ready + context.funds.terms().deposit_notice - 1
    words = f"deposit {deposit} may depart in epochs {ready} to {last} ({receipt.tx_hash})"
    say(as_json, words, deposit=deposit, ready=ready, last=last, tx=receipt.tx_hash)


@app.command()
def depart(keystore: Keystore, deposit: Deposit, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Take a deposit of yours out from the next epoch on; it can be collected when all before is settled."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.depart(account, deposit)
    since = receipt.event("Departed")["bindsFrom"]
    words = f"deposit {deposit} pays for nothing from epoch {since} on ({receipt.tx_hash})"
    say(as_json, words, deposit=deposit, binds_from=since, tx=receipt.tx_hash)


@app.command()
def collect(keystore: Keystore, deposit: Deposit, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Send a deposit that has left what it is worth, to its holder; anyone may."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.collect(account, deposit)
    amount = receipt.event("Collected")["amount"]
    say(as_json, f"sent {amount} ({receipt.tx_hash})", deposit=deposit, amount=str(amount), tx=receipt.tx_hash)
