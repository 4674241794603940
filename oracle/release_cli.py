"""`mirrorbond release`: publish a folder as a release, and check a folder or a server against one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from oracle import release
from oracle.errors import InvalidInput
from oracle.manifest import Manifest, base_url, manifest_path
from oracle.model import Digest
from oracle.release import COLD_FILES, Check, Seen

_BIG_BYTES = 64 * 1024 * 1024

app = typer.Typer(help="Publish a release and check copies of it.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that the primary serves.")],
    primary: Annotated[str, typer.Option(help="Base URL of the primary, such as https://app.example.")],
    version: Annotated[str, typer.Option(help="The release's version.")],
    name: Annotated[str, typer.Option("--app", help="The application's name; the folder's if left out.")] = "",
    cold: Annotated[int, typer.Option(min=0, max=10_000, help="How many cold files to write.")] = COLD_FILES,
    as_json: _Json = False,
) -> None:
    """Write the manifest and the cold files of DIR and print the digest that goes on the chain."""
    with _progress(_size(folder), "hashing") as seen:
        manifest = release.build(folder, name or folder.resolve().name, version, primary, cold, seen)
    _print(_built(folder, manifest), as_json)


@app.command()
def check(
    place: Annotated[str, typer.Argument(metavar="DIR|URL", help="A folder, a server's base URL or a manifest's URL.")],
    manifest: Annotated[Path | None, typer.Option(help="The manifest's file, if the place holds none.")] = None,
    digest: Annotated[str, typer.Option(help="The release's digest as on the chain: 0x and 64 digits.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one file of a server may take.")] = 30.0,
    as_json: _Json = False,
) -> None:
    """Compare every file of a release with a folder, or all but the cold ones with a server."""
    if place.startswith(("http://", "https://")):
        result = _check_url(place, manifest, digest, timeout)
    else:
        expected = _expected(release.read_manifest(manifest) if manifest else release.manifest_in(Path(place)), digest)
        with _progress(_total(expected), "hashing") as seen:
            result = release.check_dir(Path(place), expected, seen)
    _print(_checked(place, result), as_json)


def _check_url(url: str, file: Path | None, digest: str, timeout_s: float) -> Check:
    base = base_url("URL", release.base_of(url) or url)
    if file is not None:
        expected = _expected(release.read_manifest(file), digest)
    elif release.base_of(url):
        expected = release.fetch_manifest(url, Digest(digest) if digest else None, timeout_s)
    elif digest:
        expected = release.fetch_manifest(f"{base}/{manifest_path(Digest(digest))}", Digest(digest), timeout_s)
    else:
        raise InvalidInput("URL", "say which release the server should hold, by --manifest or --digest")
    with _progress(_total(expected), "reading") as seen:
        return release.check_server(base, expected, timeout_s, seen)


def _expected(manifest: Manifest, digest: str) -> Manifest:
    if digest and manifest.digest != digest:
        raise InvalidInput("digest", f"the manifest has the digest {manifest.digest}, not {digest[:80]}")
    return manifest


def _built(folder: Path, manifest: Manifest) -> dict[str, Any]:
    return {
        "digest": manifest.digest,
        "url": manifest.url,
        "manifest": str(folder / manifest_path(manifest.digest)),
        "app": manifest.app,
        "version": manifest.version,
        "source": manifest.to_json()["source"],
        "files": len(manifest.files),
        "cold_files": len(manifest.cold),
        "bytes": _total(manifest),
    }


def _checked(place: str, result: Check) -> dict[str, Any]:
    return {
        "ok": True,
        "place": place,
        "digest": result.digest,
        "files": result.files,
        "bytes": result.bytes,
        "unlisted": list(result.unlisted),
    }


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, fact in facts.items():
        shown = "none" if fact in (None, []) else ", ".join(fact) if isinstance(fact, list) else fact
        typer.echo(f"{name.replace('_', ' '):<12}{shown}")


def _total(manifest: Manifest) -> int:
    return sum(file.length for file in (*manifest.files, *manifest.cold))


def _size(folder: Path) -> int:
    return sum((folder / path).stat().st_size for path in release.own_files(folder))


@contextmanager
def _progress(total: int, doing: str) -> Iterator[Seen]:
    """A bar on a terminal's stderr for what takes a while, nothing otherwise."""
    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    quiet = total < _BIG_BYTES or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda length: progress.advance(task, length)
