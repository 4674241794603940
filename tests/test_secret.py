"""The node's secret is random, private, and stays."""

import os
import stat
from pathlib import Path

import pytest

from oracle.errors import InvalidInput
from oracle.secret import node_secret


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
