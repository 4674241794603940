import itertools
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from oracle.checks import Check, Freshness
from oracle.manifest import Manifest, compose
from oracle.model import PRIMARY, MirrorId, Reason
from oracle.probes.admission import Admission, Candidate, read_completely
from oracle.probes.integrity import Expected
from tests.fixtures.hostile import Behaviour, Hostile, answer, in_turn, released, resets, says, serves, zipped

FILES = {f"file {index:03}.txt": b"contents %d" % index for index in range(70)} | {"empty": b""}
COLD = {"cold/1": b"cold"}


def on_server(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path.replace(" ", "%20"): body for path, body in files.items()}


def manifest_of(files: Mapping[str, bytes]) -> Manifest:
    return compose(
        "notes",
        "1",
        "http://127.1.1.1",
        None,
        [released(path, body) for path, body in files.items()],
        [released(path, body) for path, body in COLD.items()],
    )


MANIFEST = manifest_of(FILES)


def read(server: Hostile, **options: Any) -> Admission:
    candidate = Candidate(
        MirrorId(4), server.url, MANIFEST.digest, timeout_ms=3_000, first=str(options.pop("first", ""))
    )
    chosen: dict[str, Any] = {"budget_s": 10.0, "allow_loopback": True, **options}
    return read_completely(candidate, MANIFEST, **chosen)


def test_a_mirror_with_every_file_is_admitted_without_its_cold_files_being_asked_for() -> None:
    with Hostile(serves(on_server(FILES))) as server:
        admission = read(server)
        asked = server.paths()
    total = sum(len(body) for body in FILES.values())
    assert admission == Admission(MirrorId(4), MANIFEST.digest, Reason.UP, "", len(FILES), total, len(FILES))
    assert sorted(asked) == sorted(f"/{path}" for path in on_server(FILES))


@pytest.mark.parametrize(("served", "reason"), [(FILES, Reason.HTTP_STATUS), (FILES | COLD, Reason.UP)])
def test_one_cold_file_is_asked_for_when_all_else_was_right(served: dict[str, bytes], reason: Reason) -> None:
    with Hostile(serves(on_server(served))) as server:
        admission = read(server, cold=lambda: MANIFEST.cold[0])
        assert server.paths()[-1] == "/cold/1"
    assert admission.reason is reason
    assert admission.path == ("" if reason is Reason.UP else "cold/1")


def test_no_cold_file_is_taken_from_a_mirror_that_lacks_others() -> None:
    taken: list[str] = []
    short = {path: body for path, body in FILES.items() if path != "file 069.txt"}
    for served in ({}, short):  # the last of all is enough
        with Hostile(serves(on_server(served))) as server:
            assert read(server, cold=lambda: taken.append("a cold file")).reason is Reason.HTTP_STATUS
    assert taken == []


def test_checks_must_hold_too() -> None:
    checked = compose("notes", "1", "http://127.1.1.1", None, [], [], [Check("/status", text="all well")])
    for body, reason in ((b"all well", Reason.UP), (b"broken", Reason.CHECK_FAILED)):
        with Hostile(serves({"status": body})) as server:
            candidate = Candidate(MirrorId(4), server.url, checked.digest)
            found = read_completely(candidate, checked, budget_s=5.0, allow_loopback=True)
        assert (found.reason, found.path) == (reason, "" if reason is Reason.UP else "/status")


def test_what_failed_the_last_time_is_asked_for_first_and_alone() -> None:
    broken = {path: body for path, body in FILES.items() if path != "file 060.txt"}
    with Hostile(serves(on_server(broken))) as server:
        assert read(server, first="file 060.txt").path == "file 060.txt"
        assert len(server.asked) == 1


def test_a_check_that_failed_the_last_time_comes_before_all_files() -> None:
    checked = compose("notes", "1", "http://127.1.1.1", None, [released("a", b"a")], [], [Check("/status", text="x")])
    with Hostile(serves({"a": b"a", "status": b"broken"})) as server:
        candidate = Candidate(MirrorId(4), server.url, checked.digest, first="/status")
        found = read_completely(candidate, checked, budget_s=5.0, allow_loopback=True)
        assert (found.reason, server.paths()) == (Reason.CHECK_FAILED, ["/status"])


