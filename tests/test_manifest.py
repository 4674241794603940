"""A manifest names files that any server can hold and nothing else, in the one way that has its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle import manifest as module
from oracle.checks import Check
from oracle.errors import InvalidInput, InvalidManifest
from oracle.manifest import (
    ReleaseFile,
    Source,
    base_url,
    check_path,
    compose,
    file_url,
    manifest_path,
    parse,
    url_path,
)
from oracle.model import canonical

SHA = hashlib.sha256(b"body").hexdigest()
COMMIT = "ab" * 20


def file(path: str, length: int = 4) -> ReleaseFile:
    return ReleaseFile(path, SHA, length)


GOOD = compose(
    "notes",
    "1.0",
    "https://app.example",
    Source("https://git.example/notes", COMMIT),
    [file("index.html"), file("a/b.js")],
    [file(".mirrorbond/cold/00")],
)


# -------------------------------------------------------------------------------------------------- there and back


def test_a_manifest_survives_its_bytes() -> None:
    assert parse(GOOD.canonical()) == GOOD


def test_checks_survive_too_and_may_stand_alone() -> None:
    checks = (Check("/status", text="ok"), Check("/hub_info"))
    for made in (
        compose("notes", "1", "https://app.example", None, [file("a")], [], checks),
        compose("notes", "1", "https://app.example", None, [], [], checks),
    ):
        assert parse(made.canonical()) == made
        assert [check.path for check in made.checks] == ["/status", "/hub_info"]


def test_a_manifest_without_checks_has_the_digest_that_it_had_before_there_were_any() -> None:
    assert b"checks" not in GOOD.canonical()


def test_a_release_without_files_and_checks_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="a file or a check"):
        compose("notes", "1", "https://app.example", None, [])


def test_the_digest_is_the_sha256_of_the_bytes() -> None:
    assert f"0x{hashlib.sha256(GOOD.canonical()).hexdigest()}" == GOOD.digest


def test_the_bytes_are_canonical_json() -> None:
    value = json.loads(GOOD.canonical())
    assert canonical(value) == GOOD.canonical()
    assert [entry["path"] for entry in value["files"]] == ["a/b.js", "index.html"]
    assert value["spec"] == 1


def test_the_order_of_files_changes_nothing() -> None:
    given_files = [file("b"), file("a"), file("c/d")]
    one, other = (compose("a", "1", "http://a", None, files) for files in (given_files, given_files[::-1]))
    assert one.digest == other.digest


def test_a_manifest_says_where_it_is_published() -> None:
    assert GOOD.url == f"https://app.example/.well-known/mirrorbond/{GOOD.digest[2:]}.json"
    assert manifest_path(GOOD.digest) == GOOD.url.removeprefix("https://app.example/")


def test_the_slash_at_the_end_of_the_primary_is_dropped() -> None:
    assert compose("a", "1", "https://app.example/sub/", None, [file("a")]).primary == "https://app.example/sub"


# ---------------------------------------------------------------------------------------------------------- hostile

Spoil = Callable[[dict[str, Any]], Any]

HOSTILE: list[tuple[str, Spoil]] = [
    ("spec", lambda m: m.update(spec=2)),
    ("spec", lambda m: m.update(spec=True)),
    ("app", lambda m: m.update(app="")),
    ("app", lambda m: m.update(app="a\nb")),
    ("app", lambda m: m.update(app=" a")),
    ("app", lambda m: m.update(app="a" * 101)),
    ("version", lambda m: m.update(version=1)),
    ("primary", lambda m: m.update(primary="ftp://app.example")),
    ("primary", lambda m: m.update(primary="https://app.example/")),
    ("primary", lambda m: m.update(primary="https://user:secret@app.example")),
    ("source", lambda m: m.update(source="https://git.example")),
    ("source.commit", lambda m: m["source"].update(commit="main")),
    ("source.commit", lambda m: m["source"].update(commit="AB" * 20)),
    ("source.url", lambda m: m["source"].update(url="")),
    ("manifest.files", lambda m: m.pop("files")),
    ("manifest.extra", lambda m: m.update(extra=1)),
    ("files", lambda m: m.update(files=[])),
    ("files", lambda m: m.update(files={})),
    ("files", lambda m: m["files"].reverse()),
    ("files", lambda m: m["files"].insert(0, m["files"][0])),
    ("files", lambda m: m["files"].insert(0, {**m["files"][0], "path": "a"})),
    ("cold", lambda m: m["cold"].append({**m["files"][1]})),
    ("cold", lambda m: m["cold"].append(m["cold"][0])),
    ("files[0]", lambda m: m["files"].insert(0, "index.html")),
    ("files[0].path", lambda m: m["files"][0].update(path="../etc/passwd")),
    ("files[0].path", lambda m: m["files"][0].update(path=5)),
    ("files[0].path", lambda m: m["files"][0].update(path="\ud800")),
    ("cold[0].path", lambda m: m["cold"][0].update(path="/etc/passwd")),
    ("files[0].sha256", lambda m: m["files"][0].update(sha256=SHA.upper())),
    ("files[0].sha256", lambda m: m["files"][0].update(sha256=SHA[:-1])),
    ("files[0].sha256", lambda m: m["files"][0].update(sha256="0x" + SHA[2:])),
    ("files[0].length", lambda m: m["files"][0].update(length=-1)),
    ("files[0].length", lambda m: m["files"][0].update(length=4.0)),
    ("files[0].mode", lambda m: m["files"][0].update(mode=1)),
]


@pytest.mark.parametrize(("named", "spoil"), HOSTILE, ids=[f"{i}-{name}" for i, (name, _) in enumerate(HOSTILE)])
def test_what_is_wrong_in_a_manifest_is_named(named: str, spoil: Spoil) -> None:
    value = GOOD.to_json()
    spoil(value)
    with pytest.raises(InvalidManifest) as caught:
        parse(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
    assert caught.value.name == named


@pytest.mark.parametrize(
    "body",
    [
        GOOD.canonical() + b"\n",
        json.dumps(GOOD.to_json()).encode(),
        GOOD.canonical().replace(b"index.html", b"index\\u002ehtml"),
        b"",
        b"\xff",
        b"null",
        b"[" * 200_000,
        GOOD.canonical().replace(b'"spec":1', b'"spec":1,"spec":1'),
    ],
)
def test_bytes_that_are_not_the_canonical_ones_are_refused(body: bytes) -> None:
    """Or two different bodies would be the same release."""
    with pytest.raises(InvalidManifest, match="manifest"):
        parse(body)


def test_a_manifest_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", len(GOOD.canonical()))
    assert parse(GOOD.canonical()) == GOOD
    with pytest.raises(InvalidManifest, match="more than"):
        parse(GOOD.canonical() + b" ")


def test_a_manifest_has_a_largest_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 1)
    with pytest.raises(InvalidManifest, match="at most 1"):
        parse(GOOD.canonical())


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_bytes_at_all_break_the_reader(body: bytes) -> None:
    with pytest.raises(InvalidManifest):
        parse(body)


# ------------------------------------------------------------------------------------------------------------ paths

GOOD_PATHS = [
    "index.html",
    "a/b/c.txt",
    ".well-known/security.txt",
    "50% off.txt",
    "a b",
    "über/straße.html",
    "日本語.html",
    "q?x=1&y#z",
    "..a/b..",
    "...",
    "~user",
    "C:",
    "\N{FAMILY}\N{ZERO WIDTH JOINER}",
    "a" * 255,
    "/".join(["a"] * 64),
]
BAD_PATHS = [
    ("", "empty segment"),
    ("/etc/passwd", "absolute"),
    ("//host/a", "absolute"),
    ("a//b", "empty segment"),
    ("a/", "empty segment"),
    ("..", "climbs"),
    ("../a", "climbs"),
    ("a/../../b", "climbs"),
    ("./a", "climbs"),
    ("a/.", "climbs"),
    ("a\\b", "backslash"),
    ("..\\a", "backslash"),
    ("a\0b", "control character"),
    ("a\nb", "control character"),
    ("a\x7fb", "control character"),
    ("a\x85b", "control character"),
    ("a\u2028b", "control character"),
    ("a" * 256, "too long"),
    ("ü" * 128, "too long"),
    ("/".join(["a" * 20] * 50), "too long"),
    ("/".join(["a"] * 65), "nested too deep"),
    (".well-known/mirrorbond.json", "each host publishes"),
    (".well-known/mirrorbond/x.json", "each host publishes"),
    (".well-known/mirrorbond", "each host publishes"),
]


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_a_name_of_a_file_is_a_path(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(("path", "problem"), BAD_PATHS)
def test_a_path_that_leads_elsewhere_is_refused_with_a_mend(path: str, problem: str) -> None:
    with pytest.raises(InvalidManifest, match=problem) as caught:
        check_path(path, "files[3].path")
    assert caught.value.name == "files[3].path"


def test_no_path_is_a_file_and_a_folder() -> None:
    for paths in (["a", "a/b"], ["a/b/c/d", "a/b"], ["a", "a-b", "a/b"]):
        with pytest.raises(InvalidManifest, match="is a file and the folder of"):
            compose("a", "1", "http://a", None, [file(path) for path in paths])
    assert compose("a", "1", "http://a", None, [file("a-b"), file("a"), file("b/a")]).files


# ------------------------------------------------------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("index.html", "index.html"),
        ("50% off.txt", "50%25%20off.txt"),
        ("a%2Fb", "a%252Fb"),
        ("a/b c/ü", "a/b%20c/%C3%BC"),
        ("q?x=1&y#z", "q%3Fx%3D1%26y%23z"),
        ("a:b@c+d;e,f", "a%3Ab%40c%2Bd%3Be%2Cf"),
        ("~-._", "~-._"),
    ],
)
def test_each_segment_of_a_path_is_percent_encoded(path: str, encoded: str) -> None:
    assert url_path(path) == encoded
    assert file_url("http://a.example/base/", path) == f"http://a.example/base/{encoded}"


@given(st.lists(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_a_server_decodes_the_path_that_was_meant(segments: list[str]) -> None:
    path = "/".join(segments)
    asked = urlsplit(file_url("http://a.example", path))
    assert (asked.netloc, asked.query, asked.fragment) == ("a.example", "", "")
    assert unquote(asked.path) == f"/{path}"


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://app.example:8443/sub/dir",
        "http://127.1.2.1:80",
        "http://[2001:db8::1]:8080",
        "HTTPS://A.example",
    ],
)
def test_a_base_url_is_http_or_https(url: str) -> None:
    assert base_url("URL", url) == url
    assert base_url("URL", f"{url}/") == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must be a URL"),
        ("app.example", "must be a URL"),
        ("ftp://app.example", "must be a URL"),
        ("https://", "must be a URL"),
        ("https:///path", "must be a URL"),
        ("https://a:0", "must be a URL"),
        ("https://a:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://user@app.example", "user name or password"),
        ("https://user:secret@app.example", "user name or password"),
        ("https://@app.example", "user name or password"),
        ("https://app.example?x", "before any"),
        ("https://app.example/?", "before any"),
        ("https://app.example#", "before any"),
        ("https://app.example/a b", "printable ASCII"),
        ("https://über.example", "printable ASCII"),
        ("https://app.example\\evil", "printable ASCII"),
        ("https://app.exam\nple", "printable ASCII"),
    ],
)
def test_a_base_url_that_cannot_be_published_is_refused(url: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        base_url("the URL", url)
    assert caught.value.name == "the URL"
    assert "secret" not in str(caught.value)
