"""Templates escape; links lead only where a browser may safely go."""

import jinja2
import pytest

from api.render import behind_host, environment, host, link, static_version


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JavaScript://x.example/%0aalert(1)", "data:text/html,x", "//x.example", "https://", "x",
        "http://[", "https://a.example/\ufffd", "",
    ],
)  # fmt: skip
def test_only_web_addresses_become_links(url: str) -> None:
    assert link(url) is None


def test_web_addresses_become_links() -> None:
    assert link("https://a.example/b") == "https://a.example/b"
    assert link("http://127.1.2.1:80") == "http://127.1.2.1:80"


@pytest.mark.parametrize(
    ("url", "name", "rest"),
    [
        ("https://a.example:8443/b/c/", "a.example:8443", "/b/c"),
        ("https://a.example", "a.example", ""),
        ("nonsense", "nonsense", ""),
        ("http://[", "http://[", ""),
    ],
)
def test_a_mirror_is_told_by_its_host(url: str, name: str, rest: str) -> None:
    assert (host(url), behind_host(url)) == (name, rest)


def test_everything_is_escaped_and_nothing_may_be_missing() -> None:
    made = environment()
    assert made.from_string("{{ text }}").render(text="<b>'\"&") == "&lt;b&gt;&#39;&#34;&amp;"
    with pytest.raises(jinja2.UndefinedError):
        made.from_string("{{ text }}").render()


def test_no_template_switches_escaping_off_or_brings_scripts() -> None:
    made = environment()
    for name in made.list_templates():
        assert made.loader is not None
        source, _, _ = made.loader.get_source(made, name)
        for forbidden in (
            "|safe",
            "autoescape",
            "<script",
            "style=",
            "javascript:",
            "onload",
            'http-equiv="refresh" content="0',
        ):
            assert forbidden not in source.replace("| ", "|"), (name, forbidden)


def test_the_style_sheet_has_a_version() -> None:
    assert len(static_version()) == 12
