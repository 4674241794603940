"""Releases on disk and on servers: write a folder's manifest and cold files, compare either with a manifest."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from oracle.checks import Check, checks_from_json
from oracle.digests import is_digest, sha256_digest
from oracle.errors import FetchFailed, InvalidInput, InvalidManifest, ManifestMismatch
from oracle.fields import parse_json
from oracle.manifest import (
    COLD_FOLDER,
    MANIFEST_FOLDER,
    MOST_BYTES,
    OWNERSHIP_PATH,
    Manifest,
    ReleaseFile,
    Source,
    check_path,
    compose,
    file_url,
    manifest_path,
    parse,
)
from oracle.model import Digest
from oracle.net import fetch, fetch_each

COLD_FILES = 300
_COLD_BYTES = range(256, 2_049)
_LEFT_OUT = {".git", ".hg", ".svn"}
_CHUNK = 1 << 20
_TIMEOUT_S = 30
_SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:[^:]+")

Seen = Callable[[int], None]
"""Told the length of every file read, for progress."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared: `unlisted` files are in the folder but not in the manifest, so no mirror is asked for them."""

    digest: Digest
    files: int
    bytes: int
    unlisted: tuple[str, ...] = ()


def _ignore(_: int) -> None:
    """Progress that nobody watches."""


# ------------------------------------------------------------------------------------------------------- build


def build(
    folder: Path,
    app: str,
    version: str,
    primary: str,
    cold: int = COLD_FILES,
    checks: Sequence[Check] = (),
    seen: Seen = _ignore,
) -> Manifest:
    """Write a release into `folder`: its manifest, where the primary serves it, and cold files, both in place of those
    of an earlier build.

    Raises: InvalidInput for a folder that cannot be read; InvalidManifest for one that is empty and has no checks, or
    naming the path or field that cannot be published, before anything is written.
    """
    files = [*_hashed(folder, own_files(folder), seen)]
    source = source_of(folder)
    compose(app, version, primary, source, files, (), checks)
    manifest = compose(app, version, primary, source, files, _write_cold(folder, cold), checks)
    place = folder / manifest_path(manifest.digest)
    shutil.rmtree(place.parent, ignore_errors=True)
    place.parent.mkdir(parents=True)
    place.write_bytes(manifest.canonical())
    return manifest


def read_checks(file: Path) -> tuple[Check, ...]:
    """The declared checks in a file: a JSON list.

    Raises: InvalidInput naming the file or the field.
    """
    try:
        with file.open("rb") as opened:
            body = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read: {error.strerror}") from error
    return checks_from_json(parse_json(str(file), body))


def own_files(folder: Path) -> list[str]:
    """The paths of the application's files below `folder`: all but version control, cold files and manifests.

    Raises: InvalidInput if it is no folder; InvalidManifest for a link that leaves the folder or leads to a folder,
    for what is no file, and for a name that cannot be published.
    """
    if not folder.is_dir():
        raise InvalidInput(str(folder), "is not a folder")
    return sorted(path for path in _walk(folder, folder) if not _is_ours(path))


def source_of(folder: Path) -> Source | None:
    """The repository and commit that `folder` lies in, without any credentials; None outside of git or of a remote.

    What git ignores is in no commit, though it may lie in a work tree.
    """
    if _git(folder, "check-ignore", "."):
        return None
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    url = _public_url(_git(folder, "remote", "get-url", "origin"))
    return Source(url, commit) if commit and url else None


def _walk(root: Path, folder: Path) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        path = entry.relative_to(root).as_posix()
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in _LEFT_OUT:
                yield from _walk(root, entry)
            continue
        if entry.name in _LEFT_OUT:  # a work tree's .git is a file
            continue
        if not entry.is_file():
            raise InvalidManifest("path", f"{path!r} is no file; replace links to folders by copies, remove the rest")
        if entry.is_symlink() and not entry.resolve().is_relative_to(root.resolve()):
            raise InvalidManifest("path", f"{path!r} is a link out of the folder; replace it by a copy")
        yield path if _is_ours(path) else check_path(path)


def _is_ours(path: str) -> bool:
    return path == OWNERSHIP_PATH or path.startswith((f"{COLD_FOLDER}/", f"{MANIFEST_FOLDER}/"))


def _hashed(folder: Path, paths: Iterable[str], seen: Seen) -> Iterator[ReleaseFile]:
    for path in paths:
        sha256, length = _hash_file(folder / path)
        seen(length)
        yield ReleaseFile(path, sha256, length)


def _hash_file(place: Path) -> tuple[str, int]:
    digest, length = hashlib.sha256(), 0
    with place.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
    return digest.hexdigest(), length


