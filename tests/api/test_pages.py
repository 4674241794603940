"""Pages say what their JSON twins say, show unknown as unknown, and keep strangers' text harmless."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from oracle.store import facts, tables
from oracle.store.db import writing
from tests.fixtures.screenshots import Scheme, shoot
from tests.fixtures.seeded import seed_fund

HOSTILE = "\"><script>alert('fund')</script><img src=x onerror=alert(1)>\u202e"


class Reader(HTMLParser):
    """What a page holds: its text, its elements, its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.links, self.events = "", set[str](), list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.events += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def read(client: httpx.Client, path: str) -> Reader:
    answer = client.get(path)
    assert answer.status_code == 200
    found = Reader(answer.text)
    found.text = re.sub(r"[ \n]+", " ", found.text)
    return found


def test_the_page_says_what_its_twin_says(seeded: httpx.Client) -> None:
    page, twin = read(seeded, "/funds/1"), seeded.get("/api/v1/funds/1").json()
    assert twin["verdict"] in page.text
    assert "/api/v1/funds/1" in page.links
    for mirror in twin["mirrors"]:
        assert mirror["url"].split("/")[2] in page.text
        assert f"/mirrors/{mirror['mirror']}" in page.links


def test_deductions_are_told_in_words_with_their_slots(seeded: httpx.Client) -> None:
    text = read(seeded, "/funds/1").text
    assert "Same network and region as mirrors ranked above 20 slots" in text
    assert "Same operator as a mirror ranked above 20 slots" in text
    assert "Not yet tested by an outage: counts 50\u202f% 14 slots" in text
    assert "73.6\u202f% up · 95\u202f% known" in text


def test_one_fund_is_the_front_page_and_several_are_listed(seeded: httpx.Client, file_store: sa.Engine) -> None:
    assert "Primary up." in read(seeded, "/").text
    assert "/funds/1" not in read(seeded, "/").links
    seed_fund(file_store, fund=2, app="Second")
    links = read(seeded, "/").links
    assert {"/funds/1", "/funds/2"} <= set(links)


def test_states_have_a_word_and_an_icon(seeded: httpx.Client) -> None:
    page = seeded.get("/funds/1").text
    for state, word in (("up", "Up"), ("down", "Down"), ("unknown", "Unknown")):
        assert re.search(rf'class="state {state}"><svg[^>]*><use href="#i-{state}"/></svg>{word}</span>', page)


def test_unknown_is_shown_as_unknown(seeded: httpx.Client, file_store: sa.Engine) -> None:
    seed_fund(file_store, fund=2, app="Bare")
    text = read(seeded, "/funds/2").text
    assert "Primary unknown. No mirrors yet, n_eff unknown" in text
    assert "No mirror has registered yet" in text
    assert "n_eff 0" not in text


def test_mirrors_without_votes_or_result_are_unknown(seeded: httpx.Client, file_store: sa.Engine) -> None:
    seed_fund(file_store, fund=2, app="Silent")
    with writing(file_store) as connection:
        connection.execute(sa.update(tables.mirrors).where(tables.mirrors.c.mirror.in_([1, 2])).values(fund=2))
    text = read(seeded, "/funds/2").text
    assert "Primary unknown. 2 mirrors in unknown state, n_eff unknown" in text
    assert "unknown: no result yet" in text


def test_amounts_of_an_unknown_token_are_in_its_smallest_unit(seeded: httpx.Client, file_store: sa.Engine) -> None:
    with writing(file_store) as connection:
        connection.execute(sa.delete(tables.facts).where(tables.facts.c.name.startswith(facts.TOKEN)))
    assert "12\u2009000\u2009000\u2009000\u2009000\u2009000\u2009000 units" in read(seeded, "/").text


def test_an_empty_store_has_a_page(empty: httpx.Client) -> None:
    text = read(empty, "/").text
    assert "Unknown: this node has not indexed the chain yet." in text


def test_the_plot_has_a_title_a_description_and_a_table(seeded: httpx.Client) -> None:
    page = seeded.get("/funds/1").text
    assert '<svg role="img" aria-labelledby="plot-title plot-desc">' in page
    assert '<title id="plot-title">Payouts per epoch, in DEMO</title>' in page
    assert "5 settled epochs, from 1 to 5" in page
    table = page.split('<table class="plain">')[1].split("</table>")[0]
    assert table.count("<tr>") == 6


