"""The application is made from settings, serves its own files, and answers errors in kind."""

import httpx
import pytest

from api.app import create_app
from oracle.settings import Settings, settings


def test_the_factory_takes_the_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("MIRRORBOND_HOME", str(tmp_path))
    settings.cache_clear()
    assert create_app().state.settings == Settings()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("path", "kind"), [("/static/style.css", "text/css"), ("/static/favicon.svg", "image/svg+xml")]
)
def test_files_are_served_from_the_package(empty: httpx.Client, path: str, kind: str) -> None:
    answer = empty.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert empty.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/"])
def test_nothing_but_those_files_is_served(empty: httpx.Client, path: str) -> None:
    assert empty.get(path).status_code == 404


def test_errors_are_pages_for_people_and_json_for_programs(empty: httpx.Client) -> None:
    page = empty.get("/funds/7")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert empty.get("/api/v1/funds/7").headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_anything_from_elsewhere(empty: httpx.Client, path: str) -> None:
    assert empty.get(path).status_code == 404
