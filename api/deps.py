"""What every answer needs: the store, read in one transaction at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, HTTPException, Path, Query, Request

from api.recent import Recent
from oracle.settings import Settings
from oracle.store import moment as moments
from oracle.store.db import open_store, reading
from oracle.store.moment import Moment
from oracle.store.observations import now_ms
from oracle.store.pages import FundView, fund_view

LARGEST = (1 << 63) - 1

Number = Annotated[int, Path(ge=0, le=LARGEST)]
"""An id or epoch in a path: what the store can hold."""
Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[int | None, Query(ge=0, le=LARGEST)]


def settings_of(request: Request) -> Settings:
    """The settings that the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def engine_of(request: Request) -> sa.Engine:
    """This process's store, which refuses writes."""
    return open_store(settings_of(request).store_url(), read_only=True)


def connection_of(engine: Annotated[sa.Engine, Depends(engine_of)]) -> Iterator[sa.Connection]:
    """One transaction for all queries of one answer."""
    with reading(engine) as connection:
        yield connection


Connection = Annotated[sa.Connection, Depends(connection_of)]


def moment_of(connection: Connection) -> Moment | None:
    """The moment; None before the chain was first indexed."""
    return moments.moment(connection, now_ms())


MaybeNow = Annotated[Moment | None, Depends(moment_of)]


def known_moment(moment: MaybeNow) -> Moment:
    """The moment.

    Raises: HTTPException with 404 before the chain was first indexed: there is nothing yet.
    """
    if moment is None:
        raise HTTPException(404, "nothing is known yet: this node has not indexed the chain")
    return moment


Now = Annotated[Moment, Depends(known_moment)]


def view_of(request: Request, moment: Moment, fund: int) -> FundView | None:
    """A fund's view, as it was read just now or a moment ago; None if there is no such fund."""
    recent: Recent[FundView | None] = request.app.state.recent
    return recent.get(fund, lambda: fund_view(moment, fund))


def fund_of(request: Request, moment: Now, fund: Number) -> FundView:
    """The fund of the path.

    Raises: HTTPException with 404 if there is none.
    """
    view = view_of(request, moment, fund)
    if view is None:
        raise HTTPException(404, f"there is no fund {fund}")
    return view


Fund = Annotated[FundView, Depends(fund_of)]
