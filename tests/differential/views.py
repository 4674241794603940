"""What the contracts' views must return, as words, from the model's records."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tests.differential.chain import Word, function, pack
from tests.differential.model import locks, mirrors, shares
from tests.differential.model.state import Deposit, Fund, Lock, Mirror, Turn, World

View = tuple[str, str, bytes, bytes]
"""Its name for people, the contract's address, the call and what must come back."""


def views(world: World) -> Iterator[View]:
    """All that is compared after every call."""
    for fund in world.funds:
        yield _view(world, "fundOf", (fund.number,), fund_words(fund))
        yield _view(world, "releaseOf", (fund.number,), (int.from_bytes(fund.release),))
        yield _view(world, "mirrorsDigest", (fund.number,), (mirrors.latest_set(fund),))
        for number in range(max(1, len(fund.turns) - 1), len(fund.turns) + 1):
            yield _view(world, "turnOf", (fund.number, number), turn_words(fund.turns[number - 1]))
    for deposit in world.deposits:
        fund = world.funds[deposit.fund - 1]
        yield _view(world, "worthOf", (deposit.number,), (shares.worth(fund, deposit),))
        yield _view(world, "depositOf", (deposit.number,), deposit_words(fund, deposit))
    for mirror in world.mirrors:
        yield _view(world, "creditOf", (mirror.number,), (mirror.credit,))
        yield _view(world, "mirrorOf", (mirror.number,), mirror_words(world, mirror))
        for epoch, lock in mirror.locks.items():
            yield _view(world, "lockOf", (mirror.number, epoch), lock_words(lock))
    yield from _money(world)


def turns_and_segments(world: World) -> Iterator[View]:
    """What is compared once, at the end of a sequence."""
    for fund in world.funds:
        for number, turn in enumerate(fund.turns, 1):
            yield _view(world, "turnOf", (fund.number, number), turn_words(turn))
        for number, (first, last, offer) in enumerate(locks.segments(fund), 1):
            yield _view(world, "segmentOf", (fund.number, number), (first, last, *offer))


def fund_words(fund: Fund) -> tuple[Word, ...]:
    """`IRedundancyFund.Fund`."""
    runs = locks.segments(fund)
    cursor = (
        fund.settled,
        sum(1 for _, last, _ in runs if last < fund.settled),
        len(fund.turns),
        sum(1 for turn in fund.turns if turn.price),
        len(fund.sets),
        fund.sets_used,
        fund.reported,
        len(fund.holders),
    )
    money = (fund.deposited, fund.value, fund.shares, fund.free)
    accrual = (fund.first + len(fund.decided), len(runs), fund.changes_at, fund.rebases)
    return (fund.token, fund.min_stake, *fund.offer, fund.owner, *money, *accrual, *cursor, *fund.next_offer)


def turn_words(turn: Turn) -> tuple[Word, ...]:
    """`IRedundancyFund.Turn`."""
    joining = sum(one.amount for one in turn.joining)
    return (turn.epoch, joining, turn.aside, turn.rebases, *(turn.price or (0, 0)), turn.shares)


def deposit_words(fund: Fund, deposit: Deposit) -> tuple[Word, ...]:
    """`IRedundancyFund.Deposit`."""
    joined = fund.turns.index(deposit.joined) + 1
    left = fund.turns.index(deposit.leaves) + 1 if deposit.leaves else 0
    return (deposit.holder, deposit.amount, deposit.fund, joined, deposit.ready, left, deposit.collected)


def mirror_words(world: World, mirror: Mirror) -> tuple[Word, ...]:
    """`IRedundancyFund.Mirror`."""
    stake = (mirror.operator, mirror.stake, mirrors.payout_of(world, mirror))
    place = (mirror.fund, mirror.position, mirror.displaced, mirror.reported_at_start, mirror.start, mirror.end)
    return (*stake, *place, mirrors.locked(mirror), mirror.slashed)


def lock_words(lock: Lock) -> tuple[Word, ...]:
    """`IRedundancyFund.Lock`."""
    return (lock.amount, lock.placed, lock.answered, lock.state)


def _money(world: World) -> Iterator[View]:
    for token, book in world.tokens.items():
        for holder, balance in book.balances.items():
            yield "balanceOf", token, _token_call("balanceOf", holder), pack((balance,))
        for holder, used in book.nonces.items():
            yield "nonces", token, _token_call("nonces", holder), pack((used,))
        for (holder, spender), allowed in book.allowances.items():
            yield "allowance", token, _token_call("allowance", holder, spender), pack((allowed,))
    for key, amount in world.fees.items():
        yield _view(world, "fees", key, (amount,))

    for (committee, member), bond in world.bonds.items():
        yield "bondOf", world.committee_contract, _bond_call(committee, member), pack(bond)


def _view(world: World, name: str, args: tuple[Word, ...], words: tuple[Word, ...]) -> View:
    return name, world.fund_contract, _fund_call(name, args), pack(words)


@cache
def _fund_call(name: str, args: tuple[Word, ...]) -> bytes:
    return function("RedundancyFund", name).selector + pack(args)


@cache
def _bond_call(committee: int, member: str) -> bytes:
    return function("OracleCommittee", "bondOf").selector + pack((committee, member))


@cache
def _token_call(name: str, *args: str) -> bytes:
    return function("DemoToken", name).selector + pack(args)
