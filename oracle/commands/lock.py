"""`mirrorbond lock`."""

from __future__ import annotations

from typing import Annotated

import typer

from oracle.commands.account import Keystore, PasswordFile, opened
from oracle.commands.answer import AsJson, say

app = typer.Typer(help="Answer a lock on a mirror's stake, and decide it.", no_args_is_help=True)

Mirror = Annotated[int, typer.Option(min=1, help="The mirror.")]
Epoch = Annotated[int, typer.Option(min=0, help="The epoch for which it was locked.")]
_MOST_ANSWER = 2_000


@app.command()
def answer(
    keystore: Keystore,
    mirror: Mirror,
    epoch: Epoch,
    text: Annotated[str, typer.Option(help="Your answer, for the arbiter and everyone else to read.")],
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer a lock, as the mirror's operator, while it is locked."""
    from oracle.context import Context
    from oracle.errors import InvalidInput
    from oracle.settings import settings

    if not text.strip() or len(text) > _MOST_ANSWER:
        raise InvalidInput("--text", f"answer in at most {_MOST_ANSWER} characters")
    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.answer_lock(account, mirror, epoch, text)
    say(
        as_json,
        f"answered for mirror {mirror}, epoch {epoch} ({receipt.tx_hash})",
        mirror=mirror,
        epoch=epoch,
        tx=receipt.tx_hash,
    )


@app.command()
def resolve(
    keystore: Keystore,
    mirror: Mirror,
    epoch: Epoch,
    burn: Annotated[bool, typer.Option("--burn/--release", help="Burn what is locked, or release it.")],
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Decide a lock, as the fund's arbiter; when its time is over anyone may release it, and nodes do by themselves."""
    from oracle.context import Context
    from oracle.settings import settings

    account, context = opened(keystore, password_file), Context(settings())
    receipt = context.funds.resolve_lock(account, mirror, epoch, burn)
    amount, done = receipt.event("LockResolved")["amount"], "burned" if burn else "released"
    words = f"{done} {amount} wei of mirror {mirror}'s stake ({receipt.tx_hash})"
    say(as_json, words, mirror=mirror, epoch=epoch, state=done, amount=str(amount), tx=receipt.tx_hash)
