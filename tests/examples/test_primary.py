"""The middleware and the tailer that a developer may use, beside the oracle's own half, over real sockets."""

import asyncio
import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import uvicorn

from oracle.canary import ECHO_PATH, canary, echo_of
from oracle.echoes import parse_echo_log
from tests.fixtures.node import ROOT
from tests.fixtures.scene import KEY

FOLDER = ROOT / "examples" / "primary"
COLD = ".mirrorbond/cold/0123456789abcdef0123456789abcdef"
NONCE = b"12345678"


def load(name: str) -> ModuleType:
    """An example's module, as it lies there."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


primary = load("mirrorbond_primary")
tail = load("tail_nginx")


async def asgi_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"the application"]


@contextlib.contextmanager
def over_asgi() -> Iterator[str]:
    app = primary.MirrorbondASGI(asgi_app, KEY.hex())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def over_wsgi() -> Iterator[str]:
    app = primary.MirrorbondWSGI(wsgi_app, KEY.hex())
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(20)


@pytest.fixture(params=[over_asgi, over_wsgi])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    serve: Callable[[], Any] = request.param
    with serve() as found:
        yield found


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


@pytest.mark.parametrize("as_query", [False, True])
def test_a_canary_is_answered_as_the_oracle_expects_and_nothing_else_is(url: str, as_query: bool) -> None:
    made = canary(KEY, NONCE, "/a/index.html", as_query=as_query)
    answered = get(url + made.url_path)
    assert answered.content == made.answer
    assert answered.headers["cache-control"] == "no-store"
    forged = canary(bytes(32), NONCE, "/a/index.html", as_query=as_query)
    for other in (forged.url_path, "/a/index.html", "/a/index.html?v=1", f"/{COLD}"):
        assert get(url + other).content == b"the application"


def test_cold_files_echo_and_others_do_not(url: str) -> None:
    before_ms = int(time.time() * 1000)
    for path in (COLD, "index.html", ".mirrorbond/other"):
        get(f"{url}/{path}")
    body = get(url + ECHO_PATH).content
    now_ms = int(time.time() * 1000)
    log = parse_echo_log(body, now_ms)
    assert log.has(echo_of(KEY, COLD), before_ms, now_ms)
    assert not log.has(echo_of(KEY, COLD), before_ms - 9_000, before_ms - 1)
    assert len(json.loads(body)["asked"]) == 1
    assert COLD not in body.decode()


SPELLED = [
    f"/{COLD}".replace(".mirrorbond/", ".mirrorbond//"),
    f"//{COLD}",
    f"/x/../{COLD}",
    f"/{COLD}".replace(".mirrorbond/", ".mirrorbond/./"),
    f"/{COLD}".replace(".mirrorbond", "%2emirrorbond"),
    f"/x/%2e%2e/{COLD}",
]


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_cold_file_echoes_however_its_path_is_spelled(url: str, spelled: str) -> None:
    raw_get(url, spelled)
    assert [name for _, name in json.loads(get(url + ECHO_PATH).content)["asked"]] == [echo_of(KEY, COLD)]


def raw_get(url: str, target: str) -> None:
    """A request whose target no client has put in order."""
    host, _, port = url.partition("://")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as opened:
        opened.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        while opened.recv(4096):
            pass


def test_other_protocols_and_methods_pass_through() -> None:
    asyncio.run(primary.MirrorbondASGI(asgi_app, KEY.hex())({"type": "lifespan"}, None, None))
    with over_asgi() as url:
        assert httpx.post(url + ECHO_PATH, trust_env=False).content == b"the application"


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        primary.Primary("ab")


def test_what_is_old_or_too_much_is_forgotten() -> None:
    known = primary.Primary(KEY.hex())
    known.note(f"/{COLD}", at_ms=1)
    assert json.loads(known.echo())["asked"] == []
    for _ in range(primary.MOST_KEPT + 10):
        known.note(f"/{COLD}")
    assert len(json.loads(known.echo())["asked"]) == primary.MOST_KEPT
    assert len(known.echo()) < 1 << 20


# ----------------------------------------------------------------------------------------------------------- nginx

LINE = '192.0.2.1 - - [23/Nov/2026:07:00:00 +0000] "{request}" {status} 512 "-" "Mozilla/5.0"\n'


@pytest.mark.parametrize(
    ("request_line", "base", "path"),
    [
        (f"GET /{COLD} HTTP/1.1", "", f"/{COLD}"),
        (f"GET /app/{COLD}?x=1 HTTP/1.1", "/app", f"/{COLD}"),
        (f"GET /other/{COLD} HTTP/2.0", "/app", ""),
        ("GET /%2Emirrorbond/cold/ab HTTP/1.1", "", "/.mirrorbond/cold/ab"),
        *((f"GET {spelled} HTTP/1.1", "", f"/{COLD}") for spelled in SPELLED),
        *((f"GET /y/../app{spelled} HTTP/1.1", "/app", f"/{COLD}") for spelled in SPELLED),
        (f"GET http://app.example:80/{COLD}?x=/#y HTTP/1.1", "", f"/{COLD}"),
        (f"GET /{COLD}#x HTTP/1.1", "", f"/{COLD}"),
        (f"POST /{COLD} HTTP/1.1", "", ""),
        ("\\x16\\x03", "", ""),
    ],
)
def test_the_usual_log_format_is_read(request_line: str, base: str, path: str) -> None:
    assert tail.path_in(LINE.format(request=request_line, status=200), base) == path


def test_the_tailer_follows_a_log_through_its_rotation(tmp_path: Path) -> None:
    log, key, root = tmp_path / "access.log", tmp_path / "key", tmp_path / "www"
    log.write_text(LINE.format(request=f"GET /{COLD[:-1]}0 HTTP/1.1", status=200))
    key.write_text(KEY.hex() + "\n")
    argv = [sys.executable, FOLDER / "tail_nginx.py", "--key-file", key, "--log", log, "--root", root]
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([str(part) for part in argv], cwd=tmp_path))
        stack.callback(process.terminate)
        assert names(root) == set()  # what stood there before it began is old
        with log.open("a") as opened:
            opened.write(LINE.format(request=f"GET /{COLD} HTTP/1.1", status=200))
        assert {echo_of(KEY, COLD)} == wait_for(root, 1)
        os.replace(log, tmp_path / "access.log.1")  # noqa: PTH105
        log.write_text(LINE.format(request=f"GET /{COLD}0 HTTP/1.1", status=200))
        assert {echo_of(KEY, COLD), echo_of(KEY, COLD + "0")} == wait_for(root, 2)


def names(root: Path) -> set[str]:
    place = root / ECHO_PATH.lstrip("/")
    deadline = time.monotonic() + 20
    while not place.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return {name for _, name in json.loads(place.read_text())["asked"]}


def wait_for(root: Path, count: int) -> set[str]:
    deadline = time.monotonic() + 20
    while len(found := names(root)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
