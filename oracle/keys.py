"""Keys rest in encrypted keystore files (web3 secret storage, version 3) and come from nowhere else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from eth_account import Account
from eth_account.signers.local import LocalAccount

from oracle.digests import checksum_address
from oracle.errors import InvalidInput, KeystoreUnreadable, WrongPassword
from oracle.model import Address

_MOST_BYTES = 64 * 1024

app = typer.Typer(help="Encrypted keystore files of operators and oracle members.", no_args_is_help=True)


def load(file: Path, password: str) -> LocalAccount:
    """The account in a keystore file.

    Raises: KeystoreUnreadable; WrongPassword. Both name the file.
    """
    content = _read(file)
    try:
        key = Account.decrypt(content, password)
    except ValueError as error:
        if "MAC mismatch" not in str(error):
            raise _no_keystore(file) from error
        raise WrongPassword(f"{file}: the password does not open this keystore; check the password file") from error
    except (TypeError, KeyError, AttributeError, NotImplementedError, OverflowError, MemoryError) as error:
        raise _no_keystore(file) from error
    account = _account(key)
    if "address" in content and address_in(file) != Address(account.address):  # the MAC of version 3 leaves out the IV
        raise KeystoreUnreadable(f"{file}: this keystore is damaged: it opens to another address than it names")
    return account


def create(file: Path, password: str, key: bytes | None = None, iterations: int | None = None) -> Address:
    """Write a keystore that only its owner may read, with a new key unless one is given; return its address.

    `iterations` is the cost of opening it: leave it out but in tests.

    Raises: InvalidInput for an empty password, or a file that is already there: no key is ever overwritten.
    """
    if not password:
        raise InvalidInput("password", "is empty; a keystore needs one")
    account = _account(key) if key else Account.create()
    content = json.dumps(Account.encrypt(account.key, password, iterations=iterations))
    if file.exists():
        raise InvalidInput(str(file), "is already there; keys are never overwritten")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as opened:
        opened.write(content)
    return Address(account.address)


def address_in(file: Path) -> Address:
    """The address that a keystore claims to hold, which needs no password.

    Raises: KeystoreUnreadable naming the file.
    """
    try:
        return checksum_address("0x" + str(_read(file)["address"]).removeprefix("0x"))
    except (KeyError, ValueError) as error:
        raise _no_keystore(file) from error


def read_password(file: Path) -> str:
    """The first line of a password file.

    Raises: InvalidInput if it cannot be read or is empty.
    """
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(str(file), "this password file cannot be read as text") from error
    if not lines or not lines[0]:
        raise InvalidInput(str(file), "the first line of the password file is empty")
    return lines[0]


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = json.loads(opened.read(_MOST_BYTES))
    except OSError as error:
        raise KeystoreUnreadable(f"{file}: this keystore cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _no_keystore(file) from error
    if not isinstance(content, dict):
        raise _no_keystore(file)
    return content


def _no_keystore(file: Path) -> KeystoreUnreadable:
    return KeystoreUnreadable(f"{file}: this is no keystore of version 3; make one by `mirrorbond keys new`")


def _account(key: bytes) -> LocalAccount:
    account: LocalAccount = Account.from_key(key)
    return account


_File = Annotated[Path, typer.Argument(help="The keystore file.")]
_PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="File whose first line is the password; asked for if left out.")
]


@app.command()
def new(file: _File, password_file: _PasswordFile = None) -> None:
    """Make a new key, encrypt it into FILE and print its address."""
    if password_file is not None:
        password = read_password(password_file)
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    typer.echo(create(file, password))


@app.command()
def show(file: _File) -> None:
    """Print the address of a keystore."""
    typer.echo(address_in(file))
