"""The whole demo, once: what the issue says that its result must show."""

import signal
import socket
import sqlite3
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from oracle.devnet.demo import run
from oracle.devnet.plan import Plan
from oracle.errors import InvalidInput, PortInUse
from oracle.model import ONE, UNKNOWN_REASONS
from tests.fixtures.demo import DemoProcess

pytestmark = [pytest.mark.demo, pytest.mark.timeout(400)]

PLAN = Plan()
SLOTS = PLAN.policy.slots
DOWN_BY = {"altered": "wrong_bytes", "stale": "stale_release", "flapping": "connect", "duplicate": "same_operator"}


@pytest.fixture(scope="module")
def result(demo: DemoProcess) -> dict[str, Any]:
    return demo.result


@pytest.fixture(scope="module")
def epochs_of(result: dict[str, Any]) -> Callable[[str], list[dict[str, Any]]]:
    def find(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = next(mirror["epochs"] for mirror in result["mirrors"] if mirror["name"] == name)
        return found

    return find


EpochsOf = Callable[[str], list[dict[str, Any]]]


def known(epoch: dict[str, Any]) -> int:
    """How many slots are known; on a busy machine the node may have lost a few, but never most of them."""
    slots: int = SLOTS - sum(epoch["reasons"].get(reason, 0) for reason in UNKNOWN_REASONS)
    assert slots > SLOTS // 2
    return slots


def slot_weight(outage: bool) -> int:
    """The most that one slot of the epoch weighs for an untested mirror, in units of 1 / ONE."""
    policy = PLAN.policy
    parts = SLOTS + (policy.outage_weight - 1) * (PLAN.outage_slots - 1) if outage else SLOTS
    weight: int = ONE * (policy.outage_weight if outage else 1) // parts * policy.untested_bps // 10_000
    return weight + 1


def test_every_check_holds(result: dict[str, Any]) -> None:
    assert result["ok"] is True
    assert result["failures"] == []


def test_result_has_the_shape_that_was_promised(result: dict[str, Any]) -> None:
    assert len(result["epochs"]) == 3
    for epoch in result["epochs"]:
        assert set(epoch) == {"epoch", "reward", "paid", "fee", "returned", "report_tx"}
        assert all(epoch[name].isdecimal() for name in ("reward", "paid", "fee", "returned"))
        assert len(epoch["report_tx"]) == 66
    assert {mirror["kind"] for mirror in result["mirrors"]} == {
        "honest",
        "flapping",
        "altered",
        "stale",
        "duplicate",
        "proxy",
    }
    for mirror in result["mirrors"]:
        assert set(mirror) == {"name", "kind", "url", "operator", "epochs", "withdrawn"}
        assert all(set(epoch) == {"epoch", "weight", "credited", "reasons"} for epoch in mirror["epochs"])


def test_paid_and_returned_are_the_reward_and_a_part_returns(result: dict[str, Any]) -> None:
    for epoch in result["epochs"]:
        assert int(epoch["paid"]) + int(epoch["returned"]) == int(epoch["reward"]) == PLAN.reward_wei
        assert int(epoch["returned"]) > 0


def test_credits_and_fee_are_what_was_paid(result: dict[str, Any]) -> None:
    for number, epoch in enumerate(result["epochs"]):
        credited = sum(int(mirror["epochs"][number]["credited"]) for mirror in result["mirrors"])
        assert credited + int(epoch["fee"]) == int(epoch["paid"])


def test_every_operator_received_all_that_was_credited(result: dict[str, Any]) -> None:
    for mirror in result["mirrors"]:
        assert int(mirror["withdrawn"]) == sum(int(epoch["credited"]) for epoch in mirror["epochs"])


@pytest.mark.parametrize("name", ["altered", "stale"])
def test_altered_and_stale_mirrors_get_nothing_and_are_told_why(epochs_of: EpochsOf, name: str) -> None:
    for epoch in epochs_of(name):
        assert (epoch["weight"], epoch["credited"]) == (0, "0")
        not_yet = epoch["reasons"].get("not_admitted", 0) if name == "altered" else 0  # not met in this epoch yet
        assert 0 < epoch["reasons"][DOWN_BY[name]] == known(epoch) - not_yet


def test_stake_is_locked_for_wrong_bytes_and_for_nothing_else(demo: DemoProcess, result: dict[str, Any]) -> None:
    number = 1 + [mirror["name"] for mirror in result["mirrors"]].index("altered")
    with sqlite3.connect(f"file:{demo.store}?mode=ro", uri=True) as store:
        locks = store.execute("SELECT mirror, epoch, amount_wei FROM locks").fetchall()
    assert {epoch["epoch"] for epoch in result["epochs"]} & {epoch for _, epoch, _ in locks}
    amount = PLAN.min_stake_wei * PLAN.slash_epoch_bps // 10_000
    assert {(mirror, int(wei)) for mirror, _, wei in locks} == {(number, amount)}


def test_duplicate_gets_nothing_while_the_one_above_it_is_up(epochs_of: EpochsOf) -> None:
    for above, epoch in zip(epochs_of("honest-1"), epochs_of("duplicate"), strict=True):
        assert above["reasons"]["up"] == known(above)
        assert epoch["weight"] == 0
        assert epoch["reasons"]["same_operator"] == known(epoch)


def test_flapping_mirror_gets_about_two_thirds_of_an_honest_one(epochs_of: EpochsOf) -> None:
    for honest, epoch in list(zip(epochs_of("honest-2"), epochs_of("flapping"), strict=True))[:-1]:
        assert abs(Fraction(epoch["weight"], honest["weight"]) - Fraction(2, 3)) <= Fraction(1, 10)


def test_honest_mirrors_are_equal_to_within_one_slot(epochs_of: EpochsOf) -> None:
    pairs = list(zip(epochs_of("honest-1"), epochs_of("honest-2"), strict=True))
    for number, (one, other) in enumerate(pairs):
        assert one["weight"] > 0
        assert abs(one["weight"] - other["weight"]) <= slot_weight(outage=number == len(pairs) - 1)


def test_proxy_is_up_only_while_the_primary_is(demo: DemoProcess, result: dict[str, Any], epochs_of: EpochsOf) -> None:
    last = result["epochs"][-1]["epoch"]
    number = 1 + [mirror["name"] for mirror in result["mirrors"]].index("proxy")
    query = "SELECT slot, reason FROM votes WHERE epoch = ? AND mirror = ?"
    with sqlite3.connect(f"file:{demo.store}?mode=ro", uri=True) as store:
        primary, proxy = (dict(store.execute(query, (last, mirror))) for mirror in (0, number))
    off = {slot for slot, reason in primary.items() if reason != "up"}
    assert 3 < len(off) <= PLAN.outage_slots
    assert not {slot for slot in off if proxy[slot] == "up"}
    *before, during = epochs_of("proxy")
    assert all(epoch["weight"] > 0 for epoch in before)
    assert during["weight"] < epochs_of("honest-2")[-1]["weight"] // 4


def test_dashboard_answers_after_the_demo(demo: DemoProcess) -> None:
    api = demo.node()["api"]
    with socket.create_connection((api["host"], api["port"]), timeout=5):
        assert api["url"] in demo.output


def test_tables_tell_reasons_in_words(demo: DemoProcess) -> None:
    for words in ("wrong bytes", "an old release", "same operator"):
        assert "".join(words.split()) in "".join(demo.output.replace("│", "").split()) or words in demo.output


def test_ctrl_c_while_everything_starts_leaves_no_process_behind(tmp_path: Path) -> None:
    running = DemoProcess.start(tmp_path, "--port", "0")
    try:
        running.wait_for_children()
        assert running.interrupt() == 130
        assert running.left_behind() == []
    finally:
        running.stop()


def test_killing_the_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    running = DemoProcess.start(tmp_path, "--port", "0")
    running.wait_for_children()
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(10)
    for _ in range(100):
        if not running.left_behind():
            return
        signal.sigtimedwait([], 0.1)
    pytest.fail(f"left behind: {running.left_behind()}")


def test_port_in_use_gets_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUse, match="is in use"):
        run(port=taken.getsockname()[1])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"app": Path("/nowhere")}, "--app: /nowhere is not a folder"),
        ({"json_file": Path("/nowhere/out.json")}, "--json: /nowhere is not a folder"),
        ({"home": Path("/etc")}, "--home: /etc is not an empty folder"),
        ({"committee": 3}, "--committee: must be 4"),
    ],
)
def test_bad_options_get_a_sentence_at_once(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        run(**given)
