"""`mirrorbond withdraw`."""

from __future__ import annotations

from typing import Annotated

import typer

from oracle.commands.answer import AsJson, say
from oracle.commands.terms import address_of_option


def run(
    mirror: Annotated[int | None, typer.Option(min=1, help="Send this mirror's credit to its payout address.")] = None,
    fees: Annotated[str, typer.Option(metavar="TOKEN", help="Send the committee its fees in this token.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send a credit to its owner: anybody may, and only the owner is paid. The first keystore pays for the gas."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.post import withdraw, withdraw_fee
    from oracle.settings import settings

    if (mirror is None) == (not fees):
        raise InvalidInput("withdraw", "give either --mirror NUMBER or --fees TOKEN")
    context = Context(settings(), keeps_sent=True)
    funds, sender, token = context.funds, context.sender, None
    if mirror is not None:
        amount = withdraw(context.store, funds, sender, mirror)
    else:
        token = address_of_option("--fees", fees)
        amount = withdraw_fee(context.store, funds, sender, context.settings.committee, token)
    words = f"sent {amount}" if amount else "there was nothing to send"
    say(as_json, words, mirror=mirror, token=token, amount=str(amount))
