"""`mirrorbond release` prints what a person or a machine needs, and fails with one sentence and a non-zero exit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from oracle import release_cli
from oracle.manifest import manifest_path
from oracle.release import manifest_in
from tests.fixtures.hostile import Hostile, serves
from tests.fixtures.node import ROOT
from tests.fixtures.sites import FILES, write_site

BUILD = ("--primary", "https://app.example", "--version", "1.0", "--cold", "2")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "notes")


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(release_cli.app, [str(argument) for argument in arguments], catch_exceptions=False)


def told(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The whole command line, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "oracle", "release", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_build_tells_what_goes_on_the_chain(site: Path) -> None:
    found = told("build", site, *BUILD)
    manifest = manifest_in(site)
    assert found == {
        "digest": manifest.digest,
        "url": manifest.url,
        "manifest": str(site / manifest_path(manifest.digest)),
        "app": "notes",
        "version": "1.0",
        "source": None,
        "files": len(FILES),
        "cold_files": 2,
        "checks": 0,
        "bytes": sum(file.length for file in (*manifest.files, *manifest.cold)),
        "files_a_slot": 1,
        "most_requests_an_epoch": 4_000,
        "most_bytes_an_epoch": 512 * 1024 * 1024,
        "all_met_within_s": 86_400,  # one has 3 MB, too much for every slot: it comes once an epoch
        "altered_met_within_s": 2 * 86_400 - 300,
    }


def test_build_says_how_soon_an_altered_file_is_met_under_the_funds_own_policy(site: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"slots": 2}')
    found = told("build", site, *BUILD, "--policy", policy, "--epoch-length", "7200")
    assert (found["files_a_slot"], found["all_met_within_s"], found["altered_met_within_s"]) == (2, 7_200, 10_800)
    assert "10800 (3 h 0 min)" in run("check", site, "--policy", policy, "--epoch-length", "7200").stdout


def test_declared_checks_are_published_and_held_against_a_server(site: Path, tmp_path: Path) -> None:
    checks = tmp_path / "checks.json"
    checks.write_text('[{"path": "/status.json", "json": [{"at": "/ok", "equals": true}]}]')
    found = told("build", site, *BUILD, "--checks", checks)
    assert found["checks"] == len(manifest_in(site).checks) == 1
    served = {"/50%25%20off.txt": FILES["50% off.txt"], "/a/deep/%C3%BC.js": FILES["a/deep/\u00fc.js"], **FILES}
    with Hostile(serves(served | {"status.json": b'{"ok": true}'})) as server:
        assert told("check", server.url, "--manifest", site / manifest_path(found["digest"]))["ok"]
    with Hostile(serves(served | {"status.json": b'{"ok": false}'})) as server:
        result = command("check", server.url, "--manifest", site / manifest_path(found["digest"]))
    assert result.returncode != 0
    assert "/status.json /ok has another value than declared" in result.stderr


def test_the_name_of_the_application_may_be_another_than_the_folders(site: Path) -> None:
    assert told("build", site, *BUILD, "--app", "My notes")["app"] == "My notes"


def test_build_tells_people_the_same(site: Path) -> None:
    text = run("build", site, *BUILD).stdout
    manifest = manifest_in(site)
    for expected in (manifest.digest, manifest.url, "cold files              2", "source                  none"):
        assert expected in text


def test_check_passes_the_folder_that_was_built(site: Path) -> None:
    digest = told("build", site, *BUILD)["digest"]
    (site / "extra.txt").write_text("")
    found = told("check", site)
    assert (found["ok"], found["digest"], found["files"]) == (True, digest, len(FILES) + 2)
    assert found["unlisted"] == ["extra.txt"]
    assert told("check", site, "--digest", digest)["ok"]


def test_check_passes_a_server_by_manifest_by_digest_and_by_the_manifests_url(site: Path) -> None:
    digest = told("build", site, *BUILD)["digest"]
    served = {f"/{path}": body for path, body in FILES.items()}
    served = {"/50%25%20off.txt": FILES["50% off.txt"], "/a/deep/%C3%BC.js": FILES["a/deep/\u00fc.js"], **served}
    file = site / manifest_path(digest)
    served[f"/{manifest_path(digest)}"] = file.read_bytes()
    with Hostile(serves(served)) as server:
        for asked in (
            [f"{server.url}/", "--manifest", file],
            [server.url, "--digest", digest],
            [f"{server.url}/{manifest_path(digest)}"],
            [f"{server.url}/{manifest_path(digest)}", "--digest", digest],
        ):
            found = told("check", *asked)
            assert (found["ok"], found["digest"], found["files"]) == (True, digest, len(FILES))


def test_big_folders_show_their_progress_on_a_terminal_only(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_cli, "_BIG_BYTES", 0)
    quiet = run("build", site, *BUILD)
    assert "hashing" not in quiet.output
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = run("build", site, *BUILD)
    assert "hashing" in shown.stderr
    assert "hashing" not in shown.stdout


def test_a_difference_is_a_sentence_and_a_failure(site: Path) -> None:
    assert command("build", site, *BUILD).returncode == 0
    (site / "index.html").write_bytes(b"<h1>n0tes</h1>")
    result = command("check", site)
    assert result.returncode != 0
    assert "the release differs: index.html has other bytes" in result.stderr
    assert "Traceback" not in result.stderr


REFUSED = [
    (["build", "{site}/gone", *BUILD], "is not a folder"),
    (["build", "{site}", "--primary", "https://user:secret@app.example", "--version", "1"], "no user name or password"),
    (["build", "{site}", "--primary", "app.example", "--version", "1"], "must be a URL"),
    (["build", "{site}", *BUILD[:2], "--version", ""], "version: must be a short printable text"),
    (["build", "{site}", *BUILD, "--checks", "{site}/gone.json"], "cannot be read"),
    (["build", "{site}", *BUILD, "--checks", "{site}/index.html"], "is not JSON"),
    (["build", "{site}", *BUILD, "--policy", "{site}/gone.json"], "cannot be read"),
    (["check", "{site}"], "mirrorbond release build"),
    (["check", "{site}", "--manifest", "{site}/climbing.json"], "climbs out of the folder"),
    (["check", "{site}", "--manifest", "{site}/index.html"], "is not JSON"),
    (["check", "https://app.example"], "--manifest or --digest"),
    (["check", "http://127.0.0.1:1", "--digest", "0x12"], "is none; give the release's digest"),
    (["check", "http://127.0.0.1:1", "--digest", f"0x{'00' * 32}"], "no answer"),
    (["check", "https://user:secret@app.example"], "no user name or password"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_bad_input_is_one_clear_sentence(site: Path, arguments: list[str], sentence: str) -> None:
    climbing = {"path": "../../etc/passwd", "sha256": "00" * 32, "length": 1}
    value = {
        "spec": 1,
        "app": "a",
        "version": "1",
        "primary": "http://a",
        "source": None,
        "cold": [],
        "files": [climbing],
    }
    (site / "climbing.json").write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))
    result = command(*(argument.format(site=site) for argument in arguments))
    assert result.returncode != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


def test_a_manifest_of_another_release_is_refused(site: Path) -> None:
    run("build", site, *BUILD)
    result = command("check", site, "--digest", f"0x{'ab' * 32}")
    assert result.returncode != 0
    assert "the manifest has the digest" in result.stderr