def test_who_lacked_a_cold_file_is_asked_for_another_one_before_all_else() -> None:
    with Hostile(serves(on_server(FILES))) as server:
        admission = read(server, first="cold/1", cold=lambda: MANIFEST.cold[0])
        assert (admission.reason, server.paths()) == (Reason.HTTP_STATUS, ["/cold/1"])
    with Hostile(serves(on_server(FILES | COLD))) as server:
        assert read(server, first="cold/1", cold=lambda: MANIFEST.cold[0]).reason is Reason.UP
        assert len(server.asked) == len(FILES) + 1


def test_a_fresh_moment_is_judged_by_the_time_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the files beside it take."""
    monkeypatch.setattr("oracle.probes.check.AHEAD_S", 0.5)
    files = {f"{number}": b"slow" for number in range(8)}
    fresh = Check("/now", fresh=Freshness(within_s=1, at=""))

    def behave(connection: socket.socket, head: bytes) -> None:
        if b"/now" not in head:
            time.sleep(0.4)
        connection.sendall(answer(str(time.time()).encode() if b"/now" in head else b"slow"))

    listed = [released(path, body) for path, body in files.items()]
    checked = compose("notes", "1", "http://127.1.1.1", None, listed, [], [fresh])
    with Hostile(behave) as server:
        candidate = Candidate(MirrorId(4), server.url, checked.digest)
        assert read_completely(candidate, checked, budget_s=9.0, allow_loopback=True).reason is Reason.UP


@pytest.mark.parametrize("altered", [0, 1])
def test_every_address_of_a_name_is_read(altered: int) -> None:
    bad = FILES | {"file 069.txt": b"malware"}
    with ExitStack() as stack:
        first = stack.enter_context(Hostile(serves(on_server(FILES if altered else bad)), "127.1.1.1"))
        again = serves(on_server(bad if altered else FILES))
        second = stack.enter_context(Hostile(again, "127.1.1.2", port=first.port))
        both = Candidate(MirrorId(4), f"http://mirror.example:{first.port}", MANIFEST.digest)
        found = partial(
            read_completely, budget_s=9.0, allow_loopback=True, lookup=lambda *_: [first.address, "127.1.1.2"]
        )
        admission = found(both, MANIFEST)
        assert (admission.reason, admission.path) == (Reason.WRONG_BYTES, "file 069.txt")
        before = len(first.asked) + len(second.asked)
        assert found(replace(both, first="file 069.txt"), MANIFEST).reason is Reason.WRONG_BYTES
        assert len(first.asked) + len(second.asked) <= before + 2
        source = found(replace(both, mirror=PRIMARY), MANIFEST)
        assert source.requests == len(FILES)


def test_the_addresses_of_a_name_take_as_long_together_as_one() -> None:
    """One after the other they might never be read within a node's time."""
    few = {f"{number:02}": b"x" for number in range(24)}
    listed = compose("notes", "1", "http://127.1.1.1", None, [released(path, body) for path, body in few.items()])
    addresses = [f"127.1.1.{number}" for number in range(1, 5)]
    with ExitStack() as stack:
        first = stack.enter_context(Hostile(says(b"", answer(b"x"), pause_s=0.2), addresses[0]))
        for address in addresses[1:]:
            stack.enter_context(Hostile(says(b"", answer(b"x"), pause_s=0.2), address, port=first.port))
        candidate = Candidate(MirrorId(4), f"http://mirror.example:{first.port}", listed.digest)
        each_s = len(few) / 4 * 0.2  # four files at a time
        found = read_completely(
            candidate, listed, budget_s=2 * each_s, allow_loopback=True, lookup=lambda *_: addresses
        )
    assert (found.reason, found.files_read) == (Reason.UP, 4 * len(few))


