"""The demo's application: real, in two versions, the same each time."""

from pathlib import Path

import pytest

from oracle.devnet import app
from oracle.devnet.app import own_folder, tiddlywiki
from oracle.errors import InvalidInput, ProcessFailed


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> app.App:
    return tiddlywiki(tmp_path_factory.mktemp("app"), cache=cache)


def test_versions_differ_in_the_page_and_share_other_files(wiki: app.App) -> None:
    former, current = files_of(wiki.former.folder), files_of(wiki.current.folder)
    changed = {path for path in former if former[path] != current[path]}
    assert set(current) - set(former) == {"static/Release%20notes.html"}
    assert changed == {"index.html"}
    assert len(former) == 27


def test_the_page_is_the_whole_application(wiki: app.App) -> None:
    page = (wiki.current.folder / "index.html").read_text()
    assert "Release notes" in page
    assert "$:/core" in page


def test_some_file_names_hold_a_percent_sign(wiki: app.App) -> None:
    assert "static/Get%20Started.html" in files_of(wiki.current.folder)


def test_rendering_again_gives_the_same_bytes(wiki: app.App, tmp_path: Path) -> None:
    again = tiddlywiki(tmp_path / "again", cache=tmp_path / "cache")
    assert files_of(again.current.folder) == files_of(wiki.current.folder)


def test_rendered_versions_are_taken_from_the_cache(
    wiki: app.App, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "node", lambda: "/nowhere/node")
    assert files_of(tiddlywiki(tmp_path, cache=cache).former.folder) == files_of(wiki.former.folder)


def test_without_tiddlywiki_the_sentence_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TIDDLYWIKI", tmp_path / "missing")
    with pytest.raises(ProcessFailed, match="scripts/setup"):
        tiddlywiki(tmp_path / "home", cache=tmp_path / "cache")


def test_own_folder_is_current_as_it_stands_and_its_former_version_differs_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "site" / "css").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("<p>hello</p>")
    (tmp_path / "site" / "css" / "a.css").write_text("p{}")
    (tmp_path / "site" / ".git").mkdir()
    (tmp_path / "site" / ".git" / "HEAD").write_text("ref")
    (tmp_path / "site" / "link").symlink_to("/etc/passwd")
    own = own_folder(tmp_path / "site", tmp_path / "home")
    assert own.name == "site"
    assert files_of(own.current.folder) == {"index.html": b"<p>hello</p>", "css/a.css": b"p{}"}
    assert files_of(own.former.folder) == {"index.html": b"<p>hello</p>", "css/a.css": b"p{}\n"}


def test_own_folder_that_is_missing_or_empty_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not a folder"):
        own_folder(tmp_path / "missing", tmp_path / "home")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no files"):
        own_folder(tmp_path / "empty", tmp_path / "home")
