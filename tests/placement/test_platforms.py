"""A shared platform is known by name, prefix or autonomous system, and is one wherever it is."""

from __future__ import annotations

import json
from importlib.resources import files
from ipaddress import ip_address

import pytest

from oracle.errors import InvalidInput
from oracle.placement.data import ranges
from oracle.placement.platforms import platforms, read_platforms

TABLE = read_platforms(
    json.dumps(
        [
            {"platform": "a", "systems": [7], "prefixes": ["192.0.2.0/24"], "names": ["a.example"], "source": "s"},
            {"platform": "b", "systems": [8], "prefixes": ["192.0.2.8/32", "2001:db8::/32"], "source": "s"},
        ]
    )
)


@pytest.mark.parametrize(
    ("address", "asn", "names", "platform"),
    [
        ("198.51.100.1", 9, [], ""),
        ("198.51.100.1", 7, [], "a"),
        ("192.0.2.1", 9, [], "a"),
        ("192.0.2.8", 9, [], "b"),  # the longer prefix
        ("192.0.2.1", 8, [], "a"),  # a prefix says more than a system
        ("2001:db8::1", 0, [], "b"),
        ("192.0.2.8", 8, ["www.a.example"], "a"),  # a name says most
        ("198.51.100.1", 9, ["mirror.example", "x.y.A.Example."], "a"),
        ("198.51.100.1", 9, ["a.example"], "a"),
        ("198.51.100.1", 9, ["nota.example", "a.example.org", ""], ""),
    ],
)
def test_a_platform_is_found_by_name_then_prefix_then_system(
    address: str, asn: int, names: list[str], platform: str
) -> None:
    assert TABLE.find(ip_address(address), asn, names) == platform


@pytest.mark.parametrize(
    ("address", "names", "platform"),
    [
        ("185.199.108.153", [], "github-pages"),
        ("2606:50c0:8003::153", [], "github-pages"),
        ("104.16.1.1", [], "cloudflare"),
        ("151.101.1.1", [], "fastly"),
        ("199.36.158.100", [], "firebase-hosting"),
        ("75.2.60.5", [], "netlify"),
        ("75.2.61.5", [], "amazon-global-accelerator"),
        ("3.120.1.1", ["mirror.example", "some-site.netlify.app"], "netlify"),
        ("76.76.21.21", [], "vercel"),
        ("3.120.1.1", ["cname.vercel-dns.com"], "vercel"),
        ("13.32.1.1", [], "amazon-cloudfront"),
        ("66.241.124.1", [], "fly"),
        ("3.120.1.1", [], ""),  # a rented server at Amazon
        ("95.216.1.1", [], ""),
        ("139.162.1.1", [], ""),  # one at Linode, which belongs to Akamai
    ],
)
def test_the_table_shipped_knows_the_usual_platforms(address: str, names: list[str], platform: str) -> None:
    where = ip_address(address)
    assert platforms().find(where, ranges().find(where)[0], names) == platform


def test_every_platform_shipped_has_a_source_and_a_mark() -> None:
    entries = json.loads(files("oracle.placement").joinpath("platforms.json").read_text())
    names = [entry["platform"] for entry in entries]
    assert names == sorted(set(names))
    for entry in entries:
        assert entry["source"].startswith("https://"), entry["platform"]
        assert entry.get("names") or entry.get("prefixes") or entry.get("systems"), entry["platform"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("{}", "list"),
        ('[{"platform": "a"}]', "source"),
        ('[{"platform": "a", "source": "s", "prefixes": ["192.0.2.1/24"]}]', "host bits"),
        ('[{"platform": "a", "source": "s", "systems": ["7"]}]', "integer"),
        ('[{"platform": "a", "source": "s", "names": [7]}]', "text"),
        ('[{"platform": "a", "source": "s", "extra": 1}]', "extra"),
        (
            '[{"platform": "a", "source": "s", "systems": [7]}, {"platform": "b", "source": "s", "systems": [7]}]',
            "7 belongs to a and to b",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(table: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read_platforms(table)
