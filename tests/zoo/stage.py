"""A development chain with funds whose mirrors are honest servers and cheats, and nodes that measure them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from ssl import SSLContext

import sqlalchemy as sa
from eth_account import Account as Accounts

from oracle import keys
from oracle.chain.contracts import Token
from oracle.chain.structs import NewFund, Offer, Slashing
from oracle.chain.transactions import Account
from oracle.codec import result_from_json
from oracle.devnet.accept import VALID_S, accept
from oracle.manifest import Manifest, compose, manifest_path
from oracle.model import FundId, FundResult, MirrorId, Policy, Vote, Weight, canonical
from oracle.store.db import close_store, open_store
from oracle.store.observations import votes_of
from oracle.store.reports import load_result
from tests.fixtures.hostile import released
from tests.fixtures.nodes import Devnet, NodeProcess
from tests.zoo.crowd import Crowd
from tests.zoo.site import Server, Site

EPOCH_S = 20
SLOTS = 10
REWARD_WEI = 10**12
FEE_BPS = 500
COLD_FILES = 300
POLICY = Policy(
    slots=SLOTS,
    latency_target_ms=500,
    latency_limit_ms=1_500,
    release_grace_epochs=0,
    timeout_ms=1_500,
    budget_requests=10**7,
)
FUNDS, PLACES = 10, 64
"""So many funds, with so many places each, have a network of their own in the table of places."""
RACK = 60
"""This place of each fund is in the network of its first mirror."""


def text_files(count: int, version: str = "1") -> dict[str, bytes]:
    """An application of `count` small files, an index among them."""
    names = ["index.html", *(f"pages/{number:04d}.html" for number in range(1, count))]
    return {name: f"<p>{name} of version {version}</p>".encode() for name in names}


def cold_files(name: str, count: int = COLD_FILES) -> dict[str, bytes]:
    """Cold files as a release lists them: names and bytes that nobody can guess, here the same in each run."""
    made = (hashlib.sha256(f"{name} {number}".encode()) for number in range(count))
    return {f".mirrorbond/cold/{one.hexdigest()[:32]}": one.digest() * 8 for one in made}


def placement() -> dict[str, dict[str, object]]:
    """A network of its own for every /24 that a fund's servers can be in, but for the rack."""
    return {
        f"127.{10 + fund}.{place}.0/24": {
            "asn": 64_512 + fund * PLACES + (1 if place == RACK else place),
            "country": "DE",
        }
        for fund in range(FUNDS)
        for place in range(PLACES)
    }


@dataclass(eq=False)
class Enclosure:
    """One fund: its application, the primary that serves it, and by name the mirrors that are registered for it."""

    stage: Stage
    number: int
    files: Mapping[str, bytes]
    cold: Mapping[str, bytes]
    policy: Policy
    primary: Server
    manifest: Manifest
    fund: FundId
    mirrors: dict[str, MirrorId] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def all_files(self) -> dict[str, bytes]:
        """All that a mirror has to hold."""
        return {**self.files, **self.cold}

    @property
    def upstream(self) -> tuple[str, int]:
        """Where relays find the primary."""
        return self.primary.addresses[0], self.primary.port

    def next_operator(self) -> Account:
        """Who registers the next mirror."""
        return self.stage.operator(len(self.mirrors))

    def address(self) -> str:
        """Where the next mirror is, in a network of its own."""
        return f"127.{10 + self.number}.{len(self.mirrors) + 1}.1"

    def keep(
        self,
        name: str,
        site: Site,
        *addresses: str,
        host: str = "",
        operator: Account | None = None,
        tls: SSLContext | None = None,
    ) -> Server:
        """Have a mirror's server listen, at the next address unless told otherwise, and register its URL."""
        server = Server(site, *(addresses or (self.address(),)), tls=tls)
        self.servers[name] = self.stage.crowd.start(server)
        self.register(name, server.url.replace(server.addresses[0], host) if host else server.url, operator)
        return server

    def register(self, name: str, url: str, operator: Account | None = None) -> MirrorId:
        """An operator, the next one unless named, registers a URL, whoever's it is."""
        operator = operator or self.next_operator()
        stake = 1_000
        mirror, _ = self.stage.net.funds.register(operator, self.fund, url, operator.address, stake, value_wei=stake)
        self.mirrors[name] = mirror
        return mirror


