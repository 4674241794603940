"""What only a primary can answer, and what it may tell of its log: keyed with what its developer gave the committee.

A canary is an ordinary-looking URL that holds a token. The primary knows the token by its tag and answers it with
bytes that no manifest lists; a mirror that gives the same answer has asked the primary. `examples/primary` has both
ends' other half for a developer. Pure.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

TOKEN = re.compile(r"[0-9a-f]{32}")
ECHO_PATH = "/.well-known/mirrorbond/echo.json"
"""Where a primary tells, in keyed hashes, for which cold files it was asked."""
_NONCE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Canary:
    """A URL path below the primary's base, and the body that only the primary answers it with."""

    url_path: str
    answer: bytes


def token(key: bytes, nonce: bytes) -> str:
    """The token of a nonce of 8 bytes: the nonce and its tag, 32 hexadecimal digits."""
    if len(nonce) != _NONCE_BYTES:
        raise ValueError(f"a nonce has {_NONCE_BYTES} bytes, not {len(nonce)}")
    return nonce.hex() + _mac(key, "ask", nonce.hex())[: 2 * _NONCE_BYTES]


def answer(key: bytes, asked: str) -> bytes:
    """What the primary answers to a token."""
    return _mac(key, "answer", asked).encode()


def canary(key: bytes, nonce: bytes, like: str, *, as_query: bool) -> Canary:
    """A canary that looks like a request for the file at the URL path `like`: beside it and of its kind, or itself
    with a version behind it."""
    made = token(key, nonce)
    if as_query:
        return Canary(f"{like}?v={made}", answer(key, made))
    folder, slash, name = like.rpartition("/")
    extension = name.rpartition(".")[2] if "." in name.strip(".") else ""
    return Canary(f"{folder}{slash}{made}{'.' if extension else ''}{extension}", answer(key, made))


def echo_of(key: bytes, path: str) -> str:
    """The name under which a primary's log tells of a path (not encoded, without the first slash)."""
    return _mac(key, "echo", path)[:32]


def _mac(key: bytes, purpose: str, text: str) -> str:
    return hmac.new(key, f"mirrorbond {purpose}:{text}".encode(), sha256).hexdigest()
