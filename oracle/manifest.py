"""A release: the hash of every file and the declared checks, as canonical JSON whose own hash is on the chain.

Pure: `oracle.release` reads folders and servers. Paths are names of files, "/" between folders; a URL percent-encodes
each segment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlsplit

from oracle.checks import Check, checks_from_json
from oracle.digests import sha256_digest
from oracle.errors import InvalidInput, InvalidManifest
from oracle.fields import integer, list_of, object_of, parse_json, refuse, text_of
from oracle.model import Digest, canonical

SPEC = 1
MOST_BYTES = 32 * 1024 * 1024
MOST_FILES = 100_000
MOST_PATH_BYTES = 1_024
MOST_SEGMENT_BYTES = 255
MOST_SEGMENTS = 64
COLD_FOLDER = ".mirrorbond/cold"
MANIFEST_FOLDER = ".well-known/mirrorbond"
OWNERSHIP_PATH = ".well-known/mirrorbond.json"
"""Every host's own word on who runs it: no release may hold it, nor anything in MANIFEST_FOLDER."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A file of a release: `sha256` as 64 lower-case hexadecimal digits, `length` in bytes."""

    path: str
    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where the release was built from: a repository's URL and a commit in it."""

    url: str
    commit: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A release. `primary` is the base URL of the developer's own server; `cold` files are random ones that nobody but
    an oracle asks for. Both lists ascend by path and share none; `checks` stand as the developer ordered them."""

    app: str
    version: str
    primary: str
    source: Source | None
    files: tuple[ReleaseFile, ...]
    cold: tuple[ReleaseFile, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is published; without checks it does not name them."""
        checks = {"checks": [check.to_json() for check in self.checks]} if self.checks else {}
        return checks | {
            "spec": SPEC,
            "app": self.app,
            "version": self.version,
            "primary": self.primary,
            "source": None if self.source is None else {"url": self.source.url, "commit": self.source.commit},
            "files": [_file_to_json(file) for file in self.files],
            "cold": [_file_to_json(file) for file in self.cold],
        }

    def canonical(self) -> bytes:
        """The only bytes that have the digest."""
        return canonical(self.to_json())

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical bytes: the release on the chain."""
        return sha256_digest(self.canonical())

    @property
    def url(self) -> str:
        """Where the primary publishes this manifest."""
        return f"{self.primary}/{manifest_path(self.digest)}"


def compose(
    app: str,
    version: str,
    primary: str,
    source: Source | None,
    files: Iterable[ReleaseFile],
    cold: Iterable[ReleaseFile] = (),
    checks: Iterable[Check] = (),
) -> Manifest:
    """The manifest of these files and checks, checked as `parse` checks it.

    Raises: InvalidManifest naming the field.
    """
    listed, random = (tuple(sorted(group, key=lambda file: file.path)) for group in (files, cold))
    return _checked(Manifest(app, version, primary.rstrip("/"), source, listed, random, tuple(checks)).to_json())


def parse(body: bytes) -> Manifest:
    """The manifest in a file or an answer that anyone may have made up.

    Raises: InvalidManifest naming the field, also if the bytes are not the canonical ones.
    """
    if len(body) > MOST_BYTES:
        raise InvalidManifest("manifest", f"has more than {MOST_BYTES} bytes; split the release")
    try:
        value = parse_json("manifest", body)
    except InvalidInput as error:
        raise InvalidManifest(error.name, error.problem) from error
    manifest = _checked(value)
    if manifest.canonical() != body:
        raise InvalidManifest("manifest", "is not canonical JSON; write it with `mirrorbond release build`")
    return manifest


def manifest_path(digest: Digest) -> str:
    """Where, below its base URL, a server publishes the manifest with this digest."""
    return f"{MANIFEST_FOLDER}/{digest.removeprefix('0x')}.json"


@lru_cache(maxsize=1 << 14)
def url_path(path: str) -> str:
    """A file's path as it stands in a URL: each segment percent-encoded, so `50% off.txt` is `50%25%20off.txt`."""
    return "/".join(quote(segment, safe="") for segment in path.split("/"))


def file_url(base: str, path: str) -> str:
    """The URL at which a server with this base URL serves a file."""
    return f"{base.rstrip('/')}/{url_path(path)}"


