"""The whole zoo through real nodes: set up, measured for two epochs, a drill held, and reported."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from oracle.model import PRIMARY, Clock, MirrorId, Reason
from oracle.questions import words
from oracle.schedule import epoch_secret, files_for, is_away, slot_bounds
from oracle.store.observations import admissions
from oracle.store.outcomes import reported_epochs
from oracle.store.ownerships import ownerships
from tests.fixtures.nodes import running_devnet, wait_for
from tests.zoo.cheats import AlteredLater
from tests.zoo.crowd import Crowd
from tests.zoo.inhabitants import (
    ONE_FILE,
    Primary,
    keep_honest,
    keep_liars,
    keep_many_files,
    keep_relays,
    keep_unheard,
    keep_where_all_are_asked_alike,
)
from tests.zoo.line import Weather
from tests.zoo.stage import EPOCH_S, SLOTS, Enclosure, Stage, Watcher, start_node

KEY = hashlib.sha256(b"shared with the committee").hexdigest()
OTHER_ADDRESS = "127.9.9.9"
DRILL = range(3, 8)
"""The slots in which the drill's primary is off."""
EARLY = SLOTS - 1
"""Before this slot a mirror is asked from elsewhere for the first time. A day has 288 slots, and 29 such ones; an epoch
here has 10, so a secret is sought by which there is one."""
EPOCHS = range(1, 13)
"""Two of them are measured: on a busy machine the set-up takes until more than one has begun."""
_GRACE_S = 30


@dataclass(frozen=True)
class Zoo:
    """Everything after its second epoch; `first` is the first of the two. `usual` saw all funds but `alike`, which
    `bare` saw."""

    first: int
    clock: Clock
    usual: Watcher
    bare: Watcher
    liars: Enclosure
    keyed: Enclosure
    unheard: Enclosure
    unkeyed: Enclosure
    drilled: Enclosure
    many: Enclosure
    crowd: Enclosure
    alike: Enclosure
    weather: Weather

    @property
    def epochs(self) -> tuple[int, int]:
        """The two epochs that were measured."""
        return self.first, self.first + 1

    @property
    def enclosures(self) -> tuple[Enclosure, ...]:
        """All funds."""
        return self.liars, self.keyed, self.unheard, self.unkeyed, self.drilled, self.many, self.crowd, self.alike


def secret_with_early_turns(mirror: int, epochs: Sequence[int]) -> bytes:
    """A node's secret by which this mirror is asked from elsewhere early in each of these epochs."""

    def is_early(secret: bytes, epoch: int) -> bool:
        times = epoch_secret(secret, epoch)
        return any(is_away(times, mirror, epoch, slot) for slot in range(EARLY))

    return next(secret for secret in _secrets() if all(is_early(secret, epoch) for epoch in epochs))


def secret_in_a_browsers_words(fund: Enclosure, mirror: MirrorId, epochs: Sequence[int]) -> bytes:
    """One by which this mirror is asked for `ONE_FILE` in a browser's words in each of these epochs: a round is in them
    or not as chance has it, and there are few rounds here."""
    count_, index = len(fund.manifest.files), [file.path for file in fund.manifest.files].index(ONE_FILE)

    def is_so(secret: bytes, epoch: int) -> bool:
        asked = [files_for(secret, mirror, epoch, slot, SLOTS, count_, 1)[0] for slot in range(SLOTS)]
        return bool(words(secret, mirror, epoch, asked.index(index)) & 1)

    return next(secret for secret in _secrets() if all(is_so(secret, epoch) for epoch in epochs))


def _secrets() -> Iterator[bytes]:
    return (hashlib.sha256(b"zoo %d" % number).digest() for number in count())


