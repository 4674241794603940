"""Badges: shields.io's schema to the letter, and pictures of our own that strangers' text cannot break."""

import dataclasses
import itertools
import re
import xml.etree.ElementTree as ElementTree

import httpx
import pytest
import sqlalchemy as sa

from api.badges import HEX, Kind, badge, svg, text_width
from api.schemas import BadgeOut
from oracle.model import Reason
from oracle.store import moment as moments
from oracle.store.db import reading
from oracle.store.mirrors import Deduction
from oracle.store.pages import FundView, fund_view
from tests.fixtures.seeded import NOW_EPOCH, seed, seed_fund

KEYS = ["schemaVersion", "label", "message", "color", "isError", "cacheSeconds"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def view(file_store: sa.Engine) -> FundView:
    clock = seed(file_store)
    with reading(file_store) as connection:
        moment = moments.moment(connection, (clock.start_s(NOW_EPOCH) + 10) * 1000)
        assert moment is not None
        found = fund_view(moment, 1)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "message", "color"),
    [
        (Kind.MIRRORS, r"5 of 7 online / n_eff 3\.\d", "yellow"),
        (Kind.INTEGRITY, r"verified on 7 of 7", "brightgreen"),
        (Kind.DEPLOY, r"1\.1\.0 current on 6 of 7", "yellow"),
    ],
)
def test_a_badge_tells_the_state_of_the_fund(view: FundView, kind: Kind, message: str, color: str) -> None:
    told = badge(view, kind)
    assert re.fullmatch(message, told.message)
    assert told.color == color


def test_wrong_bytes_are_told_in_red(view: FundView) -> None:
    first = view.mirrors[0]
    assert first.weighed is not None
    wrong = dataclasses.replace(first.weighed, deductions=(Deduction(Reason.WRONG_BYTES, 20),))
    tampered = dataclasses.replace(view, mirrors=(dataclasses.replace(first, weighed=wrong), *view.mirrors[1:]))
    told = badge(tampered, Kind.INTEGRITY)
    assert (told.message, told.color) == ("wrong bytes on 1 of 7", "red")


def test_a_mirror_that_served_nothing_is_not_verified(view: FundView) -> None:
    first = view.mirrors[0]
    assert first.weighed is not None
    down = dataclasses.replace(first.weighed, up_slots=0, deductions=(Deduction(Reason.TIMEOUT, 20),))
    silent = dataclasses.replace(first, weighed=down)
    assert down.known_slots
    told = badge(dataclasses.replace(view, mirrors=(silent, *view.mirrors[1:])), Kind.INTEGRITY)
    assert (told.message, told.color) == ("verified on 6 of 7", "yellow")
    assert badge(dataclasses.replace(view, mirrors=(silent,)), Kind.INTEGRITY).message == "unknown"
    tampered = dataclasses.replace(down, deductions=(Deduction(Reason.WRONG_BYTES, 20),))
    alone = dataclasses.replace(view, mirrors=(dataclasses.replace(first, weighed=tampered),))
    assert badge(alone, Kind.INTEGRITY).message == "wrong bytes on 1 of 1"


def test_what_is_unknown_is_grey_and_says_so(seeded: httpx.Client, file_store: sa.Engine) -> None:
    seed_fund(file_store, fund=2)
    for fund, kind in itertools.product((2, 99), Kind):
        told = seeded.get(f"/badge/{fund}/{kind}.json").json()
        assert told["color"] == "lightgrey"
        assert told["message"] in ("unknown", "none yet")
        assert "0" not in told["message"]


def test_an_empty_store_has_badges_too(empty: httpx.Client) -> None:
    assert empty.get("/badge/1/mirrors.json").json()["message"] == "unknown"


def test_the_json_has_exactly_the_keys_of_shields(seeded: httpx.Client) -> None:
    for kind in Kind:
        told = seeded.get(f"/badge/1/{kind}.json").json()
        assert list(told) == KEYS
        assert (told["schemaVersion"], told["isError"], told["cacheSeconds"]) == (1, False, 300)
        assert told["color"] in HEX


def test_the_picture_says_what_the_json_says(seeded: httpx.Client) -> None:
    for kind in Kind:
        told = seeded.get(f"/badge/1/{kind}.json").json()
        answer = seeded.get(f"/badge/1/{kind}.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        picture = ElementTree.fromstring(answer.text)  # noqa: S314 - our own
        assert [text.text for text in picture.iter(f"{SVG}text")] == [told["label"], told["message"]]
        assert picture.attrib["aria-label"] == f"{told['label']}: {told['message']}"


def test_a_badge_is_kept_a_minute_and_asked_for_by_its_tag(seeded: httpx.Client) -> None:
    first = seeded.get("/badge/1/integrity.svg")
    assert "max-age=60" in first.headers["cache-control"]
    again = seeded.get("/badge/1/integrity.svg", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert seeded.get("/badge/1/integrity.svg", headers={"if-none-match": '"other"'}).status_code == 200


def test_hostile_text_stays_text() -> None:
    hostile = "</text><script>alert(1)</script>\"'&"
    picture = ElementTree.fromstring(svg(BadgeOut(label="x", message=hostile, color="red")))  # noqa: S314 - our own
    assert [text.text for text in picture.iter(f"{SVG}text")] == ["x", hostile]
    assert not list(picture.iter(f"{SVG}script"))


def test_long_text_is_cut() -> None:
    picture = ElementTree.fromstring(svg(BadgeOut(label="x", message="m" * 500, color="red")))  # noqa: S314 - our own
    assert int(picture.attrib["width"]) < 1_000


def test_wide_letters_take_more_room() -> None:
    assert text_width("iii") < text_width("aaa") < text_width("WWW") < text_width("漢漢漢")


def test_there_are_no_other_badges(empty: httpx.Client) -> None:
    for path in ("/badge/1/none.svg", "/badge/x/mirrors.svg", "/badge/-1/mirrors.json"):
        assert empty.get(path).status_code == 422, path
