"""ERC-20 tokens without peculiarities, and native coin that is wrapped on its way in."""

from __future__ import annotations

from typing import NamedTuple

from tests.differential.model.state import World, require


class Permit(NamedTuple):
    """What a holder has signed for: that `spender` may take `amount`, told to the token by `until`.

    `genuine` unless another has signed it, or it was signed for another use.
    """

    holder: str
    spender: str
    amount: int
    until: int
    nonce: int
    genuine: bool


def approve(world: World, caller: str, value: int, token: str, spender: str, amount: int) -> None:
    """Lets `spender` take this much; there is no endless allowance but the greatest number."""
    del value
    world.tokens[token].allowances[caller, spender] = amount


def permit(world: World, caller: str, value: int, token: str, shown: Permit) -> None:
    """Lets the spender take what the holder has signed for, whoever shows it, once."""
    del caller, value
    book = world.tokens[token]
    require(world.now <= shown.until, "ERC2612ExpiredSignature")
    used = book.nonces.get(shown.holder, 0)
    require(shown.genuine and shown.nonce == used, "ERC2612InvalidSigner")
    book.nonces[shown.holder] = used + 1
    book.allowances[shown.holder, shown.spender] = shown.amount


def transfer(world: World, token: str, sender: str, to: str, amount: int) -> None:
    """Moves tokens."""
    balances = world.tokens[token].balances
    require(balances.get(sender, 0) >= amount, "ERC20InsufficientBalance")
    balances[sender] = balances.get(sender, 0) - amount
    balances[to] = balances.get(to, 0) + amount


def take(world: World, token: str, sender: str, spender: str, amount: int) -> None:
    """Moves tokens that `sender` has let `spender` take."""
    allowances = world.tokens[token].allowances
    allowed = allowances.get((sender, spender), 0)
    require(allowed >= amount, "ERC20InsufficientAllowance")
    transfer(world, token, sender, spender, amount)
    if allowed < (1 << 256) - 1:
        allowances[sender, spender] = allowed - amount


def wrap(world: World, holder: str, amount: int) -> None:
    """Turns native coin into tokens of `holder`."""
    balances = world.tokens[world.wrapped].balances
    balances[holder] = balances.get(holder, 0) + amount


def receive(world: World, token: str, caller: str, value: int, amount: int) -> None:
    """Takes money into the fund contract: native coin sent along, or tokens by allowance."""
    if not value:
        return take(world, token, caller, world.fund_contract, amount)
    require(token == world.wrapped, "NotWrappedNative")
    require(value == amount, "ValueMismatch")
    return wrap(world, world.fund_contract, amount)
