"""Agreements that go round the members of a committee: read with the signatures of all copies, signed, and posted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from oracle.commands.account import opened
from oracle.commands.files import read_file

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracle.agreements.agreement import Agreement
    from oracle.chain.structs import CommitteeConfig
    from oracle.context import Context

Asked = TypeVar("Asked", bound="Agreement")
Signer = Annotated[
    Path | None,
    typer.Option("--keystore", help="Keystore file of the account that signs and pays; left out, it is only shown."),
]


def read_copies(files: Sequence[Path], read: Callable[[bytes], Asked]) -> list[Asked]:
    """What the files hold. Raises: InvalidInput naming the field."""
    from oracle.agreements.agreement import MOST_BYTES

    return [read(read_file(file, MOST_BYTES)) for file in files]


def merged(copies: Sequence[Asked], config: CommitteeConfig) -> Asked:
    """The first with the signatures of all, as far as they count: junk in a copy takes the place of none.

    Raises: InvalidInput if one asks for something else.
    """
    asked, *others = (copy.counted(config.digest, config.members) for copy in copies)
    for other in others:
        asked = asked.joined(other)
    return asked


def check_place(context: Context, asked: Agreement) -> None:
    """Raises: InvalidInput if the file is for another chain or other contracts than this command works with."""
    from oracle.errors import InvalidInput

    if (asked.domain.chain_id, asked.domain.contract) != (context.chain.chain_id, context.committees.address):
        raise InvalidInput(asked.name, "is for another chain or other contracts; check the settings")


def signer(words: str, keystore: Path | None, password_file: Path | None, *, post: bool) -> LocalAccount | None:
    """Who signs, after the words that say what is asked: they stand on standard error when the password is asked for.

    None if it is only to be shown. Raises: InvalidInput; KeystoreUnreadable; WrongPassword.
    """
    from oracle.errors import InvalidInput

    if keystore is None:
        if post:
            raise InvalidInput("--post", "needs a --keystore, of the account that pays for it")
        return None
    typer.echo(words, err=True)
    return opened(keystore, password_file)


def countersigned(asked: Asked, account: LocalAccount, config: CommitteeConfig, *, post: bool) -> Asked:
    """The same with the account's signature; who is no member may only post it. Raises: InvalidInput."""
    from oracle.errors import InvalidInput
    from oracle.model import Address

    if Address(account.address) in config.members:
        return asked.signed(account, config.digest)
    if not post:
        raise InvalidInput("--keystore", f"{account.address} is no member of committee {asked.committee}")
    return asked


def of_quorum(asked: Agreement, config: CommitteeConfig) -> dict[int, bytes]:
    """As many of the signatures as the quorum needs, by index of the members.

    Raises: InvalidInput if they are too few.
    """
    from oracle.errors import InvalidInput

    valid = asked.valid(config.digest, config.members)
    if len(valid) < config.quorum:
        raise InvalidInput("--post", f"{len(valid)} members have signed, the quorum is {config.quorum}")
    signed = {
        index: bytes.fromhex(valid[member].removeprefix("0x"))
        for index, member in enumerate(config.members)
        if member in valid
    }
    return dict(list(signed.items())[: config.quorum])
