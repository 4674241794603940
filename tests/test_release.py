"""A release is built from a folder's own files, and a copy of it, on disk or on a server, is compared file by file."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from oracle.errors import FetchFailed, InvalidInput, InvalidManifest, ManifestMismatch
from oracle.manifest import COLD_FOLDER, Manifest, Source, manifest_path, parse, url_path
from oracle.model import Digest
from oracle.release import (
    base_of,
    build,
    check_dir,
    check_server,
    fetch_manifest,
    manifest_in,
    own_files,
    read_manifest,
    source_of,
)
from tests.fixtures.hostile import Hostile, answer, serves
from tests.fixtures.sites import FILES, write_site

PRIMARY_URL = "https://app.example"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


def built(folder: Path, cold: int = 3) -> Manifest:
    return build(folder, "notes", "1.0", PRIMARY_URL, cold)


def everything(folder: Path) -> dict[str, bytes]:
    """All files of a folder by the path that a URL has."""
    found = [place for place in folder.rglob("*") if place.is_file()]
    return {url_path(place.relative_to(folder).as_posix()): place.read_bytes() for place in found}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=developer", "-c", "user.email=developer@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


# ----------------------------------------------------------------------------------------------------------- build


def test_every_file_is_listed_with_its_hash_and_length(site: Path) -> None:
    listed = {file.path: (file.sha256, file.length) for file in built(site).files}
    assert listed == {path: (hashlib.sha256(body).hexdigest(), len(body)) for path, body in FILES.items()}


def test_the_manifest_lies_where_the_primary_serves_it(site: Path) -> None:
    manifest = built(site)
    body = (site / manifest_path(manifest.digest)).read_bytes()
    assert parse(body) == manifest
    assert f"0x{hashlib.sha256(body).hexdigest()}" == manifest.digest
    assert manifest_in(site) == manifest


def test_cold_files_are_random_and_listed(site: Path, tmp_path: Path) -> None:
    manifest = built(site, cold=20)
    bodies = {file.path: (site / file.path).read_bytes() for file in manifest.cold}
    assert len(set(bodies.values())) == len(bodies) == 20
    assert all(path.startswith(f"{COLD_FOLDER}/") for path in bodies)
    assert {file.sha256 for file in manifest.cold} == {hashlib.sha256(body).hexdigest() for body in bodies.values()}
    other = built(write_site(tmp_path / "same"), cold=20)
    assert {file.sha256 for file in other.cold}.isdisjoint({file.sha256 for file in manifest.cold})


def test_building_again_replaces_the_cold_files_and_the_manifest(site: Path) -> None:
    first, second = built(site), built(site)
    assert first.files == second.files
    assert {file.path for file in first.cold}.isdisjoint(file.path for file in second.cold)
    assert manifest_in(site) == second
    assert len(list((site / COLD_FOLDER).iterdir())) == 3


def test_a_release_may_do_without_cold_files(site: Path) -> None:
    built(site)
    assert built(site, cold=0).cold == ()
    assert not (site / COLD_FOLDER).exists()


def test_version_control_and_the_hosts_own_documents_are_no_part_of_a_release(site: Path) -> None:
    left_out = {".git/config": b"", "sub/.git": b"", ".well-known/mirrorbond.json": b"{}", ".well-known/a.txt": b"a"}
    write_site(site, left_out)
    assert own_files(site) == sorted([*FILES, ".well-known/a.txt"])


def test_a_link_within_the_folder_is_read_as_the_file_it_leads_to(site: Path) -> None:
    (site / "home.html").symlink_to("index.html")
    assert {file.path: file.length for file in built(site).files}["home.html"] == len(FILES["index.html"])


def test_links_out_of_the_folder_or_to_folders_are_refused(site: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    for target, problem in ((tmp_path / "secret", "link out"), (site / "a", "no file"), (site / "gone", "no file")):
        (site / "link").symlink_to(target)
        with pytest.raises(InvalidManifest, match=problem):
            built(site)
        (site / "link").unlink()


def test_what_is_no_file_is_refused(site: Path) -> None:
    os.mkfifo(site / "pipe")
    with pytest.raises(InvalidManifest, match="'pipe' is no file"):
        built(site)


@pytest.mark.parametrize("name", ["back\\slash", "line\nbreak", os.fsdecode(b"not-utf8-\xff")])
def test_a_name_that_cannot_be_published_is_refused_before_anything_is_written(site: Path, name: str) -> None:
    (site / name).write_bytes(b"")
    with pytest.raises(InvalidManifest):
        built(site)
    assert not (site / COLD_FOLDER).exists()
    assert not (site / ".well-known").exists()


def test_a_bad_primary_is_refused_before_anything_is_written(site: Path) -> None:
    with pytest.raises(InvalidManifest, match="primary: must hold no user name"):
        build(site, "notes", "1.0", "https://user:secret@app.example")
    assert not (site / COLD_FOLDER).exists()


def test_an_empty_or_missing_folder_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="files: is empty"):
        built(tmp_path)
    for place in (tmp_path / "gone", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidInput, match="is not a folder"):
            built(place)


def test_progress_is_told_every_byte(site: Path) -> None:
    told: list[int] = []
    manifest = build(site, "notes", "1.0", PRIMARY_URL, 0, seen=told.append)
    assert sum(told) == sum(file.length for file in manifest.files) == sum(map(len, FILES.values()))


# ---------------------------------------------------------------------------------------------------------- source


@pytest.fixture
def repository(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(site, "init")
    git(site, "commit", "--allow-empty", "-m", "Start")
    return site


@pytest.mark.parametrize(
    ("remote", "published"),
    [
        ("https://git.example/notes.git", "https://git.example/notes.git"),
        ("https://user:token@git.example/notes", "https://git.example/notes"),
        ("https://token@git.example/a@b", "https://git.example/a@b"),
        ("git@git.example:me/notes.git", "git@git.example:me/notes.git"),
        ("ssh://git:secret@git.example/notes", "ssh://git@git.example/notes"),
    ],
)
def test_the_source_is_the_remote_without_credentials_and_the_commit(
    repository: Path, remote: str, published: str
) -> None:
    git(repository, "remote", "add", "origin", remote)
    expected = Source(published, git(repository, "rev-parse", "HEAD"))
    assert source_of(repository) == source_of(repository / "a") == expected
    assert built(repository).source == expected


@pytest.mark.parametrize("remote", ["", "/home/me/notes", "../notes", "file:///srv/notes"])
def test_a_remote_that_nobody_else_can_read_is_no_source(repository: Path, remote: str) -> None:
    if remote:
        git(repository, "remote", "add", "origin", remote)
    assert source_of(repository) is None


def test_a_folder_that_git_ignores_has_no_source(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://forge.example/notes.git")
    (repository / ".gitignore").write_text("built/\n")
    (repository / "built").mkdir()
    assert source_of(repository) is not None
    assert source_of(repository / "built") is None


def test_outside_of_git_there_is_no_source(site: Path) -> None:
    assert source_of(site) is None
    assert built(site).source is None


# ----------------------------------------------------------------------------------------------------------- check


def test_a_folder_that_holds_the_release_passes(site: Path) -> None:
    manifest = built(site)
    found = check_dir(site, manifest)
    assert (found.digest, found.files, found.unlisted) == (manifest.digest, len(FILES) + 3, ())
    assert found.bytes == sum(file.length for file in (*manifest.files, *manifest.cold))


def test_every_difference_of_a_folder_is_named(site: Path) -> None:
    manifest = built(site)
    cold = manifest.cold[0].path
    (site / "index.html").write_bytes(b"<h1>n0tes</h1>")
    (site / "50% off.txt").write_bytes(b"more")
    (site / ".hidden").unlink()
    (site / cold).write_bytes(b"")
    with pytest.raises(ManifestMismatch) as caught:
        check_dir(site, manifest)
    differences = " | ".join(caught.value.differences)
    assert len(caught.value.differences) == 4
    for expected in (
        "index.html has other bytes",
        "50% off.txt has other",
        ".hidden cannot be read",
        f"{cold} has 0 bytes",
    ):
        assert expected in differences


def test_files_that_the_manifest_does_not_list_are_told(site: Path) -> None:
    manifest = built(site)
    (site / "robots.txt").write_text("")
    assert check_dir(site, manifest).unlisted == ("robots.txt",)


def test_a_server_that_holds_the_release_passes(site: Path) -> None:
    manifest = built(site)
    with Hostile(serves(everything(site))) as server:
        assert check_server(server.url, manifest).files == len(FILES)
        asked = server.paths()
    assert sorted(asked) == sorted(f"/{url_path(path)}" for path in FILES)


def test_a_servers_cold_files_are_left_cold(site: Path) -> None:
    manifest = built(site)
    with Hostile(serves(everything(site))) as server:
        check_server(server.url, manifest)
        assert not [path for path in server.paths() if COLD_FOLDER in path]


def test_every_difference_of_a_server_is_named(site: Path) -> None:
    manifest = built(site)
    served = everything(site) | {"index.html": b"<h1>n0tes</h1>", ".hidden": b"longer"}
    del served["50%25%20off.txt"]
    with Hostile(serves(served)) as server, pytest.raises(ManifestMismatch) as caught:
        check_server(server.url, manifest)
    assert caught.value.differences == [
        ".hidden answers with more than 0 bytes",
        "50% off.txt answers 404",
        f"index.html has other bytes: sha256 {hashlib.sha256(served['index.html']).hexdigest()}, "
        f"not {hashlib.sha256(FILES['index.html']).hexdigest()}",
    ]


def test_a_manifest_is_fetched_by_its_url_or_by_a_digest(site: Path) -> None:
    manifest = built(site)
    with Hostile(serves(everything(site) | {"latest.json": manifest.canonical()})) as server:
        url = f"{server.url}/{manifest_path(manifest.digest)}"
        assert fetch_manifest(url) == fetch_manifest(f"{server.url}/latest.json", manifest.digest) == manifest
        assert base_of(url) == server.url
        with pytest.raises(ManifestMismatch, match="not 0xabab"):
            fetch_manifest(url, Digest("0x" + "ab" * 32))
        with pytest.raises(InvalidInput, match="give the release's digest"):
            fetch_manifest(f"{server.url}/latest.json")


def test_a_url_that_is_no_manifests_has_no_base() -> None:
    assert base_of("https://app.example/index.html") == ""


def test_a_server_that_does_not_answer_with_a_manifest_is_named(site: Path) -> None:
    body = b"{}"
    digest = Digest(f"0x{hashlib.sha256(body).hexdigest()}")
    with Hostile(lambda connection, _: connection.sendall(answer(body))) as server, pytest.raises(InvalidManifest):
        fetch_manifest(f"{server.url}/x", digest)
    with Hostile(serves({})) as server, pytest.raises(FetchFailed, match="answers 404"):
        fetch_manifest(f"{server.url}/{manifest_path(digest)}")


def test_a_folder_without_one_manifest_says_what_to_do(site: Path) -> None:
    with pytest.raises(InvalidInput, match="mirrorbond release build"):
        manifest_in(site)
    manifest = built(site)
    (site / manifest_path(manifest.digest)).with_name("other.json").write_bytes(b"{}")
    with pytest.raises(InvalidInput, match="--manifest"):
        manifest_in(site)


def test_a_manifest_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.json: cannot be read: No such file"):
        read_manifest(tmp_path / "gone.json")