def _write_cold(folder: Path, count: int) -> list[ReleaseFile]:
    place = folder / COLD_FOLDER
    shutil.rmtree(place, ignore_errors=True)
    if count:
        place.mkdir(parents=True)
    written = []
    for _ in range(count):
        body = secrets.token_bytes(secrets.choice(_COLD_BYTES))
        name = secrets.token_hex(16)
        (place / name).write_bytes(body)
        written.append(ReleaseFile(f"{COLD_FOLDER}/{name}", hashlib.sha256(body).hexdigest(), len(body)))
    return written


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):  # without git there is no source to name
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _public_url(remote: str) -> str:
    """A remote's URL as anyone may see it: without a password or token; "" for a folder of this machine."""
    if _SCP_LIKE.fullmatch(remote):
        return remote
    scheme, _, rest = remote.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if scheme not in ("https", "http", "git", "ssh") or not host:
        return ""
    login = user.partition(":")[0] + at if scheme == "ssh" else ""
    return f"{scheme}://{login}{host}{slash}{path}"


# ------------------------------------------------------------------------------------------------------- check


def check_dir(folder: Path, manifest: Manifest, seen: Seen = _ignore) -> Compared:
    """Compare every file of the manifest, cold ones too, with those in `folder`.

    Raises: ManifestMismatch naming what is missing or differs; InvalidInput if it is no folder.
    """
    present = set(own_files(folder))
    differences, total = [], 0
    for file in (*manifest.files, *manifest.cold):
        difference = _difference(folder / file.path, file)
        differences += [f"{file.path} {difference}"] if difference else []
        total += file.length
        seen(file.length)
    if differences:
        raise ManifestMismatch(differences)
    unlisted = sorted(present - {file.path for file in manifest.files})
    return Compared(manifest.digest, len(manifest.files) + len(manifest.cold), total, tuple(unlisted))


def check_server(base: str, manifest: Manifest, timeout_s: float = _TIMEOUT_S, seen: Seen = _ignore) -> Compared:
    """Read every file of the manifest but the cold ones from the server at `base`, and compare.

    A cold file is worth something only as long as nobody has asked for it.

    Raises: ManifestMismatch naming what is missing or differs.
    """
    differences = []

    def compare(index: int, body: bytes | FetchFailed) -> None:
        file = manifest.files[index]
        problem = str(body.problem) if isinstance(body, FetchFailed) else _body_difference(body, file)
        differences.extend([f"{file.path} {problem}"] if problem else [])
        seen(file.length)

    fetch_each([(file_url(base, file.path), file.length) for file in manifest.files], timeout_s, compare)
    if differences:
        raise ManifestMismatch(sorted(differences))
    return Compared(manifest.digest, len(manifest.files), sum(file.length for file in manifest.files))


def manifest_in(folder: Path) -> Manifest:
    """The one manifest that `folder` publishes.

    Raises: InvalidInput if there is none or more than one; InvalidManifest.
    """
    found = sorted((folder / MANIFEST_FOLDER).glob("*.json"))
    if not found:
        raise InvalidInput(str(folder), f"has no manifest in {MANIFEST_FOLDER}; run `mirrorbond release build` first")
    if len(found) > 1:
        raise InvalidInput(str(folder), f"has {len(found)} manifests in {MANIFEST_FOLDER}; choose one by --manifest")
    return read_manifest(found[0])


def read_manifest(file: Path) -> Manifest:
    """The manifest in a file.

    Raises: InvalidInput if it cannot be read; InvalidManifest.
    """
    try:
        with file.open("rb") as opened:
            body = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read: {error.strerror}") from error
    return parse(body)


def fetch_manifest(url: str, digest: Digest | None = None, timeout_s: float = _TIMEOUT_S) -> Manifest:
    """The manifest at a URL, which must have the digest given, or else the one in the URL's file name.

    Raises: InvalidInput without a digest; FetchFailed; InvalidManifest; ManifestMismatch if it has another digest.
    """
    expected = digest or Digest("0x" + urlsplit(url).path.rpartition("/")[2].removesuffix(".json"))
    if not is_digest(expected):
        raise InvalidInput("digest", f"{expected[:80]!r} is none; give the release's digest, 0x and 64 digits")
    body = fetch(url, MOST_BYTES, timeout_s)
    if sha256_digest(body) != expected:
        raise ManifestMismatch([f"the manifest at {url} has the digest {sha256_digest(body)}, not {expected}"])
    return parse(body)


def base_of(manifest_url: str) -> str:
    """The base URL of the server that publishes a manifest at this URL; "" if it is no manifest's URL."""
    before, separator, _ = manifest_url.partition(f"/{MANIFEST_FOLDER}/")
    return before if separator else ""


def _difference(place: Path, file: ReleaseFile) -> str:
    try:
        sha256, length = _hash_file(place)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return _compared(sha256, length, file)


def _body_difference(body: bytes, file: ReleaseFile) -> str:
    return _compared(hashlib.sha256(body).hexdigest(), len(body), file)


def _compared(sha256: str, length: int, file: ReleaseFile) -> str:
    if length != file.length:
        return f"has {length} bytes, not {file.length}"
    return "" if sha256 == file.sha256 else f"has other bytes: sha256 {sha256}, not {file.sha256}"
