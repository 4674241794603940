"""Whether this process works: for whoever restarts it, and whoever sends it requests."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.deps import engine_of
from api.pages import STALE_S, indexed_age_s
from api.schemas import HealthOut
from oracle.errors import MirrorbondError
from oracle.store import moment as moments
from oracle.store.db import reading
from oracle.store.observations import now_ms

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> HealthOut:
    """The process answers."""
    return HealthOut(status="ok")


@router.get("/readyz", response_model=HealthOut, responses={503: {"model": HealthOut}})
def readyz(request: Request) -> JSONResponse:
    """The store can be read, and the chain was indexed within the last two minutes; else 503 with the reason."""
    problem = _problem(request)
    told = HealthOut(status="failing" if problem else "ok", reason=problem)
    return JSONResponse(told.model_dump(), status_code=503 if problem else 200)


def _problem(request: Request) -> str:
    try:
        with reading(engine_of(request)) as connection:
            age_s = indexed_age_s(moments.moment(connection, now_ms()))
    except (MirrorbondError, sa.exc.SQLAlchemyError) as error:
        return f"the store cannot be read: {type(error).__name__}"
    if age_s is None:
        return "the chain has not been indexed yet"
    return f"the chain was last indexed {age_s} s ago" if age_s > STALE_S else ""