@dataclass
class Stage:
    """Funds of one owner on a chain, served by a crowd of servers."""

    net: Devnet
    crowd: Crowd
    folder: Path
    operators: list[Account] = field(default_factory=list)
    enclosures: list[Enclosure] = field(default_factory=list)

    def __post_init__(self) -> None:
        net, token = self.net, Token(self.net.chain.chain, self.net.deployment.demo_token)
        token.mint(net.owner, net.owner.address, 10**30)
        token.approve(net.owner, net.deployment.fund, 10**30)

    def operator(self, number: int) -> Account:
        """An operator, with native coin; the same ones in every fund."""
        while len(self.operators) <= number:
            made = Accounts.from_key(hashlib.sha256(f"operator {len(self.operators)}".encode()).digest())
            self.net.chain.give(made.address, 10**20)
            self.operators.append(made)
        return self.operators[number]

    def committee(self, name: str) -> tuple[int, Path, Account]:
        """A further committee, of one member, with its keystore."""
        keystore = self.folder / f"{name}.json"
        keys.create(keystore, "correct horse", iterations=4_096)
        member = keys.load(keystore, "correct horse")
        self.net.chain.give(member.address, 10**20)
        net = self.net
        number, _ = net.committees.create_committee(net.owner, [member.address], 1, net.owner.address)
        return number, keystore, member

    def enclose(
        self,
        files: Mapping[str, bytes],
        primary: Site | None = None,
        *,
        target: int = 8,
        committee: int = 1,
        member: Account | None = None,
        former: Mapping[str, bytes] | None = None,
        **policy: int,
    ) -> Enclosure:
        """Open a fund with a release of the files, after one of the `former` ones; its primary listens."""
        number = len(self.enclosures)
        cold = cold_files(f"fund {number}")
        site = primary or Site({})
        server = self.crowd.start(Server(site, f"127.{10 + number}.0.1"))
        chosen = Policy(**(POLICY.to_json() | policy))
        manifests = [self._publish(server, each, cold) for each in (former, files) if each is not None]
        site.files |= {f"/{path}": body for path, body in {**files, **cold}.items()}
        fund = self._open(manifests[0], chosen, target, committee, member or self.net.owner)
        for manifest in manifests[1:]:
            self.net.funds.publish_release(self.net.owner, fund, manifest.digest, manifest.url)
        made = Enclosure(self, number, files, cold, chosen, server, manifests[-1], fund)
        self.enclosures.append(made)
        return made

    def _publish(self, primary: Server, files: Mapping[str, bytes], cold: Mapping[str, bytes]) -> Manifest:
        """The manifest of these files, at the primary."""
        listed, random = ([released(path, body) for path, body in sorted(group.items())] for group in (files, cold))
        manifest = compose("zoo", "1", primary.url, None, listed, random)
        primary.site.files["/" + manifest_path(manifest.digest)] = manifest.canonical()
        return manifest

    def _open(self, manifest: Manifest, policy: Policy, target: int, committee: int, member: Account) -> FundId:
        net, text = self.net, canonical(policy.to_json())
        offer = Offer(REWARD_WEI, target, FEE_BPS, committee)
        token = net.deployment.demo_token
        valid_s = VALID_S + len(self.enclosures)  # the same terms are accepted once for the same time only
        slashing = Slashing(net.owner.address, 1_000, 5_000)
        accept(net.committees, [member], net.funds.address, net.owner, token, offer, text, slashing, valid_s)
        made = NewFund(token, offer, 1_000, "zoo", text, manifest.digest, manifest.url, slashing)
        fund, _ = net.funds.create_fund(net.owner, made)
        net.funds.top_up(net.owner, fund, 1_000 * REWARD_WEI)
        return fund


@dataclass
class Watcher:
    """A node, and what its store says."""

    node: NodeProcess
    name: str

    @cached_property
    def engine(self) -> sa.Engine:
        """Its store."""
        return open_store(self.store_url)

    @property
    def store_url(self) -> str:
        """Where its store is."""
        return f"sqlite:///{self.node.home / 'store.sqlite'}"

    def result(self, of: Enclosure, epoch: int) -> FundResult:
        """What became of a fund's epoch."""
        body = load_result(self.engine, of.fund, epoch)
        assert body is not None, f"fund {of.fund} has no result of epoch {epoch}"
        return result_from_json(body)

    def weight(self, of: Enclosure, epoch: int, name: str) -> Weight:
        """What a mirror earned, and why."""
        wanted = of.mirrors[name]
        return next(one for one in self.result(of, epoch).weights if one.mirror == wanted)

    def sightings(self, of: Enclosure, epoch: int, name: str) -> set[str]:
        """How a mirror was caught relaying."""
        query = "SELECT how FROM sightings WHERE fund = ? AND epoch = ? AND mirror = ?"
        with closing(sqlite3.connect(f"file:{self.node.home / 'store.sqlite'}?mode=ro", uri=True)) as store:
            return {how for (how,) in store.execute(query, (of.fund, epoch, of.mirrors[name]))}

    def votes(self, of: Enclosure, epoch: int, name: str) -> list[Vote]:
        """What the node said of a mirror, slot by slot."""
        wanted = of.mirrors[name]
        return [vote for vote in votes_of(self.engine, of.fund, epoch, self.name) if vote.mirror == wanted]


def start_node(stage: Stage, stack: ExitStack, name: str, secret: bytes, **settings: object) -> Watcher:
    """Start a node with a secret of its own; it is not ready yet."""
    home = stage.folder / name
    home.mkdir(parents=True)
    place = stage.folder / "placement.json"
    place.write_text(json.dumps(placement()))
    (home / "secret").touch(mode=0o600)
    (home / "secret").write_bytes(secret)
    given = {"placement_file": place, "node_name": name, **settings}
    started = NodeProcess(home, stage.net.environment(home, **given)).start()
    watcher = Watcher(started, name)
    stack.callback(_end, watcher)
    return watcher


def _end(watcher: Watcher) -> None:
    process = watcher.node.process
    process.terminate()
    process.wait()
    if process.stdout:
        process.stdout.close()
    close_store(watcher.store_url)
