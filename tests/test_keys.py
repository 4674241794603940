"""Keys rest encrypted, are never overwritten, and a wrong password costs one sentence that names the file."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from typer.testing import CliRunner

from oracle.errors import InvalidInput, KeystoreUnreadable, MirrorbondError, WrongPassword
from oracle.keys import address_in, app, create, load, read_password
from oracle.model import Address

KEY = bytes.fromhex("11" * 32)
ADDRESS = Account.from_key(KEY).address
LIGHT = 2
PASSWORD = "correct horse"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    create(tmp_path / "member.json", PASSWORD, KEY, LIGHT)
    return tmp_path / "member.json"


def test_a_keystore_opens_with_its_password(keystore: Path) -> None:
    assert load(keystore, PASSWORD).key == KEY
    assert address_in(keystore) == ADDRESS


def test_a_keystore_is_for_its_owner_only_and_holds_no_plain_key(keystore: Path) -> None:
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    assert KEY.hex() not in keystore.read_text().lower()
    assert json.loads(keystore.read_text())["version"] == 3


def test_a_new_key_is_another_each_time(tmp_path: Path) -> None:
    one, other = (create(tmp_path / name, PASSWORD, iterations=LIGHT) for name in ("a", "b"))
    assert one != other
    assert Address(load(tmp_path / "a", PASSWORD).address) == one


def test_a_wrong_password_is_one_sentence_that_names_the_file(keystore: Path) -> None:
    with pytest.raises(WrongPassword) as caught:
        load(keystore, "mistyped")
    text = str(caught.value)
    assert text.startswith(f"{keystore}: the password does not open this keystore")
    assert "\n" not in text
    assert "mistyped" not in text


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"version": 3}',
        '{"version": 1, "crypto": {}}',
        '{"version": 3, "crypto": 5}',
        '{"version": 3, "crypto": {"kdf": "none"}}',
        '{"version": 3, "address": 5, "crypto": {"kdf": "pbkdf2", "kdfparams": {}}}',
        " " * 70_000 + "{}",
    ],
)
def test_what_is_no_keystore_is_told_apart_from_a_wrong_password(tmp_path: Path, content: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content)
    for read in (lambda: load(file, PASSWORD), lambda: address_in(file)):
        with pytest.raises(KeystoreUnreadable, match="this is no keystore"):
            read()


@pytest.mark.parametrize("part", ["iv", "ciphertext", "mac", "salt"])
def test_a_damaged_keystore_never_yields_another_key(keystore: Path, part: str) -> None:
    content: dict[str, Any] = json.loads(keystore.read_text())
    crypto = content["crypto"]
    holder = {"iv": crypto["cipherparams"], "salt": crypto["kdfparams"]}.get(part, crypto)
    holder[part] = "00" * (len(holder[part]) // 2)
    keystore.write_text(json.dumps(content))
    if part == "iv":  # which the MAC of version 3 does not cover: the address tells
        with pytest.raises(KeystoreUnreadable, match="another address"):
            load(keystore, PASSWORD)
    else:
        with pytest.raises(WrongPassword):
            load(keystore, PASSWORD)


def test_a_missing_keystore_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(KeystoreUnreadable, match="cannot be read") as caught:
            load(place, PASSWORD)
        assert str(place) in str(caught.value)


def test_no_key_is_ever_overwritten(keystore: Path) -> None:
    before = keystore.read_bytes()
    with pytest.raises(InvalidInput, match="never overwritten"):
        create(keystore, PASSWORD, iterations=LIGHT)
    assert keystore.read_bytes() == before


def test_a_keystore_needs_a_password_and_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="password: is empty"):
        create(tmp_path / "a", "", iterations=LIGHT)
    with pytest.raises(InvalidInput, match="cannot be written"):
        create(tmp_path / "file" / "a", PASSWORD, iterations=LIGHT)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("content", "password"), [("secret", "secret"), ("secret\n", "secret"), (" a b \r\nc", " a b ")]
)
def test_the_password_is_the_first_line(tmp_path: Path, content: str, password: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content.encode())
    assert read_password(file) == password


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (b"\nx", "is empty"), (b"\xff", "cannot be read")])
def test_a_password_file_without_a_password_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=problem) as caught:
        read_password(file)
    assert caught.value.name == str(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_password(tmp_path / "gone")


# ---------------------------------------------------------------------------------------------------- command line


def run(*arguments: str | Path, typed: str = "") -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)


def test_new_makes_a_key_and_show_tells_its_address(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file = tmp_path / "keys" / "operator.json"
    made = run("new", file, "--password-file", tmp_path / "password")
    assert made.exit_code == 0
    assert load(file, PASSWORD).address == made.stdout.strip()
    assert run("show", file).stdout == made.stdout


def test_new_asks_twice_for_a_password_that_no_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "operator.json"
    assert run("new", file, typed=f"{PASSWORD}\n{PASSWORD}\n").exit_code == 0
    assert Address(load(file, PASSWORD).address) == address_in(file)


@pytest.mark.parametrize("arguments", [["new", "{keystore}", "--password-file", "{gone}"], ["show", "{gone}"]])
def test_the_commands_raise_what_the_command_line_tells_in_a_sentence(keystore: Path, arguments: list[str]) -> None:
    places = {"keystore": keystore, "gone": keystore.with_name("gone")}
    result = run(*(argument.format(**places) for argument in arguments))
    assert result.exit_code != 0
    assert isinstance(result.exception, MirrorbondError)
    assert os.fspath(places["gone"]) in str(result.exception)
