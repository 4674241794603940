"""The account that a command acts for: a keystore file, whose password is in a file or asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Keystore = Annotated[Path, typer.Option(help="Keystore file of the account that signs and pays.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="File whose first line is the password; asked for if left out.")
]


def opened(keystore: Path, password_file: Path | None) -> LocalAccount:
    """The account in the keystore.

    Raises: KeystoreUnreadable; WrongPassword.
    """
    from oracle.keys import load, read_password

    password = read_password(password_file) if password_file else typer.prompt("Password", hide_input=True, err=True)
    return load(keystore, password)
