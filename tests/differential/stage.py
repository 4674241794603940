"""What every sequence starts from: contracts, tokens, roles and two committees, in the EVM and in the model alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from coincurve import PrivateKey

from oracle.digests import keccak256
from tests.differential.chain import Chain, function
from tests.differential.model import tokens
from tests.differential.model.state import Clock, Config, Terms, Token, World

CHALLENGE_BOND = 10**15
MINTED = 1 << 97
SAYS_YES = bytes.fromhex("631626ba7e60e01b5f5260205ff3")
"""Code of a member that approves of every signature: returns ERC-1271's magic value."""


class Setting(NamedTuple):
    """The constants that one pair of contracts is created with; and whether its members sign with keys."""

    clock: Clock
    terms: Terms
    keys: bool


SETTINGS = (
    Setting(Clock(1_800_000_000, 1_000, 600, 300, 400), Terms(3, 5, 3, 3, 2, 4), keys=False),
    Setting(Clock(1_800_000_000, 1_000, 500, 300, 200), Terms(3, 5, 3, 3, 1, 5), keys=False),
    Setting(Clock(1_800_000_000, 1_000, 1_000, 0, 0), Terms(3, 6, 4, 4, 1, 4), keys=False),
    Setting(Clock(1_800_000_000, 1_000, 600, 300, 0), Terms(2, 4, 2, 2, 1, 5), keys=True),
)


def role(name: str) -> str:
    """The address of a role."""
    return "0x" + keccak256(name.encode())[-20:].hex()


def _keys(name: str, count: int) -> dict[str, PrivateKey]:
    keys = [PrivateKey(keccak256(f"{name} {i}".encode())) for i in range(count)]
    return {"0x" + keccak256(key.public_key.format(compressed=False)[1:])[-20:].hex(): key for key in keys}


def signature(key: PrivateKey, digest: bytes) -> tuple[int, bytes, bytes]:
    """v, r and s."""
    raw = key.sign_recoverable(digest, hasher=None)
    return raw[64] + 27, raw[:32], raw[32:64]


KEYS = _keys("member", 7)
DEPOSITOR_KEYS = _keys("depositor", 4)
OWNERS = (role("owner"), role("other owner"))
DEPOSITORS = tuple(DEPOSITOR_KEYS)
OPERATORS = tuple(role(f"operator {i}") for i in range(4))
PAYOUTS = tuple(role(f"payout {i}") for i in range(5))
ARBITER = role("arbiter")
ANYONE = role("anyone")
RECIPIENTS = (role("fee recipient"), role("other fee recipient"))
SENDERS = (*OWNERS, *DEPOSITORS, *OPERATORS, ARBITER, ANYONE, *KEYS)


@dataclass
class Stage:
    """One pair of contracts, and the model of it."""

    chain: Chain
    world: World
    keys: bool


def build(setting: Setting) -> Stage:
    """Deploys and creates everything, and hands out tokens."""
    chain = Chain(setting.clock.genesis)
    for address in SENDERS:
        chain.endow(address)
    wrapped, token = chain.deploy("WrappedNative"), chain.deploy("DemoToken", ("string", "string"), ("Demo", "DEMO"))
    clock = ("(uint64,uint64,uint64,uint64,uint64)", "address", "uint256")
    committee = chain.deploy("OracleCommittee", clock, (setting.clock, wrapped, CHALLENGE_BOND))
    terms = ("address", "address", "(uint32,uint32,uint32,uint32,uint32,uint32)")
    fund = chain.deploy("RedundancyFund", terms, (committee, wrapped, setting.terms))
    now = setting.clock.genesis
    world = World(setting.clock, setting.terms, CHALLENGE_BOND, fund, committee, wrapped, now)
    world.tokens = {wrapped: Token(), token: Token(permits=True)}
    stage = Stage(chain, world, setting.keys)
    _hand_out_tokens(stage, token)
    for count, quorum, recipient in ((4, 3, RECIPIENTS[0]), (3, 2, RECIPIENTS[1])):
        _create_committee(stage, count, quorum, recipient)
    return stage


def _hand_out_tokens(stage: Stage, token: str) -> None:
    """All may spend without end but the last depositor and operator, who have let less be taken than they have."""
    chain, world = stage.chain, stage.world
    mint, deposit = function("DemoToken", "mint"), function("WrappedNative", "deposit")
    for holder in (*DEPOSITORS, *OPERATORS):
        chain.send(holder, token, mint.calldata(holder, MINTED))
        world.tokens[token].balances[holder] = MINTED
        chain.send(holder, world.wrapped, deposit.selector, value=MINTED)
        tokens.wrap(world, holder, MINTED)
        amount = 10**4 if holder in (DEPOSITORS[-1], OPERATORS[-1]) else (1 << 256) - 1
        for one in world.tokens:
            chain.send(holder, one, function("DemoToken", "approve").calldata(world.fund_contract, amount))
            tokens.approve(world, holder, 0, one, world.fund_contract, amount)


def _create_committee(stage: Stage, count: int, quorum: int, recipient: str) -> None:
    members = member_set(stage, count, len(stage.world.committees))
    create = function("OracleCommittee", "createCommittee").calldata(members, quorum, recipient)
    stage.chain.send(ANYONE, stage.world.committee_contract, create)
    stage.world.committees.append([Config(stage.world.epoch, tuple(members), quorum, recipient)])


def member_set(stage: Stage, count: int, which: int) -> list[str]:
    """So many members, ascending: with keys of their own, or contracts that say yes."""
    if stage.keys:
        return sorted(list(KEYS)[which : which + count])
    members = sorted(role(f"member {which} {i}") for i in range(count))
    for member in members:
        stage.chain.put_code(member, SAYS_YES)
    return members
