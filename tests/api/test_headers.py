"""What every answer says to browsers."""

import httpx

from api.headers import SECURITY

PATHS = (
    "/",
    "/funds/1",
    "/mirrors/1",
    "/nowhere",
    "/static/style.css",
    "/api/v1/funds",
    "/badge/1/mirrors.svg",
    "/healthz",
)


def test_every_answer_forbids_scripts_frames_and_guessing(seeded: httpx.Client) -> None:
    for path in PATHS:
        headers = seeded.get(path).headers
        assert {name: headers.get(name) for name in SECURITY} == SECURITY, path
        assert "set-cookie" not in headers, path


def test_the_policy_allows_nothing_but_own_style_and_pictures() -> None:
    allowed = [part for part in SECURITY["content-security-policy"].split("; ") if not part.endswith("'none'")]
    assert allowed == ["style-src 'self'", "img-src 'self'"]


def test_public_data_may_be_read_by_any_page(seeded: httpx.Client) -> None:
    for path, origin in (("/api/v1/funds", "*"), ("/badge/1/mirrors.json", "*"), ("/", None)):
        assert seeded.get(path).headers.get("access-control-allow-origin") == origin


def test_head_is_get_without_the_body(seeded: httpx.Client) -> None:
    for path in PATHS:
        assert seeded.head(path).status_code == seeded.get(path).status_code, path
        assert seeded.head(path).content == b"", path


def test_nothing_can_be_written(seeded: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert seeded.request(method, "/api/v1/funds/1").status_code == 405
        assert seeded.request(method, "/funds/1").status_code == 405
