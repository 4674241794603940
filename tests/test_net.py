"""What we fetch is bounded in bytes and time, and comes from the host that was asked."""

from __future__ import annotations

import time

import pytest

from oracle.errors import FetchFailed
from oracle.net import AT_ONCE, MOST_REDIRECTS, fetch, fetch_each
from tests.fixtures.hostile import (
    Behaviour,
    Hostile,
    answer,
    closed_port,
    endless,
    in_turn,
    resets,
    says,
    serves,
    silent,
    zipped,
)

HEAD = b"HTTP/1.1 200 OK\r\n"


def test_a_body_comes_as_it_was_sent() -> None:
    with Hostile(serves({"/a b": b"no", "/a%20b": b"yes"})) as server:
        assert fetch(f"{server.url}/a%20b", 3, 5) == b"yes"
        (head,) = server.asked
    assert head.startswith(b"GET /a%20b HTTP/1.1")
    assert b"accept-encoding: identity" in head.lower()


def test_compression_that_nobody_asked_for_is_not_undone() -> None:
    with Hostile(says(zipped(b"x" * 100_000))) as server:
        assert fetch(server.url, 10_000, 5)[:2] == b"\x1f\x8b"


HOSTILE: list[tuple[str, Behaviour]] = [
    ("answers 404", serves({})),
    ("answers 204", says(answer(status="204 No Content"))),
    ("answers 206", says(answer(b"part", status="206 Partial Content"))),
    ("more than 1000 bytes", says(answer(b"x" * 1_001))),
    ("more than 1000 bytes", endless(b"x" * 1_000, HEAD + b"\r\n")),
    ("no answer", says(b"nonsense\r\n\r\n")),
    ("no answer", says(HEAD + b"content-length: 10\r\n\r\nshort")),
    ("no answer", resets(HEAD + b"content-length: 10\r\n\r\nshort")),
    ("no complete answer within 0.5 s", silent),
    ("no complete answer within 0.5 s", endless(b"x", HEAD + b"\r\n", pause_s=0.05)),
    ("no complete answer within 0.5 s", endless(b"x: y\r\n", HEAD, pause_s=0.05)),
]


@pytest.mark.parametrize(("problem", "behave"), HOSTILE, ids=[f"{i}-{row[0]}" for i, row in enumerate(HOSTILE)])
def test_a_server_that_misbehaves_costs_one_sentence_and_little_time(problem: str, behave: Behaviour) -> None:
    with Hostile(behave) as server:
        started = time.monotonic()
        with pytest.raises(FetchFailed, match=problem) as caught:
            fetch(f"{server.url}/path?token=secret", 1_000, 0.5)
        assert time.monotonic() - started < 5
    assert caught.value.url == f"{server.url}/path"
    assert "secret" not in str(caught.value)


def test_a_port_where_nothing_listens_is_a_failure() -> None:
    with pytest.raises(FetchFailed, match="no answer"):
        fetch(f"http://127.1.1.1:{closed_port()}/", 10, 5)


@pytest.mark.parametrize(
    "url", ["", "app.example", "ftp://127.0.0.1/a", "file:///etc/passwd", "http://", "http://[::1"]
)
def test_what_is_no_url_of_the_web_is_a_failure(url: str) -> None:
    with pytest.raises(FetchFailed, match="is not an http or https URL"):
        fetch(url, 10, 5)


# ------------------------------------------------------------------------------------------------------- redirects


def redirect(to: str) -> Behaviour:
    return says(answer(status="302 Found", location=to))


def test_a_redirect_on_the_same_host_is_followed() -> None:
    with Hostile(in_turn(redirect("/there"), says(answer(b"here")))) as server:
        assert fetch(server.url, 10, 5) == b"here"
        assert server.paths() == ["/", "/there"]


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with Hostile(serves({}), "127.1.2.1") as other, Hostile(redirect(f"{other.url}/x")) as server:
        with pytest.raises(FetchFailed, match=r"redirects to http://127\.1\.2\.1, which is not followed"):
            fetch(server.url, 10, 5)
        assert other.asked == []


def test_redirects_in_a_circle_come_to_an_end() -> None:
    with Hostile(redirect("/again")) as server:
        with pytest.raises(FetchFailed, match="redirects"):
            fetch(server.url, 10, 5)
        assert len(server.asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize("to", ["http://[::1", "ftp://127.1.1.1/a", "http://127.1.1.1:99999/"])
def test_a_redirect_to_nowhere_is_a_failure(to: str) -> None:
    with Hostile(redirect(to)) as server, pytest.raises(FetchFailed):
        fetch(server.url, 10, 5)


# ------------------------------------------------------------------------------------------------------------ many


def test_many_are_fetched_a_few_at_a_time_and_fail_one_by_one() -> None:
    files = {f"/{i}": str(i).encode() for i in range(30) if i % 3}
    got: dict[int, bytes | FetchFailed] = {}
    with Hostile(serves(files)) as server:
        fetch_each([(f"{server.url}/{i}", 10) for i in range(30)], 5, got.__setitem__)
    assert sorted(got) == list(range(30))
    for i, result in got.items():
        assert result == str(i).encode() if i % 3 else isinstance(result, FetchFailed)


def test_a_slow_server_is_asked_for_several_files_at_once() -> None:
    got: list[int] = []
    with Hostile(says(HEAD, b"content-length: 1\r\n\r\nx", pause_s=0.3)) as server:
        started = time.monotonic()
        fetch_each([(f"{server.url}/{i}", 10) for i in range(AT_ONCE)], 5, lambda i, _: got.append(i))
        assert time.monotonic() - started < 0.3 * AT_ONCE
    assert sorted(got) == list(range(AT_ONCE))


def test_nothing_is_fetched_for_nothing() -> None:
    fetch_each([], 5, lambda _, result: pytest.fail(f"fetched {result!r}"))
