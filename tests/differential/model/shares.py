"""What depositors own (docs/adr/0002): shares, one price a turn, and what rounding down leaves stays in the fund."""

from __future__ import annotations

from tests.differential.model.state import Deposit, Fund, Price, Turn

LEAST_PRICE = 1 << 60
REBASE = 1 << 32
REBASES_TO_NOTHING = 5


def worth(fund: Fund, deposit: Deposit) -> int:
    """A deposit's part of the value, if nothing owed is paid."""
    if not deposit.joined.price:
        return deposit.amount
    if deposit.leaves and deposit.leaves.price:
        return 0 if deposit.collected else deposit.payable
    return deposit.shares * fund.value // fund.shares if deposit.shares else 0


def set_aside(fund: Fund, deposit: Deposit, turn: Turn) -> None:
    """Takes a deposit that leaves out of the free money, at the most that it can be worth."""
    aside = worth(fund, deposit)
    turn.aside += aside
    fund.free -= aside
    turn.shares = turn.shares // REBASE ** (fund.rebases - turn.rebases) + deposit.shares
    turn.rebases = fund.rebases
    turn.leaving.append(deposit)
    deposit.leaves = turn


def price(fund: Fund, turn: Turn) -> None:
    """Lets deposits join and leave at the one price that holds now that every earlier epoch is settled."""
    _rebase(fund)
    turn.price = Price(fund.value, fund.shares)
    leaving = turn.shares // REBASE ** (fund.rebases - turn.rebases)
    turn.rebases = fund.rebases
    if turn.aside:
        turn.shares = leaving
        _leave(fund, turn, turn.price)
    _join(fund, turn, turn.price)


def _rebase(fund: Fund) -> None:
    if fund.shares and not fund.value:
        _shrink(fund, REBASES_TO_NOTHING)
        fund.shares = 0
    while fund.shares > fund.value * LEAST_PRICE:
        _shrink(fund, 1)


def _shrink(fund: Fund, times: int) -> None:
    fund.rebases += times
    fund.shares = ceil_div(fund.shares, REBASE**times)
    for turn in fund.turns:
        for one in turn.joining:
            one.shares //= REBASE**times


def _join(fund: Fund, turn: Turn, at: Price) -> None:
    """Each gets shares rounded down; the fund counts them rounded up, so that no share is worth more than before."""
    joining = sum(one.amount for one in turn.joining)
    for one in turn.joining:
        one.shares = one.amount * at.shares // at.value if at.shares else one.amount
    fund.shares += ceil_div(joining * at.shares, at.value) if at.shares else joining
    fund.value += joining


def _leave(fund: Fund, turn: Turn, at: Price) -> None:
    """All get together what they are worth together, but never more than was set aside; the rest stays, as nobody's."""
    worth_together = turn.shares * at.value // at.shares if at.shares else 0
    out = min(worth_together, turn.aside)
    for one in turn.leaving:
        one.payable = one.shares * out // turn.shares if turn.shares else 0
    fund.shares -= out * at.shares // at.value if out else 0
    fund.value -= out
    fund.free += turn.aside - out
    turn.aside = out


def ceil_div(one: int, other: int) -> int:
    """The quotient, rounded up."""
    return -(-one // other)
