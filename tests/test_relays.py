"""Who holds nothing and passes on the primary's answers is found out by what only the primary can know."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oracle.canary import ECHO_PATH
from oracle.echoes import SEVERAL, EchoLog, parse_echo_log, relays
from oracle.errors import InvalidInput
from oracle.model import MirrorId, Reason, Slot, Vote
from oracle.secret import developer_key
from oracle.store.cold import Echoes, asked_files, echoes
from oracle.store.observations import record_votes
from oracle.store.sightings import relaying
from tests.examples.test_primary import primary as example
from tests.fixtures.hostile import Behaviour, Hostile, answer, serves
from tests.fixtures.scene import EPOCH, FILES, FUND, KEY, Scene, operator
from tests.test_measure import at_slot

COLD = {f".mirrorbond/cold/{number:032x}": b"cold %d" % number for number in range(20)}
ALL = FILES | COLD
SLOTS = range(4)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def primary() -> Behaviour:
    """A primary with the example's middleware before its files."""
    known, files = example.Primary(KEY.hex()), serves(ALL)

    def behave(connection: socket.socket, head: bytes) -> None:
        path, _, query = head.split(b" ")[1].decode().partition("?")
        found = known.answer(path, query)
        if found:
            connection.sendall(answer(found[1]))
        else:
            files(connection, f"GET {path} HTTP/1.1".encode())

    return behave


class Relay:
    """A mirror that asks the primary for everything: but for paths of the manifest only if it `filters`, and without
    the query if it `strips` that; what it `caches` it asks for once."""

    def __init__(self, who: str, *, filters: bool = False, strips: bool = False, caches: bool = False) -> None:
        self.upstream: Hostile | None = None
        self.filters, self.strips, self.caches = filters, strips, caches
        self._own = serves({}, who)
        self._cache: dict[str, bytes] = {}

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        target = head.split(b" ")[1].decode()
        path = target.partition("?")[0]
        if "well-known" in path or self.upstream is None or (self.filters and path.lstrip("/") not in ALL):
            self._own(connection, head)
            return
        target = path if self.strips else target
        if not self.caches or target not in self._cache:
            self._cache[target] = self._fetch(self.upstream, target)
        connection.sendall(self._cache[target])

    def warm(self, paths: Iterable[str]) -> None:
        """Ask for files before anybody wants them."""
        if self.upstream is not None:
            self._cache |= {f"/{path}": self._fetch(self.upstream, f"/{path}") for path in paths}

    def _fetch(self, upstream: Hostile, target: str) -> bytes:
        with socket.create_connection((upstream.address, upstream.port), timeout=5) as asking:
            asking.sendall(f"GET {target} HTTP/1.1\r\n\r\n".encode())
            got = b""
            while piece := asking.recv(65_536):
                got += piece
        return got or answer(b"", "502 Bad Gateway")


def play(tmp_path: Path, stack: ExitStack, relay: Relay, slots: range = SLOTS) -> Scene:
    """An epoch with the relay as mirror 1 and an honest mirror 2."""
    behaviours = (relay, serves(ALL, operator(2)))
    scene = Scene(tmp_path, stack, *behaviours, cold=COLD, primary=primary(), keys=True).ready()
    relay.upstream = scene.primary
    for slot in slots:
        with pytest.MonkeyPatch.context() as patch:
            at_slot(scene, patch, slot)
            votes = scene.measure(slot=slot)
        assert {vote.reason for vote in votes.values()} == {Reason.UP}
    return scene


@pytest.mark.parametrize(("filters", "strips"), [(False, False), (True, False), (False, True)])
def test_a_relay_answers_a_canary_within_the_epoch_and_no_honest_mirror_does(
    tmp_path: Path, stack: ExitStack, filters: bool, strips: bool
) -> None:
    scene = play(tmp_path, stack, Relay(operator(1), filters=filters, strips=strips))
    assert relaying(scene.engine, "node", FUND, EPOCH) == {MirrorId(1)}
    canaries = [path for path in scene.asked(2) if path.partition("?")[0].lstrip("/") not in ALL or "?" in path]
    assert len([path for path in canaries if "well-known" not in path]) == 4


