"""The browser of the tests starts, draws, keeps contexts apart and reaches only this machine."""

import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Error


class Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Mirror</title><p id=p style='font: 20px sans-serif'>up"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.1.9.1", 0), Greeting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.1.9.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_browser_draws_a_loopback_page(browser: Browser, page_url: str) -> None:
    with browser.new_context(viewport={"width": 320, "height": 200}) as context:
        page = context.new_page()
        page.goto(page_url)
        assert page.title() == "Mirror"
        width = page.evaluate("document.querySelector('#p').getBoundingClientRect().height")
        picture = page.screenshot()
    assert width > 20  # letters have a font
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (320, 200)


def test_browser_keeps_two_contexts_apart(browser: Browser, page_url: str) -> None:
    with browser.new_context() as one, browser.new_context(color_scheme="dark") as two:
        first, second = one.new_page(), two.new_page()
        for page in (first, second):
            page.goto(page_url)
        first.evaluate("document.cookie = 'seen=yes'")
        assert second.evaluate("document.cookie") == ""
        assert second.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize("url", ["http://mirror.example/", "http://192.0.2.1/"])
def test_browser_reaches_nothing_but_loopback(browser: Browser, url: str) -> None:
    with browser.new_context() as context, pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        context.new_page().goto(url, timeout=10_000)
