"""`mirrorbond endowment`: principal lent to a vault, whose yield goes to a fund."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oracle.commands import terms
from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.chain.endowment import Holding, Vault
    from oracle.context import Context

app = typer.Typer(help="Lend principal to a vault whose yield goes to a fund.", no_args_is_help=True)

Endowment = Annotated[int, typer.Option(min=1, help="The endowment.")]
_HOUR_S = 3_600
_TOLERATED = 1_000
"""A thousandth less than the vault says is taken, unless an option says otherwise: its price moves all the time."""


@app.command()
def deploy(
    keystore: Keystore,
    notice_hours: Annotated[
        int, typer.Option(min=1, max=8_760, help="How long a notice takes; fixed for good, for all its endowments.")
    ] = 720,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the contract that holds endowments. It has no owner: one serves everybody who is content with its notice."""
    from oracle.chain.endowment import deploy_endowment
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    address, receipt = deploy_endowment(context.chain, account, context.funds.address, notice_hours * _HOUR_S)
    words = f"set MIRRORBOND_ENDOWMENT_CONTRACT to {address} ({receipt.tx_hash})"
    say(as_json, words, address=address, notice_s=notice_hours * _HOUR_S, tx=receipt.tx_hash)


@app.command("open")
def endow(
    keystore: Keystore,
    fund: Annotated[int, typer.Option(min=1, help="The fund that gets the yield.")],
    vault: Annotated[
        str, typer.Option(help="The ERC-4626 vault, of the fund's token. You alone answer for the choice.")
    ],
    amount: Annotated[int, typer.Option(help="The principal, in the fund's token.")],
    least_shares: Annotated[
        int | None,
        typer.Option(min=0, help="Fewer shares are refused; a thousandth less than the vault says if left out."),
    ] = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Lock principal in a vault of your choice: the yield is the fund's for good, the principal stays yours."""
    from oracle.chain.endowment import Vault
    from oracle.context import Context
    from oracle.settings import settings

    terms.positive("--amount", amount, "it is what the vault gets")
    address = terms.address_of_option("--vault", vault)
    account, context = opened(keystore, password_file), Context(settings())
    contract, chosen = context.endowments, Vault(context.chain, address)
    token = _token_for(context, chosen, fund)
    least = _less_a_little(chosen.shares_for(amount)) if least_shares is None else least_shares
    _have(context, account, token, amount)
    number, shares, receipt = contract.endow(account, address, fund, amount, least)
    words = f"endowment {number}: {amount} in {shares} shares of {address} for fund {fund} ({receipt.tx_hash})"
    say(as_json, words, endowment=number, fund=fund, shares=str(shares), tx=receipt.tx_hash)


def _token_for(context: Context, vault: Vault, fund: int) -> str:
    """The fund's token, if the vault takes it. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    token, asset = context.funds.fund_of(fund).token, vault.asset()
    if asset != token:
        raise InvalidInput("--vault", f"takes {asset}, but fund {fund} pays in {token}")
    return token


def _have(context: Context, account: LocalAccount, token: str, amount: int) -> None:
    """Lets the contract take the amount; of a fund in wrapped native coin, what is missing is wrapped first.

    Raises: InvalidInput if there is too little.
    """
    from oracle.chain.contracts import Token, WrappedNative
    from oracle.errors import InvalidInput

    contract = Token(context.chain, token)
    missing = amount - contract.balance(account.address)
    if missing > 0 and token == context.funds.wrapped_native() and context.chain.balance(account.address) > missing:
        WrappedNative(context.chain, token).wrap(account, missing)
    elif missing > 0:
        raise InvalidInput("--amount", f"is {amount}, but {account.address} has only {amount - missing} of {token}")
    contract.allow(account, context.endowments.address, amount)


@app.command()
def show(endowment: Endowment, as_json: AsJson = False) -> None:
    """Say whose an endowment is, what it is worth, what a harvest would give, and when the principal may leave."""
    from oracle.chain.endowment import Vault
    from oracle.context import Context
    from oracle.settings import settings

    contract = (context := Context(settings())).endowments
    held = contract.holding(endowment)
    worth, yields = Vault(context.chain, held.vault).worth(held.shares), _yield_of(context, endowment)
    state = _state(held, contract.notice_s(), context.chain.head().timestamp_s)
    words = [
        f"endowment {endowment}: a principal of {held.principal} for fund {held.fund}, of {held.holder}",
        f"{held.shares} shares of the vault {held.vault}, worth " + _told(worth),
        "a harvest would give the fund " + _told(yields),
        state["words"],
    ]
    facts = {"holder": held.holder, "fund": held.fund, "vault": held.vault, "token": held.token}
    amounts = {"principal": held.principal, "shares": held.shares, "worth": worth, "yield": yields}
    as_text = {name: None if amount is None else str(amount) for name, amount in amounts.items()}
    times = {name: state[name] for name in ("ready_s", "until_s", "notice_s")}
    say(as_json, "\n".join(words), endowment=endowment, **facts, **as_text, **times)


def _yield_of(context: Context, endowment: int) -> int | None:
    """What a harvest would send to the fund now; None where the vault does not answer or pay."""
    from oracle.chain.structs import NOBODY
    from oracle.errors import TransactionFailed

    try:
        return context.endowments.would_pay("harvest", endowment, caller=NOBODY)
    except TransactionFailed as error:
        return 0 if error.error == "NothingToHarvest" else None


def _told(amount: int | None) -> str:
    return "what the vault does not say now" if amount is None else str(amount)


def _state(held: Holding, notice_s: int, now_s: int) -> dict[str, Any]:
    """When the principal may leave, in words and as Unix times; a notice that has lapsed is none."""
    until_s = held.ready_s + notice_s
    given = held.principal > 0 and held.ready_s > 0 and now_s < until_s
    if held.principal == 0:
        words = "the principal has left"
    elif given:
        words = f"the principal may leave from {_when(held.ready_s)} on, before {_when(until_s)}"
    else:
        words = f"no notice stands; one takes {notice_s / _HOUR_S:g} hours, and holds as long"
    times = {"ready_s": held.ready_s if given else None, "until_s": until_s if given else None}
    return {"words": words, "notice_s": notice_s, **times}


def _when(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


@app.command()
def harvest(
    keystore: Keystore, endowment: Endowment, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Send what an endowment has earned to its fund; anyone may."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    amount, deposit, receipt = context.endowments.harvest(account, endowment)
    words = f"{amount} went to the fund, as deposit {deposit} ({receipt.tx_hash})"
    say(as_json, words, endowment=endowment, amount=str(amount), deposit=deposit, tx=receipt.tx_hash)


@app.command()
def notice(
    keystore: Keystore, endowment: Endowment, password_file: PasswordFile = None, as_json: AsJson = False
) -> None:
    """Announce that a principal of yours will leave: possible after the notice, for as long again."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    ready_s, receipt = context.endowments.give_notice(account, endowment)
    until_s = ready_s + context.endowments.notice_s()
    words = f"endowment {endowment} may depart from {_when(ready_s)} on, before {_when(until_s)} ({receipt.tx_hash})"
    say(as_json, words, endowment=endowment, ready_s=ready_s, until_s=until_s, tx=receipt.tx_hash)


@app.command()
def depart(
    keystore: Keystore,
    endowment: Endowment,
    least: Annotated[
        int | None, typer.Option(min=0, help="Refuse less; the whole principal if left out, of shares what is due now.")
    ] = None,
    in_kind: Annotated[bool, typer.Option("--in-kind", help="Take shares of the vault, if it does not pay.")] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a principal of yours back, in the time after its notice."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    depart_by = _take_shares if in_kind else _take_money
    say(as_json, **depart_by(context, account, endowment, least))


def _take_money(context: Context, account: LocalAccount, endowment: int, least: int | None) -> dict[str, Any]:
    """Raises: InvalidInput if the vault would pay less than the least."""
    from oracle.errors import InvalidInput

    contract = context.endowments
    asked = contract.holding(endowment).principal if least is None else least
    pays = contract.would_pay("depart", endowment, 0, caller=account.address)
    if pays < asked:
        words = f"the vault would pay {pays} of {asked} now; give what you are content with, or --in-kind, or wait"
        raise InvalidInput("--least", words)
    amount, receipt = contract.depart(account, endowment, asked)
    words = f"endowment {endowment} has left: {amount} came back ({receipt.tx_hash})"
    return {"words": words, "endowment": endowment, "amount": str(amount), "tx": receipt.tx_hash}


def _take_shares(context: Context, account: LocalAccount, endowment: int, least: int | None) -> dict[str, Any]:
    contract = context.endowments
    if least is None:
        least = _less_a_little(contract.would_pay("departInKind", endowment, 0, caller=account.address))
    shares, receipt = contract.depart_in_kind(account, endowment, least)
    vault = contract.holding(endowment).vault
    words = f"endowment {endowment} has left: {shares} shares of {vault} are yours ({receipt.tx_hash})"
    return {"words": words, "endowment": endowment, "shares": str(shares), "vault": vault, "tx": receipt.tx_hash}


def _less_a_little(amount: int) -> int:
    return amount - amount // _TOLERATED
