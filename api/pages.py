"""Pages for people, each from the same query as its JSON twin."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api import words
from api.deps import LARGEST, Fund, MaybeNow
from api.funds import summaries
from api.mirrors import Page
from api.plots import payouts
from api.render import render
from oracle.store.moment import Moment
from oracle.store.pages import FundView

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Refresh = Annotated[int | None, Query(ge=2, le=3600)]
"""Seconds after which the browser asks again: chosen by the reader, as there are no scripts."""
STALE_S = 120
"""After so long without indexing, what the page says of the chain may be old."""


def page(template: str, request: Request, moment: Moment | None, refresh: int | None, **values: Any) -> HTMLResponse:
    """A page with what all of them show."""
    shared = {
        "moment": moment,
        "refresh": refresh,
        "path": request.url.path,
        "base": str(request.base_url).rstrip("/"),
        "age_s": indexed_age_s(moment),
        "stale_s": STALE_S,
    }
    return HTMLResponse(render(template, **shared, **values), headers={"cache-control": "no-cache"})


def indexed_age_s(moment: Moment | None) -> int | None:
    """How long ago this node last looked at the chain; None if unknown."""
    if moment is None or moment.indexed_s is None:
        return None
    return max(0, moment.now_ms // 1000 - moment.indexed_s)


@router.get("/")
def index(
    request: Request, moment: MaybeNow, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0, refresh: Refresh = None
) -> HTMLResponse:
    """All funds; where there is but one, its page."""
    views, next_after = summaries(request, moment, after)
    if len(views) == 1 and not after:
        return fund_page(request, views[0], refresh)
    return page("funds.html", request, moment, refresh, funds=views, next_after=next_after, twin="/api/v1/funds")


@router.get("/funds/{fund}")
def show_fund(request: Request, view: Fund, refresh: Refresh = None) -> HTMLResponse:
    """One fund."""
    return fund_page(request, view, refresh)


def fund_page(request: Request, view: FundView, refresh: int | None) -> HTMLResponse:
    """One fund's page."""
    return page(
        "fund.html",
        request,
        view.moment,
        refresh,
        fund=view,
        verdict=words.verdict(view),
        standing=words.standing(view),
        plot=payouts(view.epochs, [mirror.mirror for mirror in view.mirrors]),
        twin=f"/api/v1/funds/{view.fund}",
    )


@router.get("/mirrors/{mirror}")
def show_mirror(request: Request, mirror: Page, refresh: Refresh = None) -> HTMLResponse:
    """One mirror."""
    twin = f"/api/v1/mirrors/{mirror.mirror.mirror}"
    return page("mirror.html", request, mirror.moment, refresh, page=mirror, mirror=mirror.mirror, twin=twin)