@contextmanager
def running_zoo(folder: Path) -> Iterator[Zoo]:
    """The zoo, measured and reported; what it started ends with it."""
    with ExitStack() as stack:
        net = stack.enter_context(running_devnet(folder, EPOCH_S, _GRACE_S))
        stage = Stage(net, stack.enter_context(Crowd()), folder)
        zoo = _set_up(stage, stack, folder)
        _wait_until_read(zoo)
        first = net.clock.epoch_at(int(time.time())) + 1
        zoo = replace(zoo, first=first)
        _hold_drill(stage, zoo)
        wait_for(lambda: _is_reported(zoo), EPOCH_S * 2 + _GRACE_S)
        yield zoo


def _set_up(stage: Stage, stack: ExitStack, folder: Path) -> Zoo:
    liars = keep_liars(stage, folder)
    keyed, unheard = keep_relays(stage, Primary(KEY)), keep_unheard(stage, KEY)
    keys = folder / "developers.json"
    keys.write_text(json.dumps({str(fund.fund): KEY for fund in (keyed, unheard)}))
    keys.chmod(0o600)
    secret = secret_with_early_turns(liars.mirrors["address"], EPOCHS)
    usual = start_node(
        stage, stack, "usual", secret, worker_processes=10, routes=OTHER_ADDRESS, developer_keys=keys
    )  # fmt: skip
    committee, keystore, member = stage.committee("bare")
    alike = keep_where_all_are_asked_alike(stage, committee, member)
    secret = secret_in_a_browsers_words(alike, alike.mirrors["agent, one file"], EPOCHS)
    bare = start_node(stage, stack, "bare", secret, committee=committee, keystores=keystore)
    weather = Weather(seed=int(time.time()))
    zoo = Zoo(
        0,
        stage.net.clock,
        usual,
        bare,
        liars,
        keyed,
        unheard,
        unkeyed=keep_relays(stage),
        drilled=keep_relays(stage),
        many=keep_many_files(stage),
        crowd=keep_honest(stage, weather),
        alike=alike,
        weather=weather,
    )
    for watcher in (usual, bare):
        stack.callback(watcher.node.process.terminate)  # both at once, before either is waited for
    for watcher in (usual, bare):
        assert "ready" in watcher.node.ready_line(), (watcher.node.home / "stderr").read_text()
    return zoo


def _wait_until_read(zoo: Zoo) -> None:
    """Until every host has been asked for its operator, and every mirror that named it read once."""

    def is_read(watcher: Watcher, fund: Enclosure) -> bool:
        reads = admissions(watcher.engine, fund.manifest.digest, watcher.name)
        owners = ownerships(watcher.engine, watcher.name)
        proved = {m for m in fund.mirrors.values() if m in owners and owners[m].reason is Reason.UP}
        return set(fund.mirrors.values()) <= owners.keys() and {PRIMARY, *proved} <= reads.keys()

    funds = [(zoo.bare if fund is zoo.alike else zoo.usual, fund) for fund in zoo.enclosures]
    wait_for(lambda: all(is_read(*one) for one in funds), 180)


def _hold_drill(stage: Stage, zoo: Zoo) -> None:
    """Switch one primary off for some slots of the first epoch, and have files altered at its middle."""
    clock = stage.net.clock
    off_s, on_s = (slot_bounds(clock, SLOTS, zoo.first, slot)[0] / 1000 - 0.1 for slot in (DRILL.start, DRILL.stop))
    later = zoo.many.servers["altered later"].site
    assert isinstance(later, AlteredLater)
    _sleep_until(off_s)
    stage.crowd.do(zoo.drilled.primary.stop())
    later.begin()
    _sleep_until(on_s)
    stage.crowd.do(zoo.drilled.primary.start())


def _sleep_until(unix_s: float) -> None:
    time.sleep(max(0.0, unix_s - time.time()))


def _is_reported(zoo: Zoo) -> bool:
    return all(
        set(zoo.epochs) <= set(reported_epochs(of.engine, number)) for of, number in ((zoo.usual, 1), (zoo.bare, 2))
    )
