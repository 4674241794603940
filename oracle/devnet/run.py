"""One run of the demo from an empty folder to the last withdrawal; whatever it starts is stopped by its stack."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from oracle.devnet import app as apps
from oracle.devnet.actors import Actors, give_allowances, make_actors
from oracle.devnet.cast import ADDRESSES, PRIMARY, Served, hosts, primary_url
from oracle.devnet.chain import start_chain
from oracle.devnet.hosts import Hosts, common_port, placement
from oracle.devnet.nodes import NODE_NAME, NodeProcess, environment
from oracle.devnet.plan import Plan
from oracle.devnet.progress import Line, Progress, Snapshot
from oracle.devnet.stage import Ground, Opened, lay_ground, open_fund, withdraw_all
from oracle.devnet.watch import Watch, in_words
from oracle.errors import ProcessFailed
from oracle.manifest import Manifest, manifest_path
from oracle.model import PRIMARY as PRIMARY_ID
from oracle.model import Clock
from oracle.release import build
from oracle.schedule import slot_at
from oracle.settings import settings
from oracle.store.db import close_store, open_store
from oracle.store.observations import admissions, votes_of

_LOOK_S = 0.2
_POLL_S = 1.0
_READ_RATIO = 12
"""How much longer reading every mirror for the first time may take than the node's own start, on any machine."""
_SET_UP_RATIO = 6
"""How much longer the set-up on the chain takes than what comes before it, on any machine."""


@dataclass(frozen=True, slots=True)
class Played:
    """A demo whose epochs are over and settled, and all that its accounting is checked on."""

    plan: Plan
    actors: Actors
    ground: Ground
    opened: Opened
    hosts: Hosts
    node: NodeProcess
    watch: Watch
    store: sa.Engine
    placement_file: Path

    @property
    def epochs(self) -> range:
        """The epochs that were measured."""
        return range(self.opened.first, self.opened.first + self.plan.epochs)


@dataclass
class Outage:
    """The primary's time off: a drill that its developer holds."""

    hosts: Hosts
    starts_s: float
    ends_s: float
    off: bool = False

    def pause_s(self, now_s: float) -> float:
        """How long nothing has to be switched, at most `_LOOK_S`."""
        ahead = (moment - now_s for moment in (self.starts_s, self.ends_s) if moment > now_s)
        return min(_LOOK_S, *ahead, _LOOK_S)

    def follow(self, now_s: float) -> str | None:
        """Switch the primary as the time says; what was done, in words."""
        due = self.starts_s <= now_s < self.ends_s
        if due == self.off:
            return None
        self.hosts.switch(PRIMARY, not due)
        self.off = due
        return "The primary is switched off" if due else "The primary is back"


def play(plan: Plan, home: Path, folder: Path | None, port: int, console: Console, stack: ExitStack) -> Played:
    """Set everything up in `home`, let the epochs pass, and have the operators withdraw.

    Raises: ProcessFailed if something does not come up or the last epoch is not settled in time.
    """
    console.print("Starting a chain, an application's servers and a node", highlight=False)
    began_s = time.monotonic()
    (home / "logs").mkdir(parents=True)
    actors = make_actors(home / "keys", plan)
    running, releases = _serve(home, folder, actors, stack)
    slower = replace(plan, set_up_s=max(plan.set_up_s, int(_SET_UP_RATIO * (time.monotonic() - began_s))))
    played = _set_up(slower, home, port, actors, running, releases, stack)
    console.print(f"The dashboard is at {played.node.url}", highlight=False)
    played = _ready(played, releases[-1])
    _watch_epochs(played, Progress(console))
    withdraw_all(played.ground, actors, played.opened)
    return played


def _serve(home: Path, folder: Path | None, actors: Actors, stack: ExitStack) -> tuple[Hosts, Sequence[Manifest]]:
    """Both versions of the application as releases, and every server serving."""
    chosen = apps.own_folder(folder, home / "app") if folder else apps.tiddlywiki(home / "app")
    port, versions = common_port(ADDRESSES), (chosen.former, chosen.current)
    releases = [build(version.folder, chosen.name, version.name, primary_url(port)) for version in versions]
    files = [
        version.folder / manifest_path(release.digest) for version, release in zip(versions, releases, strict=True)
    ]
    published = {f"/{manifest_path(release.digest)}": str(file) for release, file in zip(releases, files, strict=True)}
    published["/.well-known/mirrorbond/release.json"] = str(files[-1])
    operators = {role: account.address for role, account in actors.operators.items()}
    served = Served(chosen.former.folder, chosen.current.folder, published)
    everybody = hosts(port, operators, actors.owner.address, served)
    return stack.enter_context(Hosts(everybody, home / "logs" / "hosts.log")), releases


