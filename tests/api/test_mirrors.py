"""One mirror as JSON."""

import httpx


def test_a_mirror_has_its_votes_with_reason_and_detail(seeded: httpx.Client) -> None:
    page = seeded.get("/api/v1/mirrors/5").json()
    assert (page["app"], page["mirror"]["mirror"], page["mirror"]["now"]["state"]) == ("Notes", 5, "down")
    newest = page["votes"][0]
    assert (newest["state"], newest["reason"], newest["detail"]) == ("down", "connect", "connection refused, twice")
    assert (newest["latency_ms"], newest["address"]) == (None, None)


def test_a_mirror_shows_what_was_asked_of_it_and_its_budget(seeded: httpx.Client) -> None:
    page = seeded.get("/api/v1/mirrors/5").json()
    assert {"node": "east", "requests": 10, "bytes": 200_000, "certificate_expires_s": None} in page["load"]
    assert [load["node"] for load in page["load"]] == ["east", "north", "south", "west"]
    assert (page["budget_requests"], page["budget_bytes"]) == (4_000, 512 * 1024 * 1024)
    text = seeded.get("/mirrors/5").text
    assert "10 requests, 195 kB by east" in text
    assert "at most 4\u2009000 requests and 512 MB a day" in text


def test_a_mirror_shows_how_long_its_certificate_is_valid(seeded: httpx.Client) -> None:
    load = seeded.get("/api/v1/mirrors/1").json()["load"]
    expiries = [one["certificate_expires_s"] for one in load if one["certificate_expires_s"] is not None]
    assert [one - min(expiries) for one in expiries] == [0, 86_400]
    assert "valid for 39 days</dd>" in seeded.get("/mirrors/1").text
    assert "valid for 23 h: renew it" in seeded.get("/mirrors/2").text
    assert "has expired" in seeded.get("/mirrors/3").text
    assert "Certificate" not in seeded.get("/mirrors/5").text


def test_a_mirror_that_ended_is_still_found(seeded: httpx.Client) -> None:
    page = seeded.get("/api/v1/mirrors/8").json()
    assert (page["mirror"]["stage"], page["mirror"]["end_epoch"]) == ("ended", 4)
    assert int(page["mirror"]["earned"]["available_wei"]) > 0


def test_there_is_no_mirror_that_is_none(seeded: httpx.Client) -> None:
    assert seeded.get("/api/v1/mirrors/99").status_code == 404
    assert seeded.get("/api/v1/mirrors/x").status_code == 422
