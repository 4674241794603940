"""For the developer's own server: answers canaries and tells, in keyed hashes, for which cold files it was asked.

Copy this file into your application; it needs nothing but Python. Give the key (64 hexadecimal digits, one for each
fund) to the oracle committee, and keep it from everybody else:

    app = MirrorbondASGI(app, key)                  # ASGI: Starlette, FastAPI, Django, Quart ...
    application = MirrorbondWSGI(application, key)  # WSGI: Flask, Django, Bottle ...

Both ends speak of paths below the base URL of the primary, which is where `app` is mounted. The log is kept in the
memory of one process: with several, or with a server in front that answers files itself, use tail_nginx.py instead.
"""

import hashlib
import hmac
import json
import posixpath
import re
import threading
import time
from collections import deque
from urllib.parse import parse_qsl

ECHO_PATH = "/.well-known/mirrorbond/echo.json"
COLD_FOLDER = ".mirrorbond/cold/"
KEPT_MS = 15 * 60 * 1000
MOST_KEPT = 4_096
_TOKEN = re.compile(r"[0-9a-f]{32}")
_NO_STORE = "no-store"


def _mac(key, purpose, text):
    return hmac.new(key, f"mirrorbond {purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def plain(path):
    """A decoded path as servers understand it, whose spelling is the client's: `/x/..//.mirrorbond/./cold/a`."""
    return posixpath.normpath("/" + path.lstrip("/"))


class Primary:
    """What a primary knows: the key, and when it was asked for which cold file."""

    def __init__(self, key):
        self._key = bytes.fromhex(key)
        if len(self._key) != 32:
            raise ValueError("a key has 64 hexadecimal digits")
        self._asked = deque(maxlen=MOST_KEPT)
        self._lock = threading.Lock()

    def canary(self, path, query):
        """The answer to a canary, None for any other request."""
        name = path.rpartition("/")[2]
        for text in (name.partition(".")[0], *(value for _, value in parse_qsl(query))):
            if _TOKEN.fullmatch(text) and hmac.compare_digest(text[16:], _mac(self._key, "ask", text[:16])[:16]):
                return _mac(self._key, "answer", text).encode()
        return None

    def note(self, path, at_ms=None):
        """Remember a request, if it was for a cold file."""
        name = plain(path).lstrip("/")
        if name.startswith(COLD_FOLDER):
            entry = (int(time.time() * 1000) if at_ms is None else at_ms, _mac(self._key, "echo", name)[:32])
            with self._lock:
                self._asked.append(entry)

    def echo(self):
        """The document at ECHO_PATH: who has no key cannot tell what was asked for."""
        now_ms = int(time.time() * 1000)
        with self._lock:
            asked = [list(entry) for entry in self._asked if entry[0] >= now_ms - KEPT_MS]
        return json.dumps({"spec": 1, "now_ms": now_ms, "asked": asked}).encode()

    def answer(self, path, query):
        """What this answers itself, as (content type, body); None for what is the application's."""
        if path == ECHO_PATH:
            return "application/json", self.echo()
        body = self.canary(path, query)
        if body is not None:
            return "text/plain", body
        self.note(path)
        return None


class MirrorbondASGI:
    """An ASGI application around another one."""

    def __init__(self, app, key):
        self._app, self._primary = app, Primary(key)

    async def __call__(self, scope, receive, send):
        """Answer what is ours, pass on the rest."""
        found = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            found = self._primary.answer(path, scope["query_string"].decode("latin-1"))
        if found is None:
            await self._app(scope, receive, send)
            return
        kind, body = found
        names = (("content-type", kind), ("content-length", str(len(body))), ("cache-control", _NO_STORE))
        headers = [(name.encode(), value.encode()) for name, value in names]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class MirrorbondWSGI:
    """A WSGI application around another one."""

    def __init__(self, application, key):
        self._application, self._primary = application, Primary(key)

    def __call__(self, environ, start_response):
        """Answer what is ours, pass on the rest."""
        found = None
        if environ["REQUEST_METHOD"] == "GET":
            path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
            found = self._primary.answer(path, environ.get("QUERY_STRING", ""))
        if found is None:
            return self._application(environ, start_response)
        kind, body = found
        names = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", _NO_STORE)]
        start_response("200 OK", names)
        return [body]
