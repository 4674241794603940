"""`mirrorbond mirror`."""

from __future__ import annotations

from typing import Annotated

import typer

from oracle.commands.account import Keystore, PasswordFile, opened

app = typer.Typer(help="Register a mirror and take it back.", no_args_is_help=True)


@app.command()
def register(
    keystore: Keystore,
    fund: Annotated[int, typer.Option(min=1, help="The fund that pays for it.")],
    url: Annotated[str, typer.Option(help="The mirror's base URL, such as https://mirror.example.")],
    stake: Annotated[int, typer.Option(help="Native coin to stake, in wei.")],
    payout: Annotated[str, typer.Option(help="Address that is paid; the keystore's if left out.")] = "",
    former: Annotated[int, typer.Option(min=0, help="A mirror that has ended, whose position to take over.")] = 0,
    password_file: PasswordFile = None,
) -> None:
    """Register a mirror: it counts from the next epoch on, once it has been read completely."""
    from oracle.context import Context
    from oracle.digests import checksum_address
    from oracle.errors import InvalidInput
    from oracle.probes.url import parse_url
    from oracle.settings import settings

    base = str(parse_url(url, "--url"))
    account, context = opened(keystore, password_file), Context(settings())
    try:
        receiver = checksum_address(payout) if payout else account.address
    except ValueError as error:
        raise InvalidInput("--payout", "is no address; write 0x and 40 hexadecimal digits") from error
    least = context.funds.fund_of(fund).min_stake_wei
    if stake < max(1, least):
        raise InvalidInput("--stake", f"is {stake} wei, fund {fund} asks for at least {max(1, least)}")
    if (balance := context.chain.balance(account.address)) < stake:
        raise InvalidInput("--stake", f"is {stake} wei, but {account.address} has only {balance}")
    mirror, receipt = context.funds.register(account, fund, base, receiver, stake, former, value_wei=stake)
    typer.echo(f"mirror {mirror} ({receipt.tx_hash})")


@app.command("exit")
def leave(
    keystore: Keystore,
    mirror: Annotated[int, typer.Option(min=1, help="The mirror.")],
    password_file: PasswordFile = None,
) -> None:
    """End a mirror with the present epoch; its stake can be taken back after the unbonding."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.send(account, "exit", mirror)
    typer.echo(f"mirror {mirror} counts until epoch {receipt.event('MirrorExited')['end']} ({receipt.tx_hash})")