def test_a_relay_that_keeps_to_the_manifest_is_found_by_the_echo_of_cold_files(
    tmp_path: Path, stack: ExitStack
) -> None:
    scene = play(tmp_path, stack, Relay(operator(1), filters=True, strips=True, caches=True))
    heard = echoes(scene.engine, "node", scene.manifest.digest, EPOCH)
    assert heard == {MirrorId(1): Echoes(4, 4, 0), MirrorId(2): Echoes(4, 0, 0)}
    assert relaying(scene.engine, "node", FUND, EPOCH) == {MirrorId(1)}
    assert scene.primary.paths().count(ECHO_PATH) == len(SLOTS)


def test_no_mirror_is_asked_for_a_cold_file_twice(tmp_path: Path, stack: ExitStack) -> None:
    scene = play(tmp_path, stack, Relay(operator(1)))
    for mirror in (1, 2):
        colds = [path for path in scene.asked(mirror) if "cold" in path and path.lstrip("/") in COLD]
        assert len(colds) == len(set(colds)) == 4
    assert {len(files) for files in asked_files(
        scene.engine, "node", scene.manifest.digest, [MirrorId(1), MirrorId(2)]).values()} == {4}  # fmt: skip


def test_while_the_primary_is_down_a_caching_relay_has_no_cold_files(tmp_path: Path, stack: ExitStack) -> None:
    """It would serve all that it was ever asked for; and it stays down while cold files last."""
    relay = Relay(operator(1), caches=True)
    scene = play(tmp_path, stack, relay, slots=range(1))
    relay.warm(FILES)
    scene.primary._behave = serves({})
    record_votes(scene.engine, "node", [Vote(FUND, MirrorId(0), EPOCH, Slot(1), Reason.CONNECT)])
    for slot in (2, 3):
        with pytest.MonkeyPatch.context() as patch:
            at_slot(scene, patch, slot)
            votes = scene.measure(slot=slot)
        assert (votes[1].reason, votes[2].reason) == (Reason.HTTP_STATUS, Reason.UP)
        assert votes[1].path is not None
        assert "cold" in votes[1].path


# ------------------------------------------------------------------------------------------------------------ judging


@pytest.mark.parametrize(
    ("heard", "guilty"),
    [
        (Echoes(4, 4, 0), True),
        (Echoes(9, 5, 4), True),
        (Echoes(SEVERAL - 1, SEVERAL - 1, 0), False),
        (Echoes(4, 4, 1), False),  # somebody asks the primary for everything
        (Echoes(8, 8, 8), False),
        (Echoes(8, 0, 0), False),
    ],
)
def test_several_echoes_count_if_as_many_controls_are_silent(heard: Echoes, guilty: bool) -> None:
    assert relays(heard) is guilty


def test_the_logs_times_are_moved_to_this_nodes_clock() -> None:
    log = parse_echo_log(b'{"spec":1,"now_ms":1000000,"asked":[[999000,"ab"],[990000,"ab"]]}', 5_000_000)
    assert log == EchoLog({"ab": [4_999_000, 4_990_000]})
    assert log.has("ab", 4_998_000, 5_000_000)
    assert not log.has("ab", 4_991_000, 4_998_000)
    assert not log.has("cd", 0, 9_000_000)


NONE = [
    b"",
    b"[]",
    b'{"spec":2,"now_ms":1,"asked":[]}',
    b'{"spec":1,"now_ms":1,"asked":[[1]]}',
    b'{"spec":1,"now_ms":1.5,"asked":[]}',
    b'{"spec":1,"now_ms":1,"asked":[["1","a"]]}',
]


@pytest.mark.parametrize("body", NONE)
def test_a_log_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_echo_log(body, 0)


def test_without_a_key_nobody_is_asked_a_canary(tmp_path: Path, stack: ExitStack) -> None:
    scene = Scene(tmp_path, stack, cold=COLD).ready()
    scene.measure()
    assert developer_key(scene.settings.developer_keys, FUND) is None
    assert all(path.lstrip("/") in ALL for path in scene.asked(1))
