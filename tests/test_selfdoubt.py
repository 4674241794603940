"""The prober's outage is never the operator's: what a node must know of itself before it speaks of others."""

import datetime
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import format_datetime
from pathlib import Path

import pytest

from oracle import selfdoubt
from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.probes.controls import check_controls
from oracle.selfdoubt import LEAST_WORLD, doubt, look_around
from oracle.store import facts
from oracle.store.controls import ControlCheck, control_checks_since, record_control_check
from tests.fixtures.hostile import Behaviour, Hostile, answer, closed_port, says, serves, silent
from tests.fixtures.ledger import Ledger

DEAD = [f"http://127.1.9{n}.1:{closed_port(f'127.1.9{n}.1')}" for n in range(2)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def dated(offset_s: float) -> Behaviour:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=offset_s)
    return says(answer(b"x", date=format_datetime(moment, usegmt=True)))


def votes(*reasons: Reason) -> list[Vote]:
    return [Vote(FundId(1), MirrorId(n), Epoch(2), Slot(0), reason) for n, reason in enumerate(reasons, start=1)]


# -------------------------------------------------------------------------------------------------------- controls


def test_any_http_answer_of_a_control_target_will_do(stack: ExitStack) -> None:
    urls = [stack.enter_context(Hostile(serves({}), f"127.1.{n}.1")).url for n in (1, 2)]
    found = check_controls([*urls, DEAD[0]], allow_loopback=True)
    assert (found.asked, found.failed, found.skew_ms) == (3, 1, None)
    assert not found.doubt


def test_control_targets_that_cannot_be_asked_have_failed() -> None:
    found = check_controls(["http://127.1.1.1/", "http://u:p@x.example/", "ftp://x"])
    assert (found.asked, found.failed) == (3, 3)


@pytest.mark.parametrize(("offset_s", "off"), [(0, False), (-60, True), (60, True), (-3, False)])
def test_the_clock_is_compared_with_most_control_targets(stack: ExitStack, offset_s: int, off: bool) -> None:
    servers = [stack.enter_context(Hostile(dated(s), f"127.1.{n}.1")) for n, s in enumerate((offset_s, offset_s, 0), 1)]
    found = check_controls([server.url for server in servers], allow_loopback=True)
    assert bool(found.doubt) is off
    assert found.skew_ms is not None
    assert abs(found.skew_ms + offset_s * 1000) < 2_500


def test_a_date_that_is_none_tells_nothing(stack: ExitStack) -> None:
    server = stack.enter_context(Hostile(says(answer(b"", date="never"))))
    assert check_controls([server.url], allow_loopback=True).skew_ms is None


# ---------------------------------------------------------------------------------------------------------- doubt


def test_what_is_looked_at_is_remembered(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, changes={"controls": tuple(DEAD), "allow_loopback": True})
    assert look_around(ledger.engine, ledger.context.settings).failed == 2
    assert len(control_checks_since(ledger.engine, "node", 0)) == 1


def test_one_bad_moment_while_a_slot_was_probed_is_enough(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, changes={"controls": tuple(DEAD)})
    began_ms = int(time.time() * 1000)
    for at_ms, failed in ((began_ms - 60_000, 2), (began_ms + 1, 0)):
        record_control_check(ledger.engine, "node", ControlCheck(at_ms, 2, failed))
    assert doubt(ledger.engine, ledger.context.settings, began_ms, votes(Reason.UP), {}) == ""
    record_control_check(ledger.engine, "node", ControlCheck(began_ms + 2, 2, 2))
    assert "2 of this node's 2" in doubt(ledger.engine, ledger.context.settings, began_ms, votes(Reason.UP), {})


def test_whoever_was_never_looked_at_is_looked_at_now(tmp_path: Path, stack: ExitStack) -> None:
    control = stack.enter_context(Hostile(silent))
    control._behave = serves({})
    ledger = Ledger(tmp_path, changes={"controls": (control.url,), "allow_loopback": True})
    assert doubt(ledger.engine, ledger.context.settings, int(time.time() * 1000), [], {}) == ""
    assert len(control.asked) == 1


@pytest.mark.parametrize(
    ("up_before", "silent_now", "red"),
    [(LEAST_WORLD, LEAST_WORLD // 2 + 1, True), (LEAST_WORLD, LEAST_WORLD // 2, False), (LEAST_WORLD - 1, 7, False)],
)
def test_without_control_targets_the_mirrors_are_the_world(
    tmp_path: Path, up_before: int, silent_now: int, red: bool
) -> None:
    ledger = Ledger(tmp_path)
    reasons = [Reason.TIMEOUT] * silent_now + [Reason.UP] * (up_before - silent_now)
    before = {FundId(1): {MirrorId(n): Reason.UP for n in range(1, up_before + 1)}}
    told = doubt(ledger.engine, ledger.context.settings, 0, votes(*reasons), before)
    assert bool(told) is red


def test_if_they_stay_silent_it_is_they(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = {FundId(1): {MirrorId(n): Reason.SELF_DOUBT for n in range(1, 20)}}
    assert doubt(ledger.engine, ledger.context.settings, 0, votes(*[Reason.TIMEOUT] * 19), before) == ""


def test_wrong_answers_are_no_sign_of_an_outage_here(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = {FundId(1): {MirrorId(n): Reason.UP for n in range(1, 20)}}
    assert doubt(ledger.engine, ledger.context.settings, 0, votes(*[Reason.HTTP_STATUS] * 19), before) == ""


def test_a_block_from_the_future_tells_that_the_clock_is_slow(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.index_to(time.time() + 60)
    assert doubt(ledger.engine, ledger.context.settings, 0, [], {}) == ""  # a development chain makes its own time
    facts.put(ledger.engine, facts.CHAIN_ID, 1)
    assert "behind the chain" in doubt(ledger.engine, ledger.context.settings, 0, [], {})
    ledger.index_to(time.time() - 5)
    assert doubt(ledger.engine, ledger.context.settings, 0, [], {}) == ""
    assert selfdoubt.CONTROL_EVERY_S <= 60
