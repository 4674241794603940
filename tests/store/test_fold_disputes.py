"""What the tables say of acceptances, challenges, bonds, locks and payouts is what the contracts say."""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from eth_utils.crypto import keccak

from oracle import merkle
from oracle.attest import Domain, acceptance_message, bundle_message, report_message, sign, terms_digest
from oracle.chain.structs import Offer, Reveal, Slashing
from oracle.chain.transactions import Call, transact
from oracle.devnet.accept import VALID_S
from oracle.digests import to_digest
from oracle.fields import LARGEST
from oracle.indexer import index_once
from oracle.model import ONE, Address, Digest
from oracle.store import dispute_tables, facts, ledger, tables
from oracle.store.db import reading
from oracle.store.disputes import acceptance_of, bonds_of, challenges_of, open_challenges, open_locks
from tests.fixtures.chain import ARBITRATION_S, RELEASE, WINDOW_S, World
from tests.fixtures.indexed import content, fresh, register, top_up

REWARD = 1_000
STAKE = 1_000
__all__ = ["fresh"]


@dataclass
class Court:
    """A committee of one, a fund with an arbiter, and a mirror of it that counts in epoch 2."""

    world: World
    store: sa.Engine
    home: Path
    fund: int
    mirror: int

    def index(self) -> None:
        index_once(self.store, self.world.dev.chain, self.world.settings(self.home))

    def report(self, epoch: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """A report of the epoch that pays the mirror and slashes it; the proofs of both leaves."""
        world, digest = self.world, self.world.fund.mirrors_digest(self.fund)
        payloads = {1: to_digest(keccak(VECTOR)), 2: merkle.slash_digest(self.mirror)}
        leaves = [merkle.leaf(k, world.fund.address, self.fund, epoch, digest, p) for k, p in payloads.items()]
        tree, member = merkle.Tree(leaves), world.account("member")
        root, config = to_digest(tree.root), world.committee.config_at(1, epoch).digest
        message = report_message(Domain(31_337, world.committee.address), 1, epoch, config, root, RELEASE)
        world.committee.report(member, 1, epoch, root, RELEASE, {0: bytes.fromhex(sign(member, message)[2:])})
        return tuple(tree.proof(leaves[0])), tuple(tree.proof(leaves[1]))

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        self.index()
        with self.store.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]


MOST = 2**256 - 1
ANYBODY = Address("0x000000000000000000000000000000000000dEaD")
ANSWERS_ONE = "0x6760015f5260205ff35f5260086018f3"
"""Creates a contract that answers any call with the number 1: an arbiter of whatever fund."""
VECTOR = (ONE | 1 << 31).to_bytes(4, "big")


def domain_of(world: World) -> Domain:
    return Domain(31_337, world.committee.address)


@pytest.fixture
def court(world: World, file_store: sa.Engine, tmp_path: Path) -> Court:
    return make_court(world, file_store, tmp_path)


def make_court(world: World, store: sa.Engine, home: Path) -> Court:
    member, developer, arbiter = (world.account(role) for role in ("member", "developer", "arbiter"))
    world.committee.create_committee(member, [member.address], 1, member.address)
    slashing = Slashing(arbiter.address, 2_000, 5_000)
    fund = world.create_fund(developer, Offer(REWARD, 1, 0, 1), slashing=slashing)
    top_up(world, fund, 50 * REWARD)
    world.next_epoch()
    mirror = register(world, fund, "operator")
    return Court(world, store, home, fund, mirror)


def test_a_funds_arbiter_and_caps_are_known(court: Court) -> None:
    court.index()
    fund = ledger.fund_at(court.store, court.fund, 1)
    assert fund is not None
    assert court.world.fund.slashing_of(court.fund) == Slashing(str(fund.arbiter), 2_000, 5_000)
    assert (fund.slash_epoch_bps, fund.slash_life_bps) == (2_000, 5_000)
    other = court.world.create_fund(court.world.account("developer"), Offer(REWARD, 1, 0, 1))
    assert [row["arbiter"] for row in court.rows(tables.funds)] == [court.world.account("arbiter").address, None]
    assert court.world.fund.slashing_of(other).epoch_bps == 0


def test_an_acceptance_counts_once(court: Court) -> None:
    world, developer, offer = court.world, court.world.account("developer"), Offer(7, 1, 0, 1)
    slashing = world.fund.slashing_of(court.fund)
    terms = terms_digest(court.fund, developer.address, world.token.address, (7, 1, 0, 1), astuple(slashing), b"{}")
    world.accept(developer, world.token.address, offer, slashing=slashing, fund=court.fund)
    court.index()
    with reading(court.store) as connection:
        known = acceptance_of(connection, 1, world.fund.address, terms)
        assert acceptance_of(connection, 2, world.fund.address, terms) is None
    assert known is not None
    assert not known.used
    assert known.until_s > world.dev.chain.head().timestamp_s + VALID_S - 100
    world.fund.announce_change(developer, court.fund, offer, b"{}")
    assert [row["used"] for row in court.rows(dispute_tables.acceptances)] == [True, True]
    world.accept(developer, world.token.address, offer, slashing=slashing, fund=court.fund)
    assert [row["used"] for row in court.rows(dispute_tables.acceptances) if row["terms"] == terms] == [False]


