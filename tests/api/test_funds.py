"""Funds as JSON: amounts are decimal strings, unknown is null, pages go on where the last one ended."""

from typing import Any

import httpx
import sqlalchemy as sa

from tests.fixtures.seeded import NOW_EPOCH, REWARD_WEI, seed_fund


def amounts(value: Any) -> list[Any]:
    """Every value in the JSON whose name ends in _wei."""
    if isinstance(value, dict):
        own = [item for name, item in value.items() if name.endswith("_wei")]
        return own + [found for item in value.values() for found in amounts(item)]
    return [found for item in value for found in amounts(item)] if isinstance(value, list) else []


def test_an_empty_store_has_no_funds(empty: httpx.Client) -> None:
    assert empty.get("/api/v1/funds").json() == {"funds": [], "next_after": None}
    assert empty.get("/api/v1/funds/1").status_code == 404


def test_the_list_tells_how_each_fund_stands(seeded: httpx.Client) -> None:
    (fund,) = seeded.get("/api/v1/funds").json()["funds"]
    assert (fund["fund"], fund["app"], fund["live"], fund["counting"], fund["target"]) == (1, "Notes", 5, 7, 4)
    assert fund["reward_wei"] == str(REWARD_WEI)
    assert fund["verdict"].startswith("Primary up. 5 of 7 mirrors live, n_eff 3.")
    assert fund["verdict"].endswith(f"the fund lasts {fund['runway_epochs']} epochs.")


def test_the_list_goes_on_where_it_ended(seeded: httpx.Client, file_store: sa.Engine) -> None:
    for fund in range(2, 23):
        seed_fund(file_store, fund=fund)
    first = seeded.get("/api/v1/funds").json()
    second = seeded.get("/api/v1/funds", params={"after": first["next_after"]}).json()
    assert [fund["fund"] for fund in first["funds"] + second["funds"]] == list(range(1, 23))
    assert second["next_after"] is None


def test_amounts_are_decimal_text(seeded: httpx.Client) -> None:
    for path in ("", "/mirrors", "/epochs", "/payouts"):
        found = amounts(seeded.get(f"/api/v1/funds/1{path}").json())
        assert found, path
        assert all(value is None or (isinstance(value, str) and int(value) >= 0) for value in found), path


def test_what_is_unknown_is_null(seeded: httpx.Client, file_store: sa.Engine) -> None:
    seed_fund(file_store, fund=2)
    bare = seeded.get("/api/v1/funds/2").json()
    assert (bare["n_eff"], bare["result_epoch"], bare["primary"]["now"]["state"]) == (None, None, "unknown")
    running = seeded.get("/api/v1/funds/1/epochs").json()["epochs"][0]
    assert (running["outcome"], running["paid_wei"], running["n_eff"]) == ("running", None, None)
    mirrors = seeded.get("/api/v1/funds/1/mirrors").json()["mirrors"]
    newcomer = next(mirror for mirror in mirrors if mirror["mirror"] == 9)
    assert (newcomer["rank"], newcomer["weighed"], newcomer["release_current"]) == (None, None, None)


def test_payouts_are_of_settled_epochs_and_add_up(seeded: httpx.Client) -> None:
    payouts = seeded.get("/api/v1/funds/1/payouts").json()["payouts"]
    assert [payout["epoch"] for payout in payouts] == [5, 4, 3, 2, 1]
    for payout in payouts:
        credited = sum(int(credit["amount_wei"]) for credit in payout["credits"])
        assert int(payout["paid_wei"]) == credited + int(payout["fee_wei"])
        assert int(payout["paid_wei"]) + int(payout["returned_wei"]) == int(payout["reward_wei"])


def test_epochs_go_on_where_they_ended(seeded: httpx.Client) -> None:
    first = seeded.get("/api/v1/funds/1/epochs", params={"limit": 4}).json()
    second = seeded.get("/api/v1/funds/1/epochs", params={"limit": 4, "before": first["next_before"]}).json()
    assert [epoch["epoch"] for epoch in first["epochs"] + second["epochs"]] == list(range(NOW_EPOCH, 0, -1))
    assert second["next_before"] is None


REFUSED = {
    "/api/v1/funds/99": 404,
    "/api/v1/funds/99/epochs": 404,
    "/api/v1/funds/99/payouts": 404,
    "/api/v1/funds/-1": 422,
    "/api/v1/funds/1e3": 422,
    "/api/v1/funds/99999999999999999999": 422,
    "/api/v1/funds/1'--": 422,
    "/api/v1/funds?after=-1": 422,
    "/api/v1/funds/1/epochs?limit=0": 422,
    "/api/v1/funds/1/epochs?limit=100000": 422,
    "/api/v1/funds/1/epochs?before=x": 422,
}


def test_what_cannot_be_asked_is_refused_with_a_sentence(seeded: httpx.Client) -> None:
    for path, status in REFUSED.items():
        answer = seeded.get(path)
        assert answer.status_code == status, path
        assert list(answer.json()) == ["detail"], path


def test_the_interface_describes_itself(seeded: httpx.Client) -> None:
    paths = seeded.get("/openapi.json").json()["paths"]
    assert {"/api/v1/funds", "/api/v1/funds/{fund}", "/api/v1/mirrors/{mirror}", "/badge/{fund}/{kind}.json"} <= set(
        paths
    )