def _set_up(
    plan: Plan,
    home: Path,
    port: int,
    actors: Actors,
    running: Hosts,
    releases: Sequence[Manifest],
    stack: ExitStack,
) -> Played:
    """Chain, contracts, node, fund and mirrors; the node starts while the fund is opened."""
    chain = start_chain(home / "logs" / "chain.log", kind=settings().devnet_chain)
    stack.callback(chain.stop)
    give_allowances(chain, actors)
    ground = lay_ground(chain.chain, actors, plan)
    running.keep_time(ground.clock.genesis_s, ground.clock.epoch_length_s)
    table = home / "placement.json"
    table.write_text(json.dumps(placement(len(ADDRESSES)), indent=1) + "\n")
    node = NodeProcess(home / "node")
    stack.callback(node.stop)
    began_s = time.monotonic()
    node.start(environment(ground, actors.keystores, node.home, table, port))
    opened = open_fund(ground, actors, plan, releases, running.hosts)
    node.wait()
    plan = replace(plan, restart_s=max(plan.restart_s, int(time.monotonic() - began_s)))
    stack.callback(close_store, node.store_url)
    contracts = (ground.deployment.committee, ground.deployment.fund)
    watch = Watch(chain.chain, contracts, ground.deployment.first_block)
    store = open_store(node.store_url, read_only=True)
    return Played(plan, actors, ground, opened, running, node, watch, store, table)


def _ready(played: Played, release: Manifest) -> Played:
    """Wait until the node has read the release from its source and every mirror once, which it does from the genesis
    on; the demo is about the whole epochs that begin after that.

    Raises: ProcessFailed if it takes too long.
    """
    patience_s = _READ_RATIO * played.plan.restart_s
    deadline = time.monotonic() + max(0.0, played.ground.clock.genesis_s - time.time()) + patience_s
    wanted = {PRIMARY_ID, *played.opened.mirrors.values()}
    while not wanted <= admissions(played.store, release.digest, NODE_NAME).keys():
        played.node.check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"the node has not read all mirrors within {patience_s} seconds; its logs say why")
        time.sleep(_LOOK_S)
    next_epoch = played.ground.clock.epoch_at(int(time.time())) + 1
    return replace(played, opened=replace(played.opened, first=max(played.opened.first, next_epoch)))


def _watch_epochs(played: Played, progress: Progress) -> None:
    """Show what happens, and hold the drill, until the last epoch is settled."""
    plan, clock = played.plan, played.ground.clock
    last = played.epochs[-1]
    # Probes begin in the first part of a slot, so in the last fifth of one nobody is asking.
    begins_s = clock.start_s(last) + (plan.outage_first - 0.2) * plan.slot_s
    outage = Outage(played.hosts, begins_s, begins_s + plan.outage_slots * plan.slot_s)
    news: list[str] = []
    begun = played.epochs[0] - 1
    polled_s = 0.0
    with progress.shown():
        while not played.watch.settled(played.opened.fund, played.epochs):
            now_s = time.time()
            if switched := outage.follow(now_s):
                news.append(switched)
            if begun < (epoch := clock.epoch_at(int(now_s))) <= last:
                begun = epoch
                news.append(f"Epoch {epoch} begins")
            if now_s - polled_s >= _POLL_S:
                polled_s = now_s
                news += _poll(played)
            progress.show(_snapshot(played, now_s, news))
            _check_time(clock, last, plan, now_s)
            time.sleep(outage.pause_s(time.time()))


def _poll(played: Played) -> list[str]:
    """What happened on the chain; the node has to be there still."""
    played.node.check()
    told = (in_words(event, played.plan.symbol) for event in played.watch.read())
    return [words for words in told if words]


def _check_time(clock: Clock, last: int, plan: Plan, now_s: float) -> None:
    if now_s > clock.end_s(last) + plan.patience_s:
        late = f"epoch {last} was not settled within {plan.patience_s} seconds of its end"
        raise ProcessFailed(f"{late}; the node's logs say why")


def _snapshot(played: Played, now_s: float, news: Sequence[str]) -> Snapshot:
    slots, last = played.plan.policy.slots, played.epochs[-1]
    epoch, slot = slot_at(played.ground.clock, slots, int(now_s))
    if epoch > last:
        epoch, slot = type(epoch)(last), type(slot)(slots - 1)
    votes = votes_of(played.store, played.opened.fund, epoch, NODE_NAME)
    ids = {PRIMARY: PRIMARY_ID} | dict(played.opened.mirrors)
    lines = [
        Line(host.name, host.kind, {vote.slot: vote.reason for vote in votes if vote.mirror == ids[host.name]})
        for host in played.hosts.hosts
    ]
    return Snapshot(epoch, played.epochs[0], last, slot, slots, lines, news)
