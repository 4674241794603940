"""A permit counts for the token that it was asked for, on this chain, once; a token that asks for more is refused."""

from typing import Any

import pytest

from oracle.chain.contracts import Token
from oracle.chain.permit import sign_permit
from oracle.errors import InvalidInput
from tests.fixtures.chain import World


def test_a_permit_lets_the_spender_take_the_amount_once(world: World) -> None:
    funder = world.account("funder")
    deadline_s = world.dev.chain.head().timestamp_s + 1_000
    permit = sign_permit(world.token, funder, world.fund.address, 12, deadline_s)
    args = (funder.address, world.fund.address, 12, deadline_s, permit.v, permit.r, permit.s)
    world.token.send(world.account("anyone"), "permit", *args)
    assert world.token.call("allowance", funder.address, world.fund.address) == 12
    again = sign_permit(world.token, funder, world.fund.address, 12, deadline_s)
    assert again != permit


def test_a_token_without_permits_is_a_sentence(world: World) -> None:
    plain = Token(world.dev.chain, world.wrapped.address)
    with pytest.raises(InvalidInput, match="takes no permits; leave it out"):
        sign_permit(plain, world.account("funder"), world.fund.address, 1, 1)


def test_a_token_that_wants_a_permit_for_another_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    call = world.token.call

    def lying(function: str, *args: Any) -> Any:
        return b"\x07" * 32 if function == "DOMAIN_SEPARATOR" else call(function, *args)

    monkeypatch.setattr(world.token, "call", lying)
    with pytest.raises(InvalidInput, match="cannot be checked; leave it out"):
        sign_permit(world.token, world.account("funder"), world.fund.address, 1, 1)
