"""A node that cannot work says so before it starts."""

from pathlib import Path

import pytest

from oracle.context import Context
from oracle.errors import ChainMismatch, ChainUnreachable, InvalidInput
from oracle.startup import check
from oracle.store import facts
from tests.fixtures.chain import World


def test_a_fresh_node_is_bound_to_its_chain_and_has_a_secret(world: World, tmp_path: Path) -> None:
    context = Context(world.settings(tmp_path))
    check(context)
    assert facts.get(context.store, facts.CHAIN_ID) == 31337
    assert (tmp_path / "secret").exists()


def test_a_fresh_node_needs_the_chain_but_one_that_knows_it_does_not(world: World, tmp_path: Path) -> None:
    gone = world.settings(tmp_path, rpc_url="http://127.0.0.1:1")
    with pytest.raises(ChainUnreachable):
        check(Context(gone))
    check(Context(world.settings(tmp_path)))
    check(Context(gone))


def test_a_store_of_other_contracts_is_refused(world: World, tmp_path: Path) -> None:
    context = Context(world.settings(tmp_path))
    check(context)
    facts.put(context.store, facts.CONTRACTS, {"fund": "0x0", "committee": "0x0"})
    with pytest.raises(ChainMismatch, match="follows another deployment"):
        check(Context(world.settings(tmp_path)))


def test_keys_that_do_not_open_are_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MIRRORBOND_PASSWORD_FILE"):
        check(Context(world.settings(tmp_path, keystores="/nowhere.json")))
