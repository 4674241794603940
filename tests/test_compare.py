"""An endpoint that leaves logs out is found by what the contracts count, and the chain is read anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from oracle.chain.abi import artifact
from oracle.chain.client import connect
from oracle.compare import compare, found_in, left_out
from oracle.context import Context
from oracle.digests import keccak256, to_digest
from oracle.errors import InvalidInput
from oracle.indexer import forget_chain, index_once
from oracle.model import Digest, Epoch
from oracle.store import facts
from oracle.store.db import close_store
from tests.fixtures.chain import World
from tests.fixtures.command import of_world, read_json, run
from tests.fixtures.indexed import content, open_fund, register, top_up
from tests.fixtures.relay import Relay, relaying

EPOCH = Epoch(1)
"""The first that binds the fund."""


@pytest.fixture
def context(world: World, tmp_path: Path) -> Iterator[Context]:
    """A node's, of a chain where there is something of everything."""
    fund = open_fund(world)
    top_up(world, fund)
    world.fund.exit(world.account("ada"), register(world, fund, "ada"))
    register(world, fund, "bob")
    world.fund.publish_release(world.account("developer"), fund, digest("second"), "https://example.org")
    made = Context(world.settings(tmp_path))
    yield made
    close_store(made.settings.store_url())


def digest(text: str) -> Digest:
    return to_digest(keccak256(text.encode()))


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    with relaying(world.dev.rpc_url) as found:
        yield found


def topic(event: str) -> str:
    (entry,) = [one for name in ("RedundancyFund", "OracleCommittee") for one in artifact(name).of_type("event")
                if one["name"] == event]  # fmt: skip
    return digest(f"{event}({','.join(map(_kind, entry['inputs']))})")


def _kind(parameter: dict[str, object]) -> str:
    parts = parameter.get("components")
    kind = str(parameter["type"])
    return f"({','.join(map(_kind, parts))})" + kind.removeprefix("tuple") if isinstance(parts, list) else kind


def test_a_store_that_has_everything_lacks_nothing(context: Context) -> None:
    assert index_once(context.store, context.chain, context.settings).complete
    assert left_out(context, EPOCH) == []
    compare(context, EPOCH)
    assert facts.get(context.store, facts.COMPARED) == {"epoch": EPOCH, "left_out": []}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("FundCreated", "the chain has 1 funds, the store 0"),
        ("Deposited", "the chain has 1 deposits, the store 0"),
        ("MirrorRegistered", "the chain has 2 mirrors, the store 0"),
        ("CommitteeConfigured", "committee 1 has had 1 versions on the chain, 0 in the store"),
        ("MirrorExited", "the mirrors of fund 1 are others on the chain than in the store"),
        ("ReleasePublished", "the release of fund 1 is another on the chain than in the store"),
    ],
)
def test_what_an_endpoint_leaves_out_is_named(context: Context, relay: Relay, event: str, said: str) -> None:
    relay.without = topic(event)
    index_once(context.store, connect(relay.url), context.settings)
    assert said in left_out(context, EPOCH)
    compare(context, EPOCH)
    assert said in found_in(context.store)
    forget_chain(context.store)
    assert found_in(context.store) == []
    assert index_once(context.store, context.chain, context.settings).complete
    assert left_out(context, EPOCH) == []


def test_what_is_read_anew_is_what_a_fresh_store_has(
    context: Context, fresh: Callable[[], sa.Engine], relay: Relay
) -> None:
    relay.without = topic("MirrorRegistered")
    index_once(context.store, connect(relay.url), context.settings)
    whole = fresh()
    assert content(context.store) != content(whole)
    forget_chain(context.store)
    index_once(context.store, context.chain, context.settings)
    assert content(context.store) == content(whole)


def test_what_comes_after_the_stores_newest_block_is_not_missed(context: Context, world: World) -> None:
    index_once(context.store, context.chain, context.settings)
    register(world, 1, "late")
    top_up(world, 1)
    assert left_out(context, EPOCH) == []


def test_nothing_is_compared_before_the_chain_was_read(context: Context) -> None:
    with pytest.raises(InvalidInput, match="holds no chain yet"):
        left_out(context, EPOCH)


def test_the_command_tells_and_mends(world: World, context: Context, relay: Relay) -> None:
    relay.without = topic("MirrorExited")
    home = context.settings.home
    said = run("index", "--check", environment=of_world(world, home, rpc_url=relay.url))
    assert said.code == 1
    assert "the mirrors of fund 1 are others on the chain than in the store" in said.out
    mended = run("index", "--anew", "--check", "--json", environment=of_world(world, home))
    assert (mended.code, read_json(mended.out)["left_out"]) == (0, [])
