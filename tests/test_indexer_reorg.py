"""The index equals the chain after oracle.indexer has seen it reorganise, at any moment."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from web3.exceptions import Web3RPCError

from oracle import indexer
from oracle.chain.client import Chain
from oracle.errors import ChainUnreachable
from oracle.indexer import index_once
from oracle.settings import Settings
from oracle.store import journal, ledger
from tests.fixtures.chain import World
from tests.fixtures.indexed import content, open_fund, register, top_up


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    return world.settings(tmp_path)


def test_a_reorganisation_of_ten_blocks_leaves_what_a_fresh_index_finds(
    world: World, store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine]
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    register(world, fund, "operator")
    index_once(store, world.dev.chain, settings)
    kept = content(store)
    world.dev.mine(2)
    register(world, fund, "loser")  # a block
    top_up(world, fund, role="late funder")  # three
    world.dev.mine(4)
    index_once(store, world.dev.chain, settings)
    with_them = content(store)
    assert len(with_them["mirrors"]) == 2
    assert len(with_them["deposits"]) == 2
    head = world.dev.chain.head()

    world.dev.chain.rpc("anvil_reorg", 10, [])

    assert world.dev.chain.head().number >= head.number
    result = index_once(store, world.dev.chain, settings)
    assert result.rewound_to is not None
    assert result.rewound_to >= head.number - 10
    assert content(store) == content(fresh()) == kept
    assert index_once(store, world.dev.chain, settings).rewound_to is None


def test_a_reorganisation_may_bring_the_same_transactions_elsewhere(
    world: World, store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine]
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    register(world, fund, "operator")
    index_once(store, world.dev.chain, settings)
    before = content(store)
    world.dev.chain.rpc("anvil_rollback", 1)
    world.dev.mine(2)
    register(world, fund, "operator")
    index_once(store, world.dev.chain, settings)
    assert content(store) == content(fresh())
    assert content(store)["mirrors"] == before["mirrors"]
    assert content(store)["logs"] != before["logs"]


def test_a_shorter_chain_takes_logs_away(world: World, store: sa.Engine, settings: Settings) -> None:
    fund = open_fund(world)
    index_once(store, world.dev.chain, settings)
    before = content(store)
    top_up(world, fund)
    index_once(store, world.dev.chain, settings)
    after = content(store)
    world.dev.chain.rpc("anvil_rollback", 3)
    assert index_once(store, world.dev.chain, settings).rewound_to is None
    assert content(store) == after  # not to be told from an endpoint that lags behind
    world.dev.mine(3)
    index_once(store, world.dev.chain, settings)
    assert content(store) == before


def test_a_chain_that_shares_no_block_is_indexed_from_its_start(
    world: World, store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT_BLOCKS", 2)
    fund = open_fund(world)
    world.dev.mine(5)
    index_once(store, world.dev.chain, settings)
    world.dev.chain.rpc("anvil_rollback", 6)
    world.dev.mine(6)
    result = index_once(store, world.dev.chain, settings)
    assert result.rewound_to == -1
    assert ledger.all_funds(store) == ()
    assert open_fund(world) == fund
    index_once(store, world.dev.chain, settings)
    assert ledger.all_funds(store) == (fund,)


@pytest.mark.parametrize("near_head", [0, 64])
def test_a_reorganisation_between_two_requests_is_noticed(
    world: World,
    store: sa.Engine,
    settings: Settings,
    fresh: Callable[[], sa.Engine],
    monkeypatch: pytest.MonkeyPatch,
    near_head: int,
) -> None:
    monkeypatch.setattr(indexer, "NEAR_HEAD", near_head)
    monkeypatch.setattr(indexer, "MOST_NEAR_HEAD", near_head)
    fund = open_fund(world)
    top_up(world, fund)
    world.dev.mine(3)
    get_logs = world.dev.chain.web3.eth.get_logs

    def reorganise(wanted: Any) -> Any:
        monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", get_logs)
        found = get_logs(wanted)
        world.dev.chain.rpc("anvil_reorg", 6, [])
        return found

    monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", reorganise)
    came_through = index_once(store, world.dev.chain, settings).complete
    assert not (came_through and near_head == 0)
    assert index_once(store, world.dev.chain, settings).complete
    assert content(store) == content(fresh())
    assert content(store)["deposits"] == []


@pytest.mark.parametrize("near_head", [0, 64])
def test_logs_that_a_reorganisation_brings_between_two_requests_are_not_lost(
    world: World, store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, near_head: int
) -> None:
    monkeypatch.setattr(indexer, "NEAR_HEAD", near_head)
    monkeypatch.setattr(indexer, "MOST_NEAR_HEAD", near_head)
    index_once(store, world.dev.chain, settings)
    world.dev.mine(4)
    get_logs = world.dev.chain.web3.eth.get_logs

    def reorganise(wanted: Any) -> Any:
        monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", get_logs)
        found = get_logs(wanted)
        world.dev.chain.rpc("anvil_rollback", 4)
        open_fund(world)
        world.dev.mine(2)
        return found

    monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", reorganise)
    came_through = index_once(store, world.dev.chain, settings).complete
    assert not (came_through and near_head == 0)
    assert index_once(store, world.dev.chain, settings).complete
    assert ledger.all_funds(store) == (1,)


def test_a_reorganisation_right_after_the_tip_was_compared_is_noticed(
    world: World, store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_fund(world)
    index_once(store, world.dev.chain, settings)
    holds = indexer._holds

    def reorganise(*args: Any) -> Any:
        monkeypatch.setattr(indexer, "_holds", holds)
        answer = holds(*args)
        world.dev.chain.rpc("anvil_rollback", 2)
        world.dev.mine(5)
        return answer

    monkeypatch.setattr(indexer, "_holds", reorganise)
    assert not index_once(store, world.dev.chain, settings).complete
    assert index_once(store, world.dev.chain, settings).complete
    assert ledger.all_funds(store) == ()


def test_an_endpoint_whose_machines_are_not_equally_far_loses_no_logs(
    world: World, store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One machine tells the headers, another the logs, and that one has not the last block yet."""
    fund = open_fund(world)
    top_up(world, fund)
    get_logs, last = world.dev.chain.web3.eth.get_logs, world.dev.chain.head()

    def behind(wanted: Any) -> Any:
        monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", get_logs)
        if "blockHash" in wanted:
            raise Web3RPCError("unknown block")
        return [entry for entry in get_logs(wanted) if entry["blockNumber"] < last.number]

    index_once(store, world.dev.chain, settings.model_copy(update={"confirmations": 1}))
    monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", behind)
    with pytest.raises(ChainUnreachable, match="unknown block"):
        index_once(store, world.dev.chain, settings.model_copy(update={"index_blocks": 1}))
    assert index_once(store, world.dev.chain, settings).complete
    assert content(store) == content(fresh())
    assert content(store)["deposits"]


