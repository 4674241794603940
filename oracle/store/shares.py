"""What depositors who leave get: their shares, followed as the contract does through the epochs that are settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oracle.store.treasury import Deposit, Settlement

LEAST_PRICE_BITS, REBASE_BITS, REBASES_TO_NOTHING = 60, 32, 5
"""As in the contract: the least that a share is worth, by how much its unit grows then, and what is left of none."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Deposits that leave at the start of `left_epoch`, for which `aside_wei` was taken from the free money. Once no
    earlier epoch is owed they get `out_wei` together, of which `collected_wei` is gone (None: all that ever will be);
    the rest is free again for the epochs from `freed_epoch` on."""

    left_epoch: int
    aside_wei: int
    out_wei: int
    freed_epoch: int
    collected_wei: int | None


def leavers(given: Sequence[Deposit], settled: Sequence[Settlement]) -> list[Leaving]:
    """All who have departed, from all deposits and settlements of a fund. What was settled in the epoch of a departure
    is taken to have come before it, for the rows do not tell."""
    gone = sorted((one for one in given if one.left_epoch is not None), key=_left)
    if not gone:
        return []
    books = _Books(given, gone)
    for one in sorted(settled, key=lambda settlement: settlement.epoch):
        books.depart(one.settled_epoch)
        books.take_turns(one.epoch)
        books.pay(one)
    books.depart(_left(gone[-1]))
    books.take_turns(_left(gone[-1]))
    return books.leavers


def _left(deposit: Deposit) -> int:
    return deposit.left_epoch or 0


class _Books:
    """The price of a share is `value` / `shares`, which are counted in a unit that has grown `rebases` times."""

    def __init__(self, given: Sequence[Deposit], gone: Sequence[Deposit]) -> None:
        self.leavers: list[Leaving] = []
        self._value = self._shares = self._rebases = self._settled_epoch = 0
        self._joining: dict[int, int] = defaultdict(int)
        for one in given:
            self._joining[one.binds_from] += one.amount_wei
        self._turns = sorted({*self._joining, *map(_left, gone)}, reverse=True)
        self._prices: dict[int, tuple[int, int, int]] = {}
        self._staying = list(reversed(gone))
        self._leaving: dict[int, list[tuple[Deposit, int]]] = defaultdict(list)

    def depart(self, until: int) -> None:
        """Sets aside what those who leave by the start of `until` are worth now."""
        while self._staying and _left(self._staying[-1]) <= until:
            one = self._staying.pop()
            self.take_turns(one.binds_from)
            self._leaving[_left(one)].append((one, self._worth(self._shares_of(one))))

    def take_turns(self, epoch: int) -> None:
        """Who joins or leaves by the start of the epoch does so at the price that holds now."""
        while self._turns and self._turns[-1] <= epoch:
            self._turn(self._turns.pop())

    def pay(self, one: Settlement) -> None:
        """What an epoch paid all shares have paid."""
        self._value = max(0, self._value - one.paid_wei)
        self._settled_epoch = one.settled_epoch

    def _turn(self, epoch: int) -> None:
        self._rebase()
        self._prices[epoch] = (self._rebases, self._value, self._shares)
        joining = self._joining[epoch]
        minted = -(-joining * self._shares // self._value) if self._shares else joining
        self._part(epoch, self._leaving.pop(epoch, []))
        self._value += joining
        self._shares += minted

    def _part(self, epoch: int, leaving: list[tuple[Deposit, int]]) -> None:
        if not leaving:
            return
        aside, shares = sum(worth for _, worth in leaving), sum(self._shares_of(one) for one, _ in leaving)
        out = min(self._worth(shares), aside)
        all_did = all(one.collected_wei is not None for one, _ in leaving)
        collected = None if all_did else sum(one.collected_wei or 0 for one, _ in leaving)
        self.leavers.append(Leaving(epoch, aside, out, max(epoch, self._settled_epoch + 1), collected))
        if out:
            self._shares -= out * self._shares // self._value
        self._value -= out

    def _rebase(self) -> None:
        if self._shares and not self._value:
            self._shares = 0
            self._rebases += REBASES_TO_NOTHING
        while self._shares > self._value << LEAST_PRICE_BITS:
            self._shares = -(-self._shares >> REBASE_BITS)
            self._rebases += 1

    def _shares_of(self, one: Deposit) -> int:
        rebases, value, shares = self._prices[one.binds_from]
        own = one.amount_wei * shares // value if shares else one.amount_wei
        times = self._rebases - rebases
        return 0 if times >= REBASES_TO_NOTHING else own >> times * REBASE_BITS

    def _worth(self, shares: int) -> int:
        return shares * self._value // self._shares if self._shares else 0
