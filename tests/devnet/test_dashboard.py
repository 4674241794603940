"""The dashboard after the demo in a real browser: the pictures in docs/ are taken here."""

import os
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from tests.fixtures.demo import DemoProcess
from tests.fixtures.screenshots import shoot

pytestmark = [pytest.mark.demo, pytest.mark.timeout(400)]

DOCS = Path(__file__).parents[2] / "docs"
RENEW = "RENEW_SCREENSHOTS"
"""Set in the environment, the pictures in docs/ are taken anew; otherwise only those that are missing are added."""
PICTURES: list[tuple[str, int, Literal["light", "dark"]]] = [
    ("dashboard.png", 1_280, "light"),
    ("dashboard-dark.png", 1_280, "dark"),
    ("dashboard-phone.png", 390, "light"),
]


def url_of(demo: DemoProcess, path: str = "/") -> str:
    return str(demo.node()["api"]["url"]) + path


@pytest.mark.parametrize(("name", "width", "scheme"), PICTURES)
def test_dashboard_fits_its_window_and_is_kept_as_a_picture(
    demo: DemoProcess, browser: Browser, tmp_path: Path, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    widths = shoot(browser, url_of(demo), tmp_path / name, width, scheme)
    assert widths["content"] <= widths["window"]
    assert (tmp_path / name).stat().st_size > 10_000
    if os.environ.get(RENEW) or not (DOCS / name).exists():
        shutil.copy(tmp_path / name, DOCS / name)


def test_dashboard_says_the_same_as_the_result(demo: DemoProcess, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url_of(demo))
        text = page.inner_text("body")
    result: dict[str, Any] = demo.result
    assert all(mirror["url"].removeprefix("http://") in text for mirror in result["mirrors"])
    assert "TiddlyWiki introduction" in text


def test_dashboard_loads_nothing_from_elsewhere_and_throws_nothing(demo: DemoProcess, browser: Browser) -> None:
    origin, asked, errors = url_of(demo, ""), list[str](), list[str]()
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(url_of(demo))
    assert asked
    assert all(url.startswith((origin, "data:")) for url in asked)
    assert errors == []