def test_an_endpoint_that_is_behind_is_no_reorganisation(
    world: World, store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    index_once(store, world.dev.chain, settings)
    known, head = content(store), world.dev.chain.head()
    early = world.dev.chain.block(head.number - 2)
    block = Chain.block
    for newest in (early, head):  # the head and the blocks may come from different machines
        monkeypatch.setattr(Chain, "head", lambda chain, newest=newest: newest)
        monkeypatch.setattr(Chain, "block", lambda chain, n: block(chain, n) if n <= head.number - 2 else None)
        result = index_once(store, world.dev.chain, settings)
        assert (result.rewound_to, result.logs, result.indexed) == (None, 0, head.number)
    monkeypatch.setattr(Chain, "block", lambda chain, n: None)
    assert index_once(store, world.dev.chain, settings).rewound_to is None
    assert content(store) == known


def flap(monkeypatch: pytest.MonkeyPatch, lacking: int) -> None:
    """Of two machines behind the endpoint that answer in turn one lacks every block: the first asked, or the second."""
    block, turns = Chain.block, count(lacking)
    monkeypatch.setattr(Chain, "block", lambda chain, n: block(chain, n) if next(turns) % 2 else None)


@pytest.mark.parametrize("lacking", [0, 1])
def test_an_endpoint_of_which_one_machine_lacks_every_block_is_no_reorganisation(
    world: World, file_store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    index_once(file_store, world.dev.chain, settings)
    known, tip = content(file_store), journal.tip(file_store)
    flap(monkeypatch, lacking)
    for _ in range(4):
        assert index_once(file_store, world.dev.chain, settings).rewound_to is None
        assert journal.tip(file_store) == tip
    assert content(file_store) == known


@pytest.mark.parametrize("lacking", [0, 1])
def test_a_reorganisation_is_followed_though_one_machine_lacks_every_block(
    world: World,
    file_store: sa.Engine,
    settings: Settings,
    fresh: Callable[[], sa.Engine],
    monkeypatch: pytest.MonkeyPatch,
    lacking: int,
) -> None:
    fund = open_fund(world)
    world.dev.mine(20)
    top_up(world, fund)
    index_once(file_store, world.dev.chain, settings)
    first, tip = world.dev.chain.head().number - 10, journal.tip(file_store)
    world.dev.chain.rpc("anvil_reorg", 11, [])
    with monkeypatch.context() as flapping:
        flap(flapping, lacking)
        back = [index_once(file_store, world.dev.chain, settings).rewound_to for _ in range(8)]
    assert tip != journal.tip(file_store)
    assert min(to for to in back if to is not None) == first - 1  # never more than the chain replaced
    assert index_once(file_store, world.dev.chain, settings).complete
    assert content(file_store) == content(fresh())
    assert content(file_store)["deposits"] == []
