"""What the tables say of deposits, mirrors and credits is what the contract says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from eth_utils.crypto import keccak

from oracle import merkle
from oracle.attest import Domain, report_message, sign
from oracle.chain.abi import artifact
from oracle.chain.events import DECODED
from oracle.chain.structs import Offer, Reveal
from oracle.digests import to_digest
from oracle.indexer import index_once
from oracle.model import ONE, Clock, Digest
from oracle.store import ledger, tables
from oracle.store.db import writing
from oracle.store.fold import NOBODY, fold
from oracle.store.log import Log
from tests.fixtures.chain import World

REWARD = 1_000
RELEASE = Digest("0x" + "ab" * 32)


@pytest.fixture
def fund(world: World) -> int:
    """A fund of a committee of one, with money for fifty epochs."""
    member, developer, funder = (world.account(role) for role in ("member", "developer", "funder"))
    world.committee.create_committee(member, [member.address], 1, member.address)
    number = world.create_fund(developer, Offer(REWARD, 2, 1_000, 1))
    world.token.mint(funder, funder.address, 50 * REWARD)
    world.token.approve(funder, world.fund.address, 50 * REWARD)
    world.fund.top_up(funder, number, 50 * REWARD)
    return number


def register(world: World, fund: int, role: str, stake: int = 0, former: int = 0) -> int:
    account = world.account(role)
    url = f"https://{role}.example/"
    return world.fund.register(account, fund, url, account.address, stake, former, value_wei=stake)[0]


def rows(world: World, store: sa.Engine, home: Path, table: sa.Table) -> list[dict[str, Any]]:
    """A table's rows once the store is at the head."""
    index_once(store, world.dev.chain, world.settings(home))
    with store.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]


def report(world: World, fund: int, epoch: int, weights: list[int]) -> Reveal:
    """What settles an epoch for which the only member has reported any weights by position.

    The mirrors must be those that counted in it: none has come or gone since.
    """
    vector = b"".join((weight | 1 << 31).to_bytes(4, "big") for weight in weights)
    digest = world.fund.mirrors_digest(fund)
    root = to_digest(merkle.leaf(1, world.fund.address, fund, epoch, digest, to_digest(keccak(vector))))
    config = world.committee.config_at(1, epoch).digest
    message = report_message(Domain(31_337, world.committee.address), 1, epoch, config, root, RELEASE)
    member = world.account("member")
    world.committee.report(member, 1, epoch, root, RELEASE, {0: bytes.fromhex(sign(member, message)[2:])})
    return Reveal(vector)


def settle(world: World, fund: int, until: int, *last: Reveal) -> None:
    """Settles the epochs before `until`, all missed, and then those revealed."""
    missed = until - world.fund.fund_of(fund).cursor.epoch
    world.fund.settle(world.account("anyone"), fund, [Reveal()] * missed + list(last))


def test_a_deposits_way_out_is_followed(world: World, store: sa.Engine, tmp_path: Path, fund: int) -> None:
    funder, notice = world.account("funder"), world.fund.terms().deposit_notice
    world.next_epoch()
    world.fund.give_notice(funder, 1)
    ready = world.next_epoch(notice)
    world.next_epoch()
    settle(world, fund, 2)
    world.fund.depart(funder, 1)
    [row] = rows(world, store, tmp_path, tables.deposits)
    assert (row["holder"], row["amount_wei"], row["binds_from"]) == (funder.address, 50 * REWARD, 1)
    assert (row["ready_epoch"], row["left_epoch"], row["collected_wei"]) == (ready, world.epoch() + 1, None)
    world.next_epoch(3)
    settle(world, fund, row["left_epoch"])
    world.fund.collect(funder, 1)
    [row] = rows(world, store, tmp_path, tables.deposits)
    assert row["collected_wei"] == world.token.balance(funder.address) == 50 * REWARD


def test_a_mirrors_way_out_is_followed(world: World, store: sa.Engine, tmp_path: Path, fund: int) -> None:
    world.next_epoch()
    mirror, operator = register(world, fund, "operator", stake=5), world.account("operator")
    world.fund.change_payout(operator, mirror, world.account("heir").address)
    [row] = rows(world, store, tmp_path, tables.mirrors)
    assert (row["payout"], row["end_epoch"], row["stake_returned_wei"]) == (world.account("heir").address, None, 0)
    end = world.next_epoch() + 1
    world.fund.exit(operator, mirror)
    world.next_epoch(1 + world.fund.terms().unbonding)
    world.fund.release_stake(operator, mirror)
    [row] = rows(world, store, tmp_path, tables.mirrors)
    assert (row["end_epoch"], row["removed"], row["stake_wei"], row["stake_returned_wei"]) == (end, False, 5, 5)