def test_files_are_asked_for_in_a_browsers_words_where_so_drawn_and_always_what_failed() -> None:
    drawn = itertools.cycle([True, False])
    with Hostile(zips_for_browsers(serves(on_server(FILES)))) as server:
        assert read(server, in_browser=partial(next, drawn)).reason is Reason.UP
        assert sum(b"Firefox" in head for head in server.asked) == -(-len(FILES) // 2)
        server.asked.clear()
        assert read(server, first="file 005.txt").reason is Reason.UP
        assert [b"Firefox" in head for head in server.asked] == [True] + [False] * (len(FILES) - 1)
        assert b"file%20005.txt" in server.asked[0]


def zips_for_browsers(behave: Behaviour) -> Behaviour:
    packed = {f"/{path}": zipped(body) for path, body in on_server(FILES).items()}

    def behave_so(connection: socket.socket, head: bytes) -> None:
        if b"gzip" in head:
            connection.sendall(packed[head.split(b" ")[1].decode()])
        else:
            behave(connection, head)

    return behave_so


def test_the_first_wrong_file_ends_the_read_and_is_named() -> None:
    altered = FILES | {"file 005.txt": b"malware"}
    with Hostile(serves(on_server(altered))) as server:
        admission = read(server)
        assert len(server.asked) < len(FILES) // 2 + 2
    assert admission.reason is Reason.WRONG_BYTES
    assert admission.detail.startswith("file 005.txt: ")
    assert admission.files_read < len(FILES)


def test_a_missing_file_is_found_even_if_it_is_the_last() -> None:
    missing = {path: body for path, body in FILES.items() if path != "file 069.txt"}
    with Hostile(serves(on_server(missing))) as server:
        admission = read(server)
    assert (admission.reason, admission.files_read) == (Reason.HTTP_STATUS, len(FILES) - 1)


def test_a_file_of_the_release_before_is_stale() -> None:
    before = FILES | {"file 005.txt": b"contents of the release before"}
    with Hostile(serves(on_server(before))) as server:
        old = {file.path: file for file in manifest_of(before).files}
        stale = read(server, expected_of=lambda file: Expected(file.path, (file,), (old[file.path],)))
        assert stale.reason is Reason.STALE_RELEASE
        assert read(server).reason is Reason.WRONG_BYTES


def test_one_broken_connection_does_not_end_the_read() -> None:
    whole = serves(on_server(FILES))
    with Hostile(in_turn(resets(), whole, whole, resets(), whole)) as server:
        assert read(server).reason is Reason.UP


def test_files_compressed_unasked_are_not_the_released_bytes() -> None:
    with Hostile(says(zipped(FILES["file 000.txt"]))) as server:
        assert read(server).reason is Reason.WRONG_BYTES


def test_a_release_over_the_byte_budget_is_not_measured_and_nothing_is_asked_for() -> None:
    with Hostile(serves(on_server(FILES))) as server:
        admission = read(server, max_bytes=100)
        assert server.asked == []
    assert admission.reason is Reason.NOT_MEASURED
    assert "100" in admission.detail


def test_a_read_that_runs_out_of_time_is_not_measured() -> None:
    body = FILES["file 000.txt"]
    with Hostile(says(b"", answer(body), pause_s=0.3)) as server:
        assert read(server, budget_s=0.2).reason is Reason.NOT_MEASURED
    slow = says(b"", answer(body), pause_s=0.15)
    one = compose("notes", "1", "http://127.1.1.1", None, [released(f"{index:02}", body) for index in range(40)])
    with Hostile(slow) as server:
        candidate = Candidate(MirrorId(4), server.url, one.digest)
        admission = read_completely(candidate, one, budget_s=1.0, allow_loopback=True)
    assert admission.reason is Reason.NOT_MEASURED
    assert 0 < admission.files_read < 40


def test_no_file_over_the_funds_limit_is_read() -> None:
    with Hostile(serves(on_server(FILES))) as server:
        candidate = Candidate(MirrorId(4), server.url, MANIFEST.digest, max_file_bytes=3)
        admission = read_completely(candidate, MANIFEST, budget_s=5.0, allow_loopback=True)
        assert server.asked == []
    assert admission.reason is Reason.NOT_MEASURED


def test_a_mirror_at_an_address_that_is_refused_is_never_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        candidate = Candidate(MirrorId(4), url, MANIFEST.digest)
        admission = read_completely(candidate, MANIFEST, budget_s=2.0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert admission.reason is Reason.ADDRESS_REFUSED