def base_url(name: str, text: str) -> str:
    """A server's base URL without the slash at its end.

    Raises: InvalidInput, naming `name`, for another scheme than http and https, credentials, a query or a fragment.
    """
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise InvalidInput(name, f"is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        refuse(name, "must be a URL like https://app.example")
    if parts.username is not None or parts.password is not None:
        refuse(name, "must hold no user name or password: it is published")
    if "?" in text or "#" in text:
        refuse(name, "must end before any ? or #")
    if not text.isascii() or not text.isprintable() or re.search(r'[\s\\"<>]', text):
        refuse(name, "must be printable ASCII without blanks; percent-encode the path, write the host as xn--")
    return text.rstrip("/")


def check_path(path: str, name: str = "path") -> str:
    """The path, if every server and file system can only take it for a file below the release's folder.

    Raises: InvalidManifest naming `name`.
    """
    problem = _path_problem(path)
    if problem:
        raise InvalidManifest(name, f"{path[:200]!r} {problem}")
    return path


def _path_problem(path: str) -> str:
    segments = path.split("/")
    if path.startswith("/"):
        return "is absolute; name it relative to the release's folder"
    if "\\" in path:
        return 'has a backslash; separate folders with "/"'
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in path):
        return "has a control character; rename the file"
    if "" in segments:
        return "has an empty segment; write single slashes between names"
    if "." in segments or ".." in segments:
        return 'climbs out of the folder or stays on the spot; leave out "." and ".."'
    if max(len(segment.encode()) for segment in segments) > MOST_SEGMENT_BYTES or len(path.encode()) > MOST_PATH_BYTES:
        return f"is too long: {MOST_SEGMENT_BYTES} bytes a name, {MOST_PATH_BYTES} in all"
    if len(segments) > MOST_SEGMENTS:
        return f"is nested too deep: {MOST_SEGMENTS} names at most"
    if path in (OWNERSHIP_PATH, MANIFEST_FOLDER) or path.startswith(f"{MANIFEST_FOLDER}/"):
        return "is where each host publishes its own documents; leave it out"
    return ""


def _file_to_json(file: ReleaseFile) -> dict[str, Any]:
    return {"path": file.path, "sha256": file.sha256, "length": file.length}


def _checked(value: Any) -> Manifest:
    try:
        return _read(value)
    except InvalidManifest:
        raise
    except InvalidInput as error:
        raise InvalidManifest(error.name, error.problem) from error


def _read(value: Any) -> Manifest:
    needed = ("spec", "app", "version", "primary", "source", "files", "cold")
    fields = object_of("manifest", value, needed, ("checks",))
    integer("spec", fields["spec"], SPEC, SPEC)
    app, version = (_title(name, fields[name]) for name in ("app", "version"))
    primary = text_of("primary", fields["primary"], 2_048)
    if base_url("primary", primary) != primary:
        refuse("primary", "must not end in a slash")
    files = list_of("files", fields["files"], _file, MOST_FILES)
    cold = list_of("cold", fields["cold"], _file, MOST_FILES)
    checks = checks_from_json(fields["checks"]) if "checks" in fields else ()
    if not files and not checks:
        refuse("files", "is empty: a release needs a file or a check")
    _check_order("files", files)
    _check_order("cold", cold)
    _check_names([*files, *cold])
    return Manifest(app, version, primary, _source(fields["source"]), files, cold, checks)


def _title(name: str, value: Any) -> str:
    text = text_of(name, value, 100)
    if not text or not text.isprintable() or text.strip() != text:
        refuse(name, "must be a short printable text")
    return text


def _source(value: Any) -> Source | None:
    if value is None:
        return None
    fields = object_of("source", value, ("url", "commit"))
    commit = text_of("source.commit", fields["commit"], 64)
    if not _COMMIT.fullmatch(commit):
        refuse("source.commit", "must be a full commit id, 40 or 64 hexadecimal digits")
    return Source(_title_url(fields["url"]), commit)


def _title_url(value: Any) -> str:
    url = text_of("source.url", value, 2_048)
    if not url or not url.isprintable() or " " in url:
        refuse("source.url", "must be a repository's URL")
    return url


def _file(value: Any, name: str) -> ReleaseFile:
    fields = object_of(name, value, ("path", "sha256", "length"))
    path = check_path(text_of(f"{name}.path", fields["path"], MOST_PATH_BYTES), f"{name}.path")
    sha256 = text_of(f"{name}.sha256", fields["sha256"], 64)
    if not _SHA256.fullmatch(sha256):
        refuse(f"{name}.sha256", "must be 64 lower-case hexadecimal digits")
    return ReleaseFile(path, sha256, integer(f"{name}.length", fields["length"]))


def _check_order(name: str, files: Sequence[ReleaseFile]) -> None:
    for first, second in pairwise(files):
        if first.path == second.path:
            refuse(name, f"{first.path!r} stands twice")
        if first.path > second.path:
            refuse(name, f"must ascend by path: {second.path!r} comes after {first.path!r}")


def _check_names(files: Sequence[ReleaseFile]) -> None:
    """No path twice in the two lists, and none that would have to be a file and a folder at once."""
    paths = {file.path for file in files}
    if len(paths) < len(files):
        refuse("cold", "has a path that stands in files too")
    for path in paths:
        folder = path
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            if folder in paths:
                refuse("files", f"{folder!r} is a file and the folder of {path!r}")