def test_a_position_that_changes_hands_keeps_each_holders_credit(
    world: World, store: sa.Engine, tmp_path: Path, fund: int
) -> None:
    former = register(world, fund, "former")
    first = world.next_epoch()
    world.next_epoch()
    reveal = report(world, fund, first, [ONE])
    world.fund.exit(world.account("former"), former)
    end = world.next_epoch()
    settle(world, fund, first, reveal)
    world.next_epoch()
    settle(world, fund, end)
    heir = register(world, fund, "heir", former=former)
    assert world.fund.mirror_of(heir).position == world.fund.mirror_of(former).position
    start = world.next_epoch()
    world.next_epoch()
    reveal = report(world, fund, start, [ONE // 2])
    world.next_epoch()
    settle(world, fund, start, reveal)
    credited = rows(world, store, tmp_path, tables.credits)
    assert [(row["mirror"], row["epoch"], row["amount_wei"]) for row in credited] == [
        (former, first, 450),
        (heir, start, 225),
    ]
    assert (world.fund.credit_of(former), world.fund.credit_of(heir)) == (450, 225)


def test_an_epoch_is_settled_in_that_of_the_block_which_does_it_however_late(
    world: World, store: sa.Engine, tmp_path: Path, fund: int
) -> None:
    world.next_epoch(3)
    settle(world, fund, 2)
    world.next_epoch(4)
    settle(world, fund, 4)
    settled = rows(world, store, tmp_path, tables.settlements)
    assert [(row["epoch"], row["settled_epoch"]) for row in settled] == [(1, 3), (2, 7), (3, 7)]


def test_weight_that_a_captured_quorum_gives_an_ended_mirror_is_credited_as_on_the_chain(
    world: World, store: sa.Engine, tmp_path: Path, fund: int
) -> None:
    ended, stays = register(world, fund, "ended"), register(world, fund, "stays")
    world.fund.exit(world.account("ended"), ended)
    epoch = world.next_epoch()
    world.next_epoch()
    reveal = report(world, fund, epoch, [ONE, ONE // 2])
    world.next_epoch()
    settle(world, fund, epoch, reveal)
    credited = {row["mirror"]: row["amount_wei"] for row in rows(world, store, tmp_path, tables.credits)}
    assert [mirror.mirror for mirror in ledger.mirrors_at(store, fund, epoch)] == [stays]
    assert credited == {ended: 450, stays: 225}
    assert {mirror: world.fund.credit_of(mirror) for mirror in credited} == credited


MOST = 2**256 - 1
CHAIN_KNOWS_BETTER = {("StakeLocked", "until"), ("CommitteeConfigured", "quorum")}
"""The contract computes the one and bounds the other."""


def inputs_of(kind: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for contract in DECODED:
        yield from ((entry["name"], entry["inputs"]) for entry in artifact(contract).of_type(kind))


def plain(entry: dict[str, Any]) -> Any:
    """The least that an argument of this type can be."""
    kind = entry["type"]
    if kind == "tuple":
        return {part["name"]: plain(part) for part in entry["components"]}
    if kind.startswith(("uint", "int")):
        return 1
    of_others: dict[str, Any] = {"address": NOBODY, "string": "", "bytes": "0x", "bool": False, "bytes32": RELEASE}
    return of_others.get(kind, [])


def entry_of(event: str, args: dict[str, Any]) -> Log:
    return Log(RELEASE, 0, 1, 1_000, RELEASE, NOBODY, event, args)


def test_no_number_that_a_caller_may_choose_stops_the_fold(store: sa.Engine) -> None:
    clock = Clock(1_000, 100, 100, 10)
    chosen = {one["name"] for _, inputs in inputs_of("function") for one in inputs if one["type"] == "uint256"}
    events = {event: {one["name"]: plain(one) for one in inputs} for event, inputs in inputs_of("event")}
    tried = {(event, name) for event, args in events.items() for name in args.keys() & chosen} - CHAIN_KNOWS_BETTER
    with writing(store) as connection:
        for event, name in sorted(tried):
            attempt = connection.begin_nested()
            for before in {"FundCreated", "MirrorRegistered"} - {event}:
                fold(connection, entry_of(before, events[before]), clock)
            fold(connection, entry_of(event, events[event] | {name: MOST}), clock)
            attempt.rollback()
    assert {("Bonded", "committee"), ("Accepted", "until"), ("BondBurned", "epoch"), ("Challenged", "fund")} <= tried
