"""`mirrorbond fund`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oracle.commands.account import Keystore, PasswordFile, opened

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.context import Context

app = typer.Typer(help="Open a fund and add to it. Amounts are in the token's smallest unit.", no_args_is_help=True)


@app.command()
def create(
    keystore: Keystore,
    name: Annotated[str, typer.Option("--app", help="The application's name.")],
    reward: Annotated[int, typer.Option(help="What an epoch pays at most.")],
    target: Annotated[int, typer.Option(help="For how many effective mirrors it pays that.")],
    manifest: Annotated[Path, typer.Option(help="The manifest that `mirrorbond release build` wrote.")],
    release_url: Annotated[str, typer.Option(help="Where that manifest is served; the primary if left out.")] = "",
    token: Annotated[str, typer.Option(help="The token's address; wrapped native coin if left out.")] = "",
    min_stake: Annotated[int, typer.Option(help="Least stake of a mirror, in wrapped native coin.")] = 0,
    fee_bps: Annotated[int, typer.Option(help="The committee's part of the reward, of 10,000.")] = 500,
    policy: Annotated[Path | None, typer.Option(help="JSON of how to measure; see docs/operating.md.")] = None,
    committee: Annotated[
        int | None, typer.Option(min=1, help="Who measures; MIRRORBOND_COMMITTEE if left out.")
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Open a fund for an application and print its number."""
    from oracle.chain.structs import NewFund, Offer
    from oracle.codec import parse_policy
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.model import Policy, canonical
    from oracle.release import read_manifest
    from oracle.settings import settings

    _positive("--reward", reward, "it is what an epoch pays")
    _positive("--target", target, "it is how many effective mirrors the reward pays for")
    release = read_manifest(manifest)
    terms = parse_policy(_read(policy)) if policy else Policy()
    account, context = opened(keystore, password_file), Context(settings())
    if min_stake < 0 or not 0 <= fee_bps <= 10_000:
        raise InvalidInput("--min-stake and --fee-bps", "must not be negative, and the fee at most 10000")
    offer = Offer(reward, target, fee_bps, committee or context.settings.committee)
    made = NewFund(
        token or context.funds.wrapped_native(),
        offer,
        min_stake,
        name,
        canonical(terms.to_json()),
        release.digest,
        release_url or release.url,
    )
    number, receipt = context.funds.create_fund(account, made)
    typer.echo(f"fund {number} ({receipt.tx_hash})")


@app.command("top-up")
def top_up(
    keystore: Keystore,
    fund: Annotated[int, typer.Option(min=1, help="The fund.")],
    amount: Annotated[int, typer.Option(help="How much to add.")],
    password_file: PasswordFile = None,
) -> None:
    """Add to any fund: the part of yours that is not spent stays yours."""
    from oracle.context import Context
    from oracle.settings import settings

    _positive("--amount", amount, "it is what you add to the fund")
    account, context = opened(keystore, password_file), Context(settings())
    deposit, tx_hash = _add(context, account, fund, amount)
    typer.echo(f"deposit {deposit} ({tx_hash})")


def _add(context: Context, account: LocalAccount, fund: int, amount: int) -> tuple[int, str]:
    """A fund in wrapped native coin takes native coin; any other token has to be approved first."""
    from oracle.chain.contracts import Token
    from oracle.errors import InvalidInput

    token = context.funds.fund_of(fund).token
    if token == context.funds.wrapped_native():
        deposit, receipt = context.funds.top_up(account, fund, amount, value_wei=amount)
        return deposit, receipt.tx_hash
    contract = Token(context.chain, token)
    if (balance := contract.balance(account.address)) < amount:
        raise InvalidInput("--amount", f"is {amount}, but {account.address} has only {balance} of {token}")
    contract.approve(account, context.funds.address, amount)
    deposit, receipt = context.funds.top_up(account, fund, amount)
    return deposit, receipt.tx_hash


def _positive(name: str, value: int, meaning: str) -> None:
    from oracle.errors import InvalidInput

    if value <= 0:
        raise InvalidInput(name, f"must be above 0: {meaning}")


def _read(path: Path) -> bytes:
    from oracle.errors import InvalidInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be read: {error.strerror}") from error
