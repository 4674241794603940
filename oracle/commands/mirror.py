"""`mirrorbond mirror`."""

from __future__ import annotations

from typing import Annotated

import typer

from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say
from oracle.commands.terms import address_of_option

app = typer.Typer(help="Register a mirror and take it back.", no_args_is_help=True)

Mirror = Annotated[int, typer.Option(min=1, help="The mirror.")]


@app.command()
def register(
    keystore: Keystore,
    fund: Annotated[int, typer.Option(min=1, help="The fund that pays for it.")],
    url: Annotated[str, typer.Option(help="The mirror's base URL, such as https://mirror.example.")],
    stake: Annotated[int, typer.Option(help="Native coin to stake, in wei.")],
    payout: Annotated[str, typer.Option(help="Address that is paid; the keystore's if left out.")] = "",
    former: Annotated[int, typer.Option(min=0, help="A mirror that has ended, whose position to take over.")] = 0,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Register a mirror: it counts from the next epoch on, once it has been read completely."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.probes.url import parse_url
    from oracle.settings import settings

    base = str(parse_url(url, "--url"))
    account, context = opened(keystore, password_file), Context(settings())
    receiver = address_of_option("--payout", payout) if payout else account.address
    least = context.funds.fund_of(fund).min_stake_wei
    if stake < max(1, least):
        raise InvalidInput("--stake", f"is {stake} wei, fund {fund} asks for at least {max(1, least)}")
    if (balance := context.chain.balance(account.address)) < stake:
        raise InvalidInput("--stake", f"is {stake} wei, but {account.address} has only {balance}")
    mirror, receipt = context.funds.register(account, fund, base, receiver, stake, former, value_wei=stake)
    say(as_json, f"mirror {mirror} ({receipt.tx_hash})", mirror=mirror, fund=fund, tx=receipt.tx_hash)


@app.command("exit")
def leave(keystore: Keystore, mirror: Mirror, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """End a mirror with the present epoch; its stake can be taken back after the unbonding."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.send(account, "exit", mirror)
    end = receipt.event("MirrorExited")["end"]
    say(
        as_json,
        f"mirror {mirror} counts until epoch {end} ({receipt.tx_hash})",
        mirror=mirror,
        end=end,
        tx=receipt.tx_hash,
    )


@app.command()
def remove(keystore: Keystore, mirror: Mirror, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """End a mirror without a sign of life in four reported epochs; its place is free once settled, its stake later."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.remove_dead(account, mirror)
    end = receipt.event("MirrorExited")["end"]
    words = f"mirror {mirror} was removed and counts until epoch {end} ({receipt.tx_hash})"
    say(as_json, words, mirror=mirror, end=end, tx=receipt.tx_hash)


@app.command()
def payout(
    keystore: Keystore,
    mirror: Mirror,
    to: Annotated[str, typer.Option(help="The address that is paid from the next epoch on.")],
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Change where a mirror's credit is sent; what is withdrawn before the next epoch goes to the former address."""
    from oracle.context import Context
    from oracle.settings import settings

    receiver = address_of_option("--to", to)
    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.change_payout(account, mirror, receiver)
    since = receipt.event("PayoutChanged")["bindsFrom"]
    words = f"mirror {mirror} is paid to {receiver} from epoch {since} on ({receipt.tx_hash})"
    say(as_json, words, mirror=mirror, payout=receiver, binds_from=since, tx=receipt.tx_hash)


@app.command()
def release(keystore: Keystore, mirror: Mirror, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Send an ended mirror's stake, but for what is locked, back to its operator after the unbonding; anyone may."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.release_stake(account, mirror)
    amount = receipt.event("StakeReleased")["amount"]
    say(as_json, f"released {amount} wei ({receipt.tx_hash})", mirror=mirror, amount=str(amount), tx=receipt.tx_hash)