def test_the_mirrors_page_has_votes_with_reason_and_detail(seeded: httpx.Client) -> None:
    text = read(seeded, "/mirrors/5").text
    assert "No connection connection refused, twice" in text
    assert "No answer in time no first byte within 10000 ms" in text
    assert "198.51.101.0/24" in text


def test_the_reader_may_have_the_page_refreshed(seeded: httpx.Client) -> None:
    assert 'http-equiv="refresh"' not in seeded.get("/").text
    assert '<meta http-equiv="refresh" content="5">' in seeded.get("/?refresh=5").text


def test_parameters_that_cannot_be_used_are_refused_and_not_repeated(seeded: httpx.Client) -> None:
    for path in ("/?refresh=0", "/?refresh=x", "/?after=-1", "/funds/1?refresh=%3Cscript%3E"):
        answer = seeded.get(path)
        assert answer.status_code == 422, path
        assert "script" not in answer.text, path


def test_what_does_not_exist_is_a_page_that_says_so(seeded: httpx.Client) -> None:
    for path in ("/funds/x", "/funds/99", "/mirrors/99", "/funds/99999999999999999999", "/nowhere"):
        answer = seeded.get(path)
        assert answer.status_code == 404, path
        assert "Not found" in answer.text, path


def hostile_store(engine: sa.Engine) -> None:
    """Everything that strangers choose is an attack."""
    with writing(engine) as connection:
        connection.execute(sa.update(tables.funds).values(app=HOSTILE))
        connection.execute(sa.update(tables.mirrors).values(url="javascript://a.example/%0aalert(1)//'\"><script>"))
        connection.execute(sa.update(tables.releases).values(url="javascript://a.example/%0aalert(2)"))
        connection.execute(sa.update(tables.offers).values(policy=HOSTILE))
        connection.execute(sa.update(tables.votes).values(detail=HOSTILE, path=HOSTILE, address=HOSTILE[:60]))
        connection.execute(
            sa.update(tables.facts)
            .where(tables.facts.c.name.startswith(facts.TOKEN))
            .values(value={"symbol": HOSTILE, "decimals": 18})
        )


def test_strangers_text_injects_nothing(seeded: httpx.Client, file_store: sa.Engine) -> None:
    hostile_store(file_store)
    seed_fund(file_store, fund=2, app=HOSTILE)
    for path in ("/", "/funds/1", "/mirrors/5"):
        page = read(seeded, path)
        assert "alert" in page.text, path  # it is shown, as text
        assert page.tags.isdisjoint({"script", "iframe", "object", "embed", "form", "base"}), path
        assert page.events == [], path
        assert not [link for link in page.links if "javascript" in link.lower()], path
        assert "\u202e" not in page.text, path


def test_the_host_of_the_request_injects_nothing(seeded: httpx.Client) -> None:
    page = Reader(seeded.get("/", headers={"host": 'x"><script>alert(1)</script>'}).text)
    assert "script" not in page.tags


PAGES = ("/funds/1", "/mirrors/5", "/", "/nowhere")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_window(
    seeded: httpx.Client, file_store: sa.Engine, browser: Browser, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    seed_fund(file_store, fund=2, app="W" * 100, url="https://" + "w" * 200 + ".example")
    for path in PAGES:
        widths = shoot(browser, f"{seeded.base_url}{path}", tmp_path / "page.png", width, scheme)
        assert widths["content"] <= widths["window"], path


def test_hostile_text_neither_runs_nor_breaks_the_page(
    seeded: httpx.Client, file_store: sa.Engine, browser: Browser
) -> None:
    hostile_store(file_store)
    problems: list[str] = []
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        page = context.new_page()
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("console", lambda message: problems.append(message.text))
        for path in ("/funds/1", "/mirrors/5"):
            page.goto(f"{seeded.base_url}{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert problems == []


def test_the_page_shows_states_without_javascript(seeded: httpx.Client, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{seeded.base_url}/funds/1")
        assert (
            page.get_by_role("row").filter(has_text="elm-cdn.example").get_by_text("Unknown", exact=True).is_visible()
        )
        assert page.get_by_role("row").filter(has_text="dogwood.example").get_by_text("Down", exact=True).is_visible()
        assert page.get_by_role("img", name="Payouts per epoch").is_visible()


def test_colours_follow_the_readers_scheme(seeded: httpx.Client, browser: Browser) -> None:
    colours = []
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(f"{seeded.base_url}/")
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(246, 245, 241)", "rgb(15, 18, 20)"]
