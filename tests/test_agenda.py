"""What is due when: every slot once, everything else until it is done."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from oracle import agenda
from oracle.agenda import LEAD_S, Duty, due
from oracle.context import Context
from oracle.model import PRIMARY, Clock, MirrorId, Reason
from oracle.schedule import READS_AN_EPOCH, rest_s
from oracle.settings import Settings
from oracle.store import facts
from oracle.store.manifests import save_manifest
from oracle.store.observations import record_admission
from oracle.store.ownerships import record_ownership
from tests.fixtures.ledger import EPOCH_S, POLICY, Ledger

KEYSTORES = {"keystores": "/some/keystore.json"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "home", changes=KEYSTORES)


def duties(ledger: Ledger, at_s: float) -> list[Duty]:
    return due(ledger.engine, ledger.context.settings, at_s)


def named(found: Iterable[Duty], task: str) -> list[tuple[int | str, ...]]:
    return [duty.args for duty in found if duty.task == task]


def shard(slot: int) -> tuple[int, ...]:
    """The whole of a slot of epoch 2: a short one is one slice."""
    return (2, slot, POLICY.slots, POLICY.timeout_ms, 0, 0, 1)


def test_before_the_chain_was_read_only_indexing_is_due(tmp_path: Path) -> None:
    context = Context(Settings(home=tmp_path))
    assert [duty.task for duty in due(context.store, context.settings, time.time())] == ["index"]


def test_the_slot_that_runs_is_measured(ledger: Ledger) -> None:
    middle_s = ledger.clock.start_s(2) + 2 * EPOCH_S / 4 + 5
    found = [duty for duty in duties(ledger, middle_s) if duty.task == "measure"]
    assert named(found, "measure") == [shard(2)]
    assert found[0].expires_s == pytest.approx(EPOCH_S / 4 - 5)
    assert found[0].guard_s > found[0].expires_s


def test_a_slot_is_sent_just_before_it_begins(ledger: Ledger) -> None:
    begin_s = ledger.clock.start_s(2) + EPOCH_S / 4
    assert named(duties(ledger, begin_s - LEAD_S + 0.05), "measure") == [shard(0), shard(1)]
    assert named(duties(ledger, begin_s - LEAD_S - 0.5), "measure") == [shard(0)]


def test_a_slots_guard_has_one_name_however_often_it_is_due(ledger: Ledger) -> None:
    at_s = ledger.clock.start_s(2) + 3
    keys = {
        duty.key for moment in (at_s, at_s + 1, at_s + 9) for duty in duties(ledger, moment) if duty.task == "measure"
    }
    assert keys == {"measure:2:0:4:2000:0:0"}


def test_the_slices_of_a_long_slot_are_sent_one_after_the_other(tmp_path: Path) -> None:
    """Each just before it begins; one that nobody came to yet is still due."""
    policy = replace(POLICY, slots=1)
    ledger = Ledger(tmp_path, mirrors=40, policy=policy)
    begin_s, third_s = ledger.clock.start_s(2), 95 / 4  # 95 of 100 seconds are for starting probes
    for after_s, slices in ((0, 1), (third_s - LEAD_S - 0.1, 1), (third_s - LEAD_S + 0.1, 2), (94, 4)):
        found = named(duties(ledger, begin_s + after_s), "measure")
        assert found == [(2, 0, 1, 2_000, part, 0, 1) for part in range(slices)]


def test_a_look_for_mirrors_to_read_is_not_taken_at_every_tick_of_a_long_epoch(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    clock = replace(ledger.clock, epoch_length_s=86_400, genesis_s=ledger.clock.genesis_s - 86_400)
    facts.put_clock(ledger.engine, clock)
    first_s = 60 * (int(time.time()) // 60)
    looks = [bool(named(duties(ledger, first_s + after_s), "release")) for after_s in range(120)]
    assert looks == ([True] * 2 + [False] * 58) * 2


def test_only_so_many_complete_reads_are_sent_at_once_and_all_in_turn(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda, "MOST_ADMITS", 1)
    save_manifest(ledger.engine, ledger.release, b"{}")
    begin_s = ledger.clock.start_s(2)
    sent = [named(duties(ledger, begin_s + after_s), "admit") for after_s in range(4)]
    assert [len(some) for some in sent] == [2] * 4  # of each epoch one
    assert {admit for some in sent for admit in some} == {(1, 2, 1), (1, 2, 2), (1, 3, 1), (1, 3, 2)}


def test_a_read_waits_in_the_queue_until_it_would_be_sent_again(ledger: Ledger) -> None:
    now_s = ledger.clock.start_s(2) + 1
    found = duties(ledger, now_s)
    save_manifest(ledger.engine, ledger.release, b"{}")
    reads = [duty for duty in (*found, *duties(ledger, now_s)) if duty.task in ("release", "source", "admit")]
    assert {duty.task for duty in reads} == {"release", "source", "admit"}
    assert all(duty.expires_s == duty.guard_s for duty in reads)


def test_what_is_too_old_is_forgotten_once_an_epoch(ledger: Ledger) -> None:
    assert named(duties(ledger, ledger.clock.start_s(2) + 1), "forget") == [(2,)]
    facts.put(ledger.engine, facts.FORGOTTEN, 2)
    assert named(duties(ledger, ledger.clock.start_s(2) + 9), "forget") == []
    assert named(duties(ledger, ledger.clock.start_s(3) + 1), "forget") == [(3,)]


def test_the_store_is_compared_with_the_chain_once_an_epoch_that_it_has_come_to(ledger: Ledger) -> None:
    first_s, next_s = ledger.clock.start_s(2) + 1, ledger.clock.start_s(3) + 1
    assert named(duties(ledger, first_s), "compare") == [(2,)]
    facts.put(ledger.engine, facts.COMPARED, {"epoch": 2, "left_out": []})
    assert named(duties(ledger, first_s + 8), "compare") == []
    indexed = facts.get(ledger.engine, facts.INDEXED)
    for to_s, expected in ((ledger.clock.end_s(2) - 1, []), (ledger.clock.end_s(2), [(3,)])):
        facts.put(ledger.engine, facts.INDEXED, indexed | {"timestamp_s": to_s})
        assert named(duties(ledger, next_s), "compare") == expected


def test_a_release_is_read_before_its_mirrors_are(ledger: Ledger) -> None:
    now_s = ledger.clock.start_s(2) + 1
    found = duties(ledger, now_s)
    assert named(found, "release") == [(1, 2), (1, 3)]
    assert named(found, "admit") == []
    save_manifest(ledger.engine, ledger.release, b"{}")
    found = duties(ledger, now_s)
    assert named(found, "release") == []
    assert named(found, "admit") == [(1, 2, 1), (1, 2, 2), (1, 3, 1), (1, 3, 2)]


def test_a_mirror_of_the_next_epoch_is_read_before_it_counts(ledger: Ledger) -> None:
    save_manifest(ledger.engine, ledger.release, b"{}")
    ledger.register(2, start=3)
    assert named(duties(ledger, ledger.clock.start_s(2) + 1), "admit") == [(1, 2, 1), (1, 3, 1), (1, 3, 2)]


def test_a_failed_read_rests_within_its_budget_and_a_good_one_is_not_repeated(ledger: Ledger) -> None:
    save_manifest(ledger.engine, ledger.release, b"{}")
    now_s, pause_s = ledger.clock.start_s(2) + 50, rest_s(ledger.clock)
    prove(ledger, 1, 2)
    record_admission(ledger.engine, "node", 1, ledger.release, Reason.UP)
    record_admission(ledger.engine, "node", 2, ledger.release, Reason.TIMEOUT, at_ms=int(now_s * 1000))
    assert named(duties(ledger, now_s + pause_s - 1), "admit") == []
    assert named(duties(ledger, now_s + pause_s + 1), "admit") == [(1, 2, 2), (1, 3, 2)]


@pytest.mark.parametrize(("length_s", "pause_s"), [(20, 5), (100, 5), (86_400, 4_320)])
def test_reads_keep_their_budget_of_an_epoch(length_s: int, pause_s: int) -> None:
    assert rest_s(Clock(0, length_s, 1, 1)) == pause_s
    assert length_s / pause_s <= READS_AN_EPOCH


def prove(ledger: Ledger, *mirrors: int, said: Reason = Reason.UP, epoch: int = 2, at_s: float = 0) -> None:
    """The hosts have said whose they are."""
    for mirror in mirrors:
        record_ownership(ledger.engine, "node", MirrorId(mirror), epoch, said, "", at_ms=int(at_s * 1000))


def test_a_host_that_named_another_is_left_alone_until_the_next_epoch(ledger: Ledger) -> None:
    save_manifest(ledger.engine, ledger.release, b"{}")
    now_s = ledger.clock.start_s(2) + 90
    prove(ledger, 1, said=Reason.NOT_OWNER)
    prove(ledger, 2, said=Reason.TIMEOUT)  # it was asked, and kept silent
    assert named(duties(ledger, now_s), "admit") == []
    later_s = ledger.clock.start_s(3) + 1
    ledger.index_to(later_s)
    assert (1, 3, 1) in named(duties(ledger, later_s), "admit")


def test_a_host_that_was_never_reached_is_tried_again(ledger: Ledger) -> None:
    save_manifest(ledger.engine, ledger.release, b"{}")
    now_s = ledger.clock.start_s(2) + 50
    prove(ledger, 1, said=Reason.CONNECT, at_s=now_s)
    prove(ledger, 2)
    record_admission(ledger.engine, "node", 2, ledger.release, Reason.UP)
    assert named(duties(ledger, now_s + 1), "admit") == []
    assert named(duties(ledger, now_s + rest_s(ledger.clock)), "admit") == [(1, 2, 1), (1, 3, 1)]


def test_a_release_is_read_from_its_source_until_it_was(ledger: Ledger) -> None:
    save_manifest(ledger.engine, ledger.release, b"{}")
    now_s = ledger.clock.start_s(2) + 1
    assert named(duties(ledger, now_s), "source") == [(1, 2), (1, 3)]
    record_admission(ledger.engine, "node", PRIMARY, ledger.release, Reason.CONNECT, at_ms=int(now_s * 1000))
    assert named(duties(ledger, now_s + 1), "source") == []
    assert named(duties(ledger, now_s + rest_s(ledger.clock)), "source") == [(1, 2), (1, 3)]
    record_admission(ledger.engine, "node", PRIMARY, ledger.release, Reason.UP, at_ms=int(now_s * 1000))
    assert named(duties(ledger, now_s + 99), "source") == []


def test_control_targets_are_asked_by_whoever_has_some(tmp_path: Path, ledger: Ledger) -> None:
    assert named(duties(ledger, ledger.clock.start_s(2)), "controls") == []
    other = Ledger(tmp_path / "other", changes={"controls": ("https://control.example",)})
    assert named(duties(other, other.clock.start_s(2)), "controls") == [()]


def test_an_epoch_is_closed_from_its_end_to_the_end_of_its_grace(ledger: Ledger) -> None:
    end_s = ledger.clock.end_s(1)
    assert named(duties(ledger, end_s - 2), "close") == []
    assert named(duties(ledger, end_s + 1), "close") == [(1,)]
    assert named(duties(ledger, end_s + ledger.clock.grace_s - 1), "close") == [(1,)]
    assert named(duties(ledger, end_s + ledger.clock.grace_s), "close") == []


def test_a_reported_epoch_is_not_closed_again(ledger: Ledger) -> None:
    ledger.reported(1, "0x" + "aa" * 32, "0x" + "bb" * 32)
    assert named(duties(ledger, ledger.clock.end_s(1) + 1), "close") == []


def test_an_epoch_whose_end_is_not_indexed_waits(ledger: Ledger) -> None:
    ledger.index_to(ledger.clock.end_s(1) - 1)
    assert named(duties(ledger, ledger.clock.end_s(1) + 1), "close") == []


def test_a_node_without_keys_only_measures(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    tasks = {duty.task for duty in duties(ledger, ledger.clock.end_s(1) + 1)}
    assert tasks == {"index", "measure", "release", "forget", "compare"}


def test_a_chain_unknown_for_an_epoch_is_not_measured_from_memory(ledger: Ledger) -> None:
    ledger.index_to(ledger.clock.start_s(1))
    assert named(duties(ledger, ledger.clock.start_s(2) + 1), "measure") == [shard(0)]
    assert named(duties(ledger, ledger.clock.start_s(3) + 1), "measure") == []
