"""Declared checks come from strangers: each is read whole, or refused with the field that is wrong."""

import time
from typing import Any

import pytest

from oracle.checks import MOST_CHECKS, Check, Freshness, JsonTest, check_from_json, checks_from_json, pattern
from oracle.errors import InvalidInput

FULL = {
    "path": "/hub_info?full=1",
    "status": 200,
    "sha256": "ab" * 32,
    "text": '"latest_auth_version": *"v1"',
    "json": [
        {"at": "/challenge_text", "like": "gaiahub"},
        {"at": "/read_url_prefix", "exists": True},
        {"at": "/pages/0/count", "equals": 3},
        {"at": "", "equals": None},
    ],
    "fresh": {"at": "/updated_at", "within_s": 600},
}


def test_a_check_survives_json() -> None:
    check = check_from_json(FULL)
    assert check.to_json() == FULL
    assert check_from_json(check.to_json()) == check
    assert check_from_json({"path": "/"}) == Check("/")
    by_header = check_from_json({"path": "/", "fresh": {"header": "last-modified", "within_s": 60}})
    assert by_header.fresh == Freshness(60, header="last-modified")
    assert check.json[2] == JsonTest("/pages/0/count", equals=3)


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("check.path", {"path": "hub_info"}),
    ("check.path", {"path": "/a b"}),
    ("check.path", {"path": "//evil.example/"}),
    ("check.path", {"path": "/a/../../etc/passwd"}),
    ("check.path", {"path": "/a#b"}),
    ("check.path", {"path": "/" + "a" * 1_024}),
    ("check.path", {"path": "/.well-known/mirrorbond.json"}),
    ("check.status", {"status": 302}),
    ("check.status", {"status": 99}),
    ("check.status", {"status": "200"}),
    ("check.sha256", {"sha256": "AB" * 32}),
    ("check.text", {"text": "("}),
    ("check.text", {"text": "(?<=a)b"}),
    ("check.text", {"text": "((a{100}){100}){100}"}),
    ("check.text", {"text": ""}),
    ("check.text", {"text": "a" * 501}),
    ("check.json[0]", {"json": [{"at": "/a"}]}),
    ("check.json[0]", {"json": [{"at": "/a", "equals": 1, "exists": True}]}),
    ("check.json[0].at", {"json": [{"at": "a", "exists": True}]}),
    ("check.json[0].equals", {"json": [{"at": "/a", "equals": 1.5}]}),
    ("check.json[0].equals", {"json": [{"at": "/a", "equals": [1]}]}),
    ("check.json[0].equals", {"json": [{"at": "/a", "equals": 1 << 60}]}),
    ("check.json[0].exists", {"json": [{"at": "/a", "exists": False}]}),
    ("check.json", {"json": [{"at": "/a", "exists": True}] * 17}),
    ("check.fresh", {"fresh": {"within_s": 5}}),
    ("check.fresh.within_s", {"fresh": {"at": "", "within_s": 0}}),
    ("check.fresh.header", {"fresh": {"header": "x-time", "within_s": 5}}),
    ("check.unknown", {"unknown": 1}),
    ("check", {"status": 404, "text": "no such"}),
]


@pytest.mark.parametrize(("field", "spoilt"), HOSTILE)
def test_a_check_that_is_none_is_refused_by_field(field: str, spoilt: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_from_json({"path": "/", **spoilt})
    assert caught.value.name == field


def test_a_path_has_one_check() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        checks_from_json([{"path": "/a"}, {"path": "/a", "status": 404}])
    with pytest.raises(InvalidInput, match="at most"):
        checks_from_json([{"path": f"/{n}"} for n in range(MOST_CHECKS + 1)])


@pytest.mark.parametrize("evil", ["(a+)+$", "(a|a)*$", "(.*a){20}$", "a{1,500}a{1,500}$"])
def test_no_pattern_takes_more_than_linear_time(evil: str) -> None:
    began = time.process_time()
    pattern(evil).search(b"a" * 256 * 1024 + b"!")
    assert time.process_time() - began < 2