def test_a_payout_counts_from_the_next_epoch(court: Court) -> None:
    world, operator = court.world, court.world.account("operator")
    now = world.epoch()
    for role in ("a mistake", "heir"):
        world.fund.change_payout(operator, court.mirror, world.account(role).address)
    court.index()
    before, after = Address(operator.address), Address(world.account("heir").address)
    assert ledger.payout_at(court.store, court.mirror, 0) == before
    assert ledger.payout_at(court.store, court.mirror, now) == before == world.fund.mirror_of(court.mirror).payout
    assert ledger.payout_at(court.store, court.mirror, now + 1) == after
    assert ledger.payout_at(court.store, 99, 0) is None
    world.next_epoch()
    assert world.fund.mirror_of(court.mirror).payout == after


def test_a_voided_epoch_is_told_with_its_reason(court: Court) -> None:
    world, arbiter, funder = court.world, court.world.account("arbiter"), court.world.account("funder")
    epoch = world.next_epoch()
    world.next_epoch()
    court.report(epoch)
    world.committee.raise_challenge(funder, 1, epoch, world.fund.address, court.fund, "they were all asleep")
    court.index()
    with reading(court.store) as connection:
        [challenge] = open_challenges(connection)
    assert (challenge.challenger, challenge.epoch, challenge.fund) == (Address(funder.address), epoch, court.fund)
    assert challenge.decided_by_s - world.dev.chain.head().timestamp_s in range(WINDOW_S, WINDOW_S + ARBITRATION_S + 1)
    world.committee.rule(arbiter, 1, epoch, world.fund.address, court.fund, True)
    world.next_epoch()
    missed = epoch - world.fund.fund_of(court.fund).cursor.epoch
    world.next_epoch()
    world.fund.settle(funder, court.fund, [Reveal()] * (missed + 1))
    settled = {row["epoch"]: row["settlement"] for row in court.rows(tables.settlements)}
    assert settled[epoch] == "voided"
    with reading(court.store) as connection:
        assert open_challenges(connection) == []
        told = challenges_of(connection, court.fund)[1, epoch]
    assert (told.ruling, told.reason) == ("voided", "they were all asleep")


def test_a_challenge_of_another_contracts_fund_is_not_ours(court: Court) -> None:
    court.index()
    facts.put(court.store, facts.CONTRACTS, {"fund": court.world.token.address, "committee": ""})
    with reading(court.store) as connection:
        assert challenges_of(connection, court.fund) == {}


def test_a_challenge_that_nobody_decides_stands(court: Court) -> None:
    world, funder = court.world, court.world.account("funder")
    epoch = world.next_epoch()
    world.next_epoch()
    court.report(epoch)
    world.committee.raise_challenge(funder, 1, epoch, world.fund.address, court.fund, "")
    world.dev.pass_time(WINDOW_S + ARBITRATION_S + 1)
    world.committee.conclude(funder, 1, epoch, world.fund.address, court.fund)
    assert [row["ruling"] for row in court.rows(dispute_tables.challenges)] == ["stands"]


