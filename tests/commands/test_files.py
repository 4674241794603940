"""Files that people name: whole or not at all, and never another's."""

from pathlib import Path

import pytest

from oracle.commands.files import read_file, rewrite, write_new
from oracle.errors import InvalidInput


def test_a_file_that_is_too_long_or_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "asked.json"
    with pytest.raises(InvalidInput, match="No such file") as refused:
        read_file(file)
    assert refused.value.name == str(file)
    file.write_bytes(b"12345")
    assert read_file(file, 5) == b"12345"
    with pytest.raises(InvalidInput, match="more than 4 bytes"):
        read_file(file, 4)


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    file = tmp_path / "asked.json"
    write_new(file, "mine\n")
    with pytest.raises(InvalidInput, match="already there"):
        write_new(file, "another's\n")
    assert file.read_text() == "mine\n"
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_new(file / "below", "x")


def test_a_file_is_rewritten_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "asked.json"
    rewrite(file, {"signatures": 1})
    assert file.read_text() == '{\n "signatures": 1\n}\n'
    file.with_name("asked.json.new").mkdir()
    with pytest.raises(InvalidInput, match="cannot be written"):
        rewrite(file, {"signatures": 2})
    assert file.read_text() == '{\n "signatures": 1\n}\n'
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["asked.json"]
