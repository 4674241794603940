"""The application: `uvicorn --factory api.app:create_app`. It reads the store and writes nothing."""

from __future__ import annotations

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from api import badges, epochs, funds, health, metrics, mirrors, pages
from api.headers import Headers
from api.recent import Recent
from api.render import render
from oracle.errors import MirrorbondError
from oracle.settings import Settings, settings
from oracle.store.pages import FundView
from oracle.store.progress import Progress

log = structlog.get_logger(__name__)
MACHINES = ("/api/", "/badge/", "/openapi.json", "/healthz", "/readyz", "/metrics")
"""Where answers are for programs: errors there are JSON, elsewhere pages."""


def create_app(given: Settings | None = None) -> FastAPI:
    """The application with the settings given, or those of the environment."""
    app = FastAPI(title="Mirrorbond", version="1", docs_url=None, redoc_url=None, description=__doc__ or "")
    app.state.settings = given or settings()
    app.state.recent = Recent[FundView | None](app.state.settings.api_cache_s)
    app.state.recent_progress = Recent[Progress | None](app.state.settings.api_cache_s)
    for module in (health, metrics, funds, mirrors, epochs, badges, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(packages=[("api", "static")]), name="static")
    app.add_middleware(Headers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(MirrorbondError, _unavailable)
    app.add_exception_handler(sa.exc.OperationalError, _unavailable)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return answer(request, error.status_code, str(error.detail))


def _invalid(request: Request, error: Exception) -> Response:
    """Says which parameter cannot be used, and never repeats its value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    first = error.errors()[0]
    where, name = str(first["loc"][0]), str(first["loc"][-1])
    if where == "path" and not request.url.path.startswith(MACHINES):
        return answer(request, 404, "there is no such page")
    return answer(request, 422, f"{name}: {first['msg']}")


def _unavailable(request: Request, error: Exception) -> Response:
    log.error("store_unavailable", path=request.url.path, problem=type(error).__name__)
    return answer(request, 503, "the store cannot be read at the moment")


def answer(request: Request, status: int, text: str) -> Response:
    """An error as JSON for programs, as a page for people."""
    if request.url.path.startswith(MACHINES):
        return JSONResponse({"detail": text}, status_code=status)
    return HTMLResponse(render("message.html", status=status, text=text), status_code=status)