def test_a_lock_is_followed_to_its_end(court: Court) -> None:
    world, operator, arbiter = court.world, court.world.account("operator"), court.world.account("arbiter")
    registered = world.fund.mirror_of(court.mirror).stake_wei
    epoch = world.next_epoch()
    world.next_epoch()
    _, proof = court.report(epoch)
    world.dev.pass_time(WINDOW_S)
    court.index()
    number = ledger.mirror_set_at(court.store, court.fund, epoch)
    world.fund.lock_stake(operator, court.mirror, epoch, 1, number, proof)
    court.index()
    with reading(court.store) as connection:
        [lock] = open_locks(connection)
    assert (lock.mirror, lock.epoch, lock.amount_wei) == (court.mirror, epoch, registered // 5)
    assert (lock.answer_by, lock.until, lock.answer) == (world.epoch() + 2, world.epoch() + 4, None)
    world.fund.answer_lock(operator, court.mirror, epoch, "a disk\u202e failed")
    court.index()
    with reading(court.store) as connection:
        assert [one.answer for one in open_locks(connection)] == ["a disk\ufffd failed"]
    world.fund.resolve_lock(arbiter, court.mirror, epoch, True)
    [row] = court.rows(dispute_tables.locks)
    assert row["state"] == world.fund.lock_of(court.mirror, epoch).state == "burned"
    [mirror] = court.rows(tables.mirrors)
    state = world.fund.mirror_of(court.mirror)
    assert mirror["slashed_wei"] == state.slashed_wei == registered // 5
    assert mirror["stake_wei"] - mirror["slashed_wei"] == state.stake_wei


def test_a_bond_is_followed_and_two_bundles_cost_it(court: Court) -> None:
    world, member = court.world, court.world.account("member")
    world.committee.post_bond(member, 1, 5)
    world.committee.post_bond(member, 1, 7)
    world.committee.give_bond_notice(member, 1)
    court.index()
    with reading(court.store) as connection:
        [bond] = bonds_of(connection, 1)
    assert (bond.amount_wei, bond.free_from_s) == (12, world.committee.bond_of(1, member.address).free_from_s)
    digests = [Digest("0x" + byte * 32) for byte in ("0a", "0b")]
    domain = Domain(31_337, world.committee.address)
    signed = [bytes.fromhex(sign(member, bundle_message(domain, 1, 3, digest))[2:]) for digest in digests]
    world.committee.burn_bond(world.account("anyone"), 1, 3, member.address, digests, signed)
    [row] = court.rows(dispute_tables.burned_bonds)
    assert (row["member"], row["epoch"], row["first"], row["amount_wei"]) == (member.address, 3, digests[0], 12)
    with reading(court.store) as connection:
        assert bonds_of(connection, 1) == []
    world.committee.post_bond(member, 1, 5)
    world.committee.give_bond_notice(member, 1)
    world.next_epoch(4)
    world.committee.take_bond(member, 1)
    assert [(row["amount_wei"], row["free_from_s"]) for row in court.rows(dispute_tables.bonds)] == [(0, None)]


def test_numbers_beyond_any_committee_fund_and_epoch_stop_nobody(court: Court) -> None:
    """One wei, or a committee of one's own, is enough to put each of these on the chain."""
    world, member = court.world, court.world.account("member")
    signed = acceptance_message(domain_of(world), 1, world.committee.config_at(1, 0).digest, ANYBODY, RELEASE, MOST)
    world.committee.accept(member, 1, ANYBODY, RELEASE, MOST, {0: bytes.fromhex(sign(member, signed)[2:])})
    digests = [Digest("0x" + byte * 32) for byte in ("0a", "0b")]
    bundles = [bundle_message(domain_of(world), 1, MOST, digest) for digest in digests]
    world.committee.post_bond(member, 1, 1)
    signatures = [bytes.fromhex(sign(member, message)[2:]) for message in bundles]
    world.committee.burn_bond(member, 1, MOST, member.address, digests, signatures)
    epoch = world.next_epoch()
    world.next_epoch()
    court.report(epoch)
    arbiter = transact(world.dev.chain, member, Call("deploy", None, ANSWERS_ONE)).created
    world.committee.raise_challenge(member, 1, epoch, str(arbiter), MOST, "")
    world.committee.post_bond(member, 1, 7)
    assert [(row["committee"], row["amount_wei"]) for row in court.rows(dispute_tables.bonds)] == [(1, 7)]
    assert sum(MOST in row["args"].values() for row in court.rows(tables.logs)) == 3
    assert LARGEST in [row["until_s"] for row in court.rows(dispute_tables.acceptances)]
    assert court.rows(dispute_tables.challenges) == court.rows(dispute_tables.burned_bonds) == []


def test_disputes_that_a_reorganisation_drops_are_gone(
    world: World, store: sa.Engine, tmp_path: Path, fresh: Callable[[], sa.Engine]
) -> None:
    court = make_court(world, store, tmp_path)
    world, operator = court.world, court.world.account("operator")
    epoch = world.next_epoch()
    world.next_epoch()
    _, proof = court.report(epoch)
    world.dev.pass_time(WINDOW_S)
    court.index()
    before = content(court.store)
    number = ledger.mirror_set_at(court.store, court.fund, epoch)
    world.fund.lock_stake(operator, court.mirror, epoch, 1, number, proof)
    world.fund.answer_lock(operator, court.mirror, epoch, "it was not me")
    world.fund.resolve_lock(world.account("arbiter"), court.mirror, epoch, True)
    world.fund.change_payout(operator, court.mirror, world.account("heir").address)
    world.committee.post_bond(world.account("member"), 1, 5)
    court.index()
    assert content(court.store)["locks"]
    world.dev.chain.rpc("anvil_rollback", 5)
    world.dev.mine(5)
    court.index()
    assert content(court.store) == before == content(fresh())
