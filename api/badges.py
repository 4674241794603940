"""Badges for a README: as SVG of our own, and as JSON for shields.io's endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api import words
from api.deps import MaybeNow, Number, view_of
from api.render import render
from api.schemas import BadgeOut
from oracle.model import Reason
from oracle.store.mirrors import MirrorView, Stage
from oracle.store.pages import FundView

router = APIRouter(prefix="/badge", tags=["badges"])

GOOD, FAIR, POOR, BAD, UNKNOWN = "brightgreen", "yellow", "orange", "red", "lightgrey"
HEX: Mapping[str, str] = {GOOD: "#2c7a3f", FAIR: "#8a6500", POOR: "#a84a00", BAD: "#b3261e", UNKNOWN: "#65696e"}
"""The named colours as this server draws them: dark enough for white text."""


class Kind(StrEnum):
    """What a badge tells."""

    MIRRORS = "mirrors"
    INTEGRITY = "integrity"
    DEPLOY = "deploy"


Told = tuple[str, str]
"""Message and colour."""
NOTHING: Told = ("unknown", UNKNOWN)


def badge(view: FundView | None, kind: Kind) -> BadgeOut:
    """The badge of a fund; "unknown" where there is none or this node cannot say."""
    message, color = TELL[kind](view) if view else NOTHING
    return BadgeOut(label=LABELS[kind], message=message, color=color, is_error=False)


def _counting(view: FundView) -> list[MirrorView]:
    return [mirror for mirror in view.mirrors if mirror.stage in (Stage.COUNTING, Stage.LEAVING)]


def _share(part: int, whole: int) -> str:
    """The colour of so many of so many."""
    if part == whole:
        return GOOD
    return FAIR if 2 * part >= whole else POOR if part else BAD


def _mirrors(view: FundView) -> Told:
    if not view.counting:
        return "none yet", UNKNOWN
    if view.live is None:
        return NOTHING
    effective = "" if view.n_eff is None else f" / n_eff {words.n_eff(view.n_eff)}"
    return f"{view.live} of {view.counting} online{effective}", _share(view.live, view.counting)


def _integrity(view: FundView) -> Told:
    """Of the mirrors that served bytes in the newest epoch with a result, how many never a wrong one."""
    weighed = [mirror.weighed for mirror in _counting(view) if mirror.weighed]
    wrong = [one for one in weighed if any(cut.reason is Reason.WRONG_BYTES for cut in one.deductions)]
    served = [one for one in weighed if one.up_slots or one in wrong]
    if not served:
        return NOTHING
    if wrong:
        return f"wrong bytes on {len(wrong)} of {len(served)}", BAD
    return f"verified on {len(served)} of {view.counting}", _share(len(served), view.counting)


def _deploy(view: FundView) -> Told:
    mirrors = _counting(view)
    known = [mirror for mirror in mirrors if mirror.release_current is not None]
    if not known or view.release is None:
        return NOTHING
    current = sum(mirror.release_current is True for mirror in known)
    version = f"{view.release.version} " if view.release.version else "release "
    return f"{version}current on {current} of {len(mirrors)}", _share(current, len(mirrors))


TELL: Mapping[Kind, Callable[[FundView], Told]] = {
    Kind.MIRRORS: _mirrors,
    Kind.INTEGRITY: _integrity,
    Kind.DEPLOY: _deploy,
}
LABELS: Mapping[Kind, str] = {Kind.MIRRORS: "mirrors", Kind.INTEGRITY: "integrity", Kind.DEPLOY: "deploy"}

WIDTHS: Mapping[str, float] = {
    letter: width
    for letters, width in (
        ("iljI|!.,:;'", 3.3),
        (" ", 3.9),
        ('ftr()[]/-"', 4.6),
        ("Jcksvxyz", 5.9),
        ("abdeghnopqu0123456789?_+=<>~#$*L", 7.0),
        ("ABCEFKPSTVXYZ&", 7.7),
        ("DGHNOQRUw", 8.7),
        ("mMW%@", 10.7),
    )
    for letter in letters
}
"""Widths of Verdana's characters at 11 pixels, by groups; any other takes 11."""


def text_width(text: str) -> int:
    """About how many pixels a text takes."""
    return round(sum(WIDTHS.get(letter, 11.0) for letter in text))


def svg(told: BadgeOut) -> str:
    """The badge as a picture; its text is what people read, so it is escaped and cut."""
    label, message = told.label, words.cut(told.message, 80)
    left, right = text_width(label) + 12, text_width(message) + 12
    return render("badge.svg", label=label, message=message, left=left, right=right, fill=HEX[told.color])


def badge_of(request: Request, moment: MaybeNow, fund: Number, kind: Kind) -> BadgeOut:
    """The badge of the path: also of a fund that does not exist, for a broken picture tells less than "unknown"."""
    view = view_of(request, moment, fund) if moment else None
    return badge(view, kind)


Badge = Annotated[BadgeOut, Depends(badge_of)]


@router.get("/{fund}/{kind}.svg", response_class=Response)
def get_svg(request: Request, told: Badge) -> Response:
    """A badge as SVG."""
    return _cached(request, svg(told).encode(), "image/svg+xml")


@router.get("/{fund}/{kind}.json", response_model=BadgeOut)
def get_json(request: Request, told: Badge) -> Response:
    """A badge for shields.io: `https://img.shields.io/endpoint?url=<this address>`."""
    return _cached(request, told.model_dump_json(by_alias=True).encode(), "application/json")


def _cached(request: Request, body: bytes, media_type: str) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "public, max-age=60"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
