"""A store of a node that follows many funds with many mirrors, all read and proved: no chain is behind it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from oracle.manifest import Manifest, ReleaseFile, compose
from oracle.model import PRIMARY, Clock, Policy, Reason, canonical
from oracle.store import facts, tables
from oracle.store.db import Row, insert_new, writing
from oracle.store.manifests import save_manifest

NODE, COMMITTEE = "node", 1
MIRRORS_A_FUND = 250
_ACCOUNT = "0x" + "ab" * 20


@dataclass(frozen=True)
class World:
    """So many mirrors in funds of 250, under one policy; `url_of` a mirror's number (0: any fund's primary), `bodies`
    the files of every fund's release by path."""

    mirrors: int
    policy: Policy
    url_of: Callable[[int], str]
    bodies: dict[str, bytes]

    @property
    def funds(self) -> range:
        """The numbers of the funds."""
        return range(1, -(-self.mirrors // MIRRORS_A_FUND) + 1)

    def release(self, fund: int) -> Manifest:
        """A fund's release; no two funds have the same."""
        files = [ReleaseFile(path, hashlib.sha256(body).hexdigest(), len(body)) for path, body in self.bodies.items()]
        return compose(f"app {fund}", "1", self.url_of(0), None, files, [], [])


def fill(engine: sa.Engine, clock: Clock, world: World, epoch: int) -> None:
    """Everything that a node knows in an epoch in which nothing is left to be read."""
    set_clock(engine, clock)
    facts.put(engine, facts.CHAIN_ID, 31337)
    releases = {fund: world.release(fund) for fund in world.funds}
    for release in releases.values():
        save_manifest(engine, release.digest, release.canonical())
    with writing(engine) as connection:
        _fill_chain(connection, world, {fund: release.digest for fund, release in releases.items()})
        _fill_reads(connection, world, {fund: release.digest for fund, release in releases.items()}, epoch)


def set_clock(engine: sa.Engine, clock: Clock) -> None:
    """Another time; the chain is known far ahead."""
    facts.put(engine, facts.CLOCK, asdict(clock))
    far_s = clock.genesis_s + 10**9
    facts.put(engine, facts.INDEXED, {"block": 1, "hash": str(clock.genesis_s), "timestamp_s": far_s, "at_s": far_s})


def _fill_chain(connection: sa.Connection, world: World, digests: dict[int, str]) -> None:
    member = {"members": [_ACCOUNT], "quorum": 1, "fee_recipient": _ACCOUNT, "digest": "0x" + "01" * 32}
    insert_new(connection, tables.committee_configs, [{"committee": COMMITTEE, "version": 1, "since": 0} | member])
    text = canonical(world.policy.to_json()).decode()
    offer = {"binds_from": 0, "reward_wei": 1, "target": 8, "fee_bps": 0, "committee": COMMITTEE, "policy": text}
    fund = {"owner": _ACCOUNT, "token": _ACCOUNT, "app": "app", "min_stake_wei": 1, "created_epoch": 0}
    insert_new(connection, tables.funds, [fund | {"fund": number} for number in world.funds])
    insert_new(connection, tables.offers, [offer | {"fund": number} for number in world.funds])
    release = {"sequence": 1, "binds_from": 0, "url": world.url_of(0)}
    insert_new(connection, tables.releases, [release | {"fund": n, "digest": d} for n, d in digests.items()])
    insert_new(connection, tables.mirrors, _mirrors(world))


def _mirrors(world: World) -> Iterator[Row]:
    rest = {"operator": _ACCOUNT, "payout": _ACCOUNT, "stake_wei": 1, "start_epoch": 0, "end_epoch": None}
    for number in range(1, world.mirrors + 1):
        fund, position = fund_of(number), (number - 1) % MIRRORS_A_FUND
        where = {"mirror": number, "fund": fund, "position": position, "url": world.url_of(number)}
        yield rest | where | {"removed": False}


def fund_of(mirror: int) -> int:
    """The fund of a mirror."""
    return (mirror - 1) // MIRRORS_A_FUND + 1


def _fill_reads(connection: sa.Connection, world: World, digests: dict[int, str], epoch: int) -> None:
    told = {"node": NODE, "reason": Reason.UP.value, "detail": "", "at_ms": 1}
    read = told | {"files_read": len(world.bodies)}
    sources = [read | {"mirror": PRIMARY, "release": digest} for digest in digests.values()]
    owner = told | {"epoch": epoch, "asks": 1, "proved_epoch": epoch, "at_ms": time.time_ns() // 1_000_000}
    numbers = range(1, world.mirrors + 1)
    insert_new(connection, tables.admissions, sources)
    insert_new(connection, tables.admissions, [read | {"mirror": n, "release": digests[fund_of(n)]} for n in numbers])
    insert_new(connection, tables.ownerships, [owner | {"mirror": n} for n in numbers])
