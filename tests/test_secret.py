"""The node's secret is random, private, and stays."""

import os
import stat
from pathlib import Path

import pytest

from oracle.errors import InvalidInput
from oracle.secret import developer_key, node_secret


@pytest.fixture(autouse=True)
def forget() -> None:
    node_secret.cache_clear()


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    secret = node_secret(tmp_path / "home")
    file = tmp_path / "home" / "secret"
    assert len(secret) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    node_secret.cache_clear()
    assert node_secret(tmp_path / "home") == secret == file.read_bytes()


def test_two_homes_have_two_secrets(tmp_path: Path) -> None:
    assert node_secret(tmp_path / "a") != node_secret(tmp_path / "b")


def test_processes_that_make_it_at_once_agree(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    pids = [_forked(tmp_path / "home") for _ in range(8)]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 8
    assert [path.name for path in (tmp_path / "home").glob("secret*")] == ["secret"]


def _forked(home: Path) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            node_secret.cache_clear()
            os._exit(0 if node_secret(home) == (home / "secret").read_bytes() else 1)
        finally:
            os._exit(2)
    return pid


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    node_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    node_secret.cache_clear()
    with pytest.raises(InvalidInput, match="chmod 600"):
        node_secret(tmp_path)


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    node_secret(tmp_path)
    (tmp_path / "secret").write_bytes(b"short")
    node_secret.cache_clear()
    with pytest.raises(InvalidInput, match="must have 32 bytes"):
        node_secret(tmp_path)


# ------------------------------------------------------------------------------------------- what developers share


def shared(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "developers.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_developers_key_is_found_by_its_fund(tmp_path: Path) -> None:
    path = shared(tmp_path, '{"3": "' + "ab" * 32 + '"}')
    assert developer_key(path, 3) == bytes.fromhex("ab" * 32)
    assert developer_key(path, 4) is None
    assert developer_key(None, 3) is None


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert developer_key(shared(tmp_path, "{}"), 3) is None
    path = shared(tmp_path, '{"3": "' + "cd" * 32 + '"}')
    os.utime(path, ns=(1, 1))
    assert developer_key(path, 3) == bytes.fromhex("cd" * 32)


@pytest.mark.parametrize("text", ["", "[]", '{"3": "ab"}', '{"3": 5}', '{"3": "' + "zz" * 32 + '"}'])
def test_a_damaged_file_of_keys_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        developer_key(shared(tmp_path, text), 3)
    assert "64 hexadecimal digits" in str(caught.value)
    assert "zz" not in str(caught.value)


def test_keys_that_others_can_read_or_that_are_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="chmod 600"):
        developer_key(shared(tmp_path, "{}", 0o644), 3)
    with pytest.raises(InvalidInput, match="cannot be read"):
        developer_key(tmp_path / "missing.json", 3)
