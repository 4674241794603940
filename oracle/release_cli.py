"""`mirrorbond release`: publish a folder as a release, and check a folder or a server against one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from oracle import release
from oracle.budget import DAY_S, plan
from oracle.codec import parse_policy
from oracle.errors import InvalidInput, ManifestMismatch
from oracle.manifest import Manifest, base_url, manifest_path
from oracle.model import PRIMARY, Digest, FundId, Policy, Reason
from oracle.release import COLD_FILES, Compared, Seen

_BIG_BYTES = 64 * 1024 * 1024
_WIDTH = 24

app = typer.Typer(help="Publish a release and check copies of it.", no_args_is_help=True)

_Policy = Annotated[Path | None, typer.Option(help="JSON of the fund's policy; the usual one if left out.")]
_EpochLength = Annotated[int, typer.Option(min=1, help="Seconds that an epoch lasts.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that the primary serves.")],
    primary: Annotated[str, typer.Option(help="Base URL of the primary, such as https://app.example.")],
    version: Annotated[str, typer.Option(help="The release's version.")],
    name: Annotated[str, typer.Option("--app", help="The application's name; the folder's if left out.")] = "",
    cold: Annotated[int, typer.Option(min=0, max=10_000, help="How many cold files to write.")] = COLD_FILES,
    checks: Annotated[Path | None, typer.Option(help="JSON list of checks; see docs/releases.md.")] = None,
    policy: _Policy = None,
    epoch_length: _EpochLength = DAY_S,
    as_json: _Json = False,
) -> None:
    """Write the manifest and the cold files of DIR and print the digest that goes on the chain."""
    declared, terms = release.read_checks(checks) if checks else (), _terms(policy)
    with _progress(_size(folder), "hashing") as seen:
        manifest = release.build(folder, name or folder.resolve().name, version, primary, cold, declared, seen)
    _print(_built(folder, manifest) | _watched(manifest, terms, epoch_length), as_json)


@app.command()
def check(
    place: Annotated[str, typer.Argument(metavar="DIR|URL", help="A folder, a server's base URL or a manifest's URL.")],
    manifest: Annotated[Path | None, typer.Option(help="The manifest's file, if the place holds none.")] = None,
    digest: Annotated[str, typer.Option(help="The release's digest as on the chain: 0x and 64 digits.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one file of a server may take.")] = 30.0,
    policy: _Policy = None,
    epoch_length: _EpochLength = DAY_S,
    as_json: _Json = False,
) -> None:
    """Compare every file of a release with a folder, or all but the cold ones, and the checks, with a server."""
    terms = _terms(policy)
    if place.startswith(("http://", "https://")):
        expected, result = _check_url(place, manifest, digest, timeout)
    else:
        expected = _expected(release.read_manifest(manifest) if manifest else release.manifest_in(Path(place)), digest)
        with _progress(_total(expected), "hashing") as seen:
            result = release.check_dir(Path(place), expected, seen)
    _print(_checked(place, result) | _watched(expected, terms, epoch_length), as_json)


def _terms(file: Path | None) -> Policy:
    try:
        return parse_policy(file.read_bytes()) if file else Policy()
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read: {error.strerror}") from error


def _watched(manifest: Manifest, policy: Policy, epoch_length_s: int) -> dict[str, Any]:
    """What each node asks of a mirror, and how soon it therefore meets whatever was altered."""
    found = plan([file.length for file in manifest.files], len(manifest.checks), policy, epoch_length_s)
    slot_s = epoch_length_s // policy.slots
    return {
        "files_a_slot": found.each if found.light else 0,
        "most_requests_an_epoch": found.requests,
        "most_bytes_an_epoch": found.bytes,
        "all_met_within_s": found.walk_slots * slot_s,
        "altered_met_within_s": found.detection_slots * slot_s,
    }


def _check_url(url: str, file: Path | None, digest: str, timeout_s: float) -> tuple[Manifest, Compared]:
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
        compared = release.check_server(base, expected, timeout_s, seen)
    _hold(base, expected, timeout_s)
    return expected, compared


def _hold(base: str, manifest: Manifest, timeout_s: float) -> None:
    """Raises: ManifestMismatch naming the checks that do not hold."""
    from oracle.probes.question import check_question  # libcurl, which the rest does without
    from oracle.probes.round import Target, ask_round

    questions = tuple(check_question(check, time.time()) for check in manifest.checks)
    target = Target(FundId(0), PRIMARY, base, questions, int(timeout_s * 1000))
    answers = ask_round([target], budget_s=3 * timeout_s, allow_loopback=True)[0].answers
    failed = [f"{one.question.shown} {one.detail}" for one in answers if one.reason is not Reason.UP]
    if failed:
        raise ManifestMismatch(failed)


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
        "checks": len(manifest.checks),
        "bytes": _total(manifest),
    }


def _checked(place: str, result: Compared) -> dict[str, Any]:
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
        shown = f"{fact} ({fact // 3600} h {fact % 3600 // 60} min)" if name.endswith("within_s") else shown
        typer.echo(f"{name.replace('_', ' '):<{_WIDTH}}{shown}")


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
