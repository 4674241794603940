"""The node's secret, from which comes when a mirror is probed and for what, so no operator may know it; and the keys
that developers share with their committee."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from oracle.digests import sha256_digest
from oracle.errors import InvalidInput
from oracle.fields import parse_json
from oracle.model import Digest

_BYTES = 32


@lru_cache(maxsize=4)
def node_secret(home: Path) -> bytes:
    """The secret in `home/secret`, made at the first call; several processes may make it at the same time.

    Raises: InvalidInput if the file is damaged or others can read it.
    """
    path = home / "secret"
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise InvalidInput(str(path), "others can read it; chmod 600 it")
    secret = path.read_bytes()
    if len(secret) != _BYTES:
        raise InvalidInput(str(path), f"must have {_BYTES} bytes; remove it and a new one is made")
    return secret


def mark_of(secret: bytes) -> Digest:
    """What a store keeps of a node's secret, to tell it from another: nothing follows from it."""
    return sha256_digest(b"mirrorbond node secret:" + secret)


@lru_cache(maxsize=4)
def _developer_keys(path: Path, _changed_ns: int) -> Mapping[str, bytes]:
    try:
        given = parse_json(str(path), path.read_bytes())
        keys = {fund: bytes.fromhex(key) for fund, key in given.items()}
    except (InvalidInput, AttributeError, TypeError, ValueError):
        keys = {"": b""}
    if any(len(key) != _BYTES for key in keys.values()):
        # Without the cause, which may hold a key.
        raise InvalidInput(str(path), 'must be JSON like {"3": "64 hexadecimal digits"}, by fund')
    return keys


def developer_key(path: Path | None, fund: int) -> bytes | None:
    """The key that a fund's developer shares with the committee; None without one.

    Raises: InvalidInput if the file is damaged or others can read it.
    """
    if path is None:
        return None
    try:
        state = path.stat()
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be read: {error.strerror}") from error
    if state.st_mode & 0o077:
        raise InvalidInput(str(path), "others can read it; chmod 600 it")
    return _developer_keys(path, state.st_mtime_ns).get(str(fund))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"secret.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)  # never in place of one that another process made first
    except FileExistsError:
        pass
    finally:
        new.unlink()
