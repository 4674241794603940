"""The index equals the chain: after kills, refusals, and however often it runs."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import Web3RPCError

from oracle import indexer
from oracle.chain.client import Block, Chain, connect
from oracle.chain.structs import Offer
from oracle.chain.transactions import Call, transact
from oracle.devnet.chain import running_chain
from oracle.errors import ChainMismatch, ChainUnreachable, RangeRefused
from oracle.indexer import NEAR_HEAD, index_once
from oracle.model import Digest
from oracle.settings import Settings
from oracle.store import facts, journal, ledger
from oracle.store.db import close_store, open_store
from oracle.store.history import releases_of
from tests.fixtures.chain import ETHER, World, deploy_world
from tests.fixtures.indexed import MANIFEST, OFFER, POLICY, REWARD, content, open_fund, register, top_up
from tests.fixtures.relay import relaying


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    return world.settings(tmp_path)


def register_bytes(world: World, fund: int, url: bytes) -> None:
    """A mirror whose URL is no text, which only a hostile operator makes."""
    account = world.account("stranger")
    kinds = ["uint256", "bytes", "address", "uint96", "uint256"]
    data = keccak(text="register(uint256,string,address,uint96,uint256)")[:4]
    data += encode(kinds, [fund, url, account.address, ETHER, 0])
    transact(world.dev.chain, account, Call("register", world.fund.address, "0x" + data.hex(), ETHER))


def test_the_store_tells_what_binds_in_an_epoch(world: World, store: sa.Engine, settings: Settings) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    mirror = register(world, fund, "operator")
    now = world.epoch()
    result = index_once(store, world.dev.chain, settings)
    assert result.complete
    assert ledger.knows(store, now)
    assert not ledger.knows(store, now + 1)
    assert ledger.offer_at(store, fund, 0) is None
    found = ledger.fund_at(store, fund, now)
    assert found is not None
    assert (found.app, found.token, found.offer.reward_wei) == ("notes", world.token.address, REWARD)
    assert found.offer.policy == POLICY.decode()
    assert ledger.funds_of_committee(store, 1, now) == (fund,)
    assert ledger.funds_of_committee(store, 1, 0) == ()
    assert ledger.mirrors_at(store, fund, now) == ()
    assert [one.mirror for one in ledger.mirrors_at(store, fund, now + 1)] == [mirror]
    assert facts.get(store, facts.TOKEN + world.token.address) == {"symbol": "DEMO", "decimals": 18}


def test_a_committee_of_the_store_is_that_of_the_contract(world: World, store: sa.Engine, settings: Settings) -> None:
    open_fund(world)
    world.next_epoch(3)
    index_once(store, world.dev.chain, settings)
    for epoch in range(4):
        mine, theirs = ledger.config_at(store, 1, epoch), world.committee.config_at(1, epoch)
        assert mine is not None
        assert (mine.since, mine.members, mine.digest) == (theirs.since, theirs.members, theirs.digest)


def test_the_digest_of_the_mirrors_is_that_of_the_contract(world: World, store: sa.Engine, settings: Settings) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    index_once(store, world.dev.chain, settings)
    assert ledger.mirrors_digest_at(store, fund, 99) == world.fund.mirrors_digest(fund) == "0x" + "00" * 32
    first = register(world, fund, "operator")
    register_bytes(world, fund, b"https://\xff\x00.example/")
    world.next_epoch()
    world.fund.send(world.account("operator"), "exit", first)
    before = ledger.mirrors_digest_at(store, fund, world.epoch())
    index_once(store, world.dev.chain, settings)
    assert ledger.mirrors_digest_at(store, fund, 99) == world.fund.mirrors_digest(fund)
    assert ledger.mirrors_digest_at(store, fund, world.epoch()) not in (before, world.fund.mirrors_digest(fund))


def test_an_announcement_replaces_one_that_has_not_bound(world: World, store: sa.Engine, settings: Settings) -> None:
    fund, developer = open_fund(world), world.account("developer")
    notice = world.fund.terms().change_notice
    for reward in (5, 6):
        world.announce_change(developer, fund, Offer(reward, 3, 500, 1), POLICY)
        world.next_epoch()
    bound = world.next_epoch(notice)
    world.announce_change(developer, fund, Offer(7, 3, 500, 1), POLICY)
    index_once(store, world.dev.chain, settings)
    offers = [ledger.offer_at(store, fund, epoch) for epoch in range(bound + notice + 1)]
    seen = [offer.reward_wei if offer else None for offer in offers]
    # 5 would have bound at `notice`, but 6 took its place; 7 came when 6 had bound.
    assert seen == [None, *[REWARD] * notice, *[6] * (bound - 1), 7]


def test_a_token_that_does_not_tell_its_name_stops_nobody(world: World, store: sa.Engine, settings: Settings) -> None:
    member, nameless = world.account("member"), world.committee.address
    world.committee.create_committee(member, [member.address], 1, member.address)
    world.create_fund(member, OFFER, nameless, policy=POLICY)
    assert index_once(store, world.dev.chain, settings).complete
    assert facts.get(store, facts.TOKEN + nameless) == {"symbol": nameless[:8], "decimals": 0}


def creation_of(code: str) -> str:
    """The transaction's data that create a contract of this code."""
    size = len(code) // 2
    return f"0x60{size:02x}600a5f3960{size:02x}5ff3{code}"


FAILURES = {
    "an unknown panic": "634e487b7160e01b5f52607760045260245ffd",
    "an invalid opcode": "fe",
    "an endless loop": "5b5f56",
    "a bare revert": "5f5ffd",
    "a broken lookup": "63556f183060e01b5f5260045ffd",
}


def test_a_token_that_fails_in_any_way_stops_nobody(world: World, file_store: sa.Engine, settings: Settings) -> None:
    member = world.account("member")
    world.committee.create_committee(member, [member.address], 1, member.address)
    tokens = []
    for code in FAILURES.values():
        tokens.append(str(transact(world.dev.chain, member, Call("deploy", None, creation_of(code))).created))
        world.create_fund(member, OFFER, tokens[-1], policy=POLICY)
    assert index_once(file_store, world.dev.chain, settings).complete
    told = [facts.get(file_store, facts.TOKEN + token) for token in tokens]
    assert told == [{"symbol": token[:8], "decimals": 0} for token in tokens]


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {"rate": {"current_rps": 9}}}])
def test_a_token_that_the_endpoint_had_no_time_for_is_asked_again(
    world: World, file_store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]
) -> None:
    refusal: Any = {"code": -32005, "message": "daily request count exceeded, request rate limited", **data}
    open_fund(world)
    rpc = Chain.rpc

    def limited(chain: Chain, method: str, *params: Any) -> Any:
        if method != "eth_call":
            return rpc(chain, method, *params)
        raise Web3RPCError("refused", rpc_response={"jsonrpc": "2.0", "id": 1, "error": refusal})

    monkeypatch.setattr(Chain, "rpc", limited)
    assert index_once(file_store, world.dev.chain, settings).complete
    assert facts.get(file_store, facts.TOKEN + world.token.address) is None
    monkeypatch.setattr(Chain, "rpc", rpc)
    index_once(file_store, world.dev.chain, settings)
    assert facts.get(file_store, facts.TOKEN + world.token.address) == {"symbol": "DEMO", "decimals": 18}


@pytest.mark.parametrize("status", [413, 429, 504])
def test_a_token_that_the_endpoint_chokes_on_stops_nobody(
    world: World, file_store: sa.Engine, settings: Settings, status: int
) -> None:
    member, choking = world.account("member"), world.wrapped.address
    world.committee.create_committee(member, [member.address], 1, member.address)
    world.create_fund(member, OFFER, choking, policy=POLICY)
    world.create_fund(member, OFFER, world.token.address, policy=POLICY)
    with relaying(world.dev.rpc_url) as relay:
        relay.statuses[f'"to": "{choking}", "data"'] = status
        assert index_once(file_store, connect(relay.url), settings).complete
    assert facts.get(file_store, facts.TOKEN + choking) is None
    assert facts.get(file_store, facts.TOKEN + world.token.address) == {"symbol": "DEMO", "decimals": 18}


def test_of_several_releases_in_one_epoch_the_last_binds(world: World, store: sa.Engine, settings: Settings) -> None:
    fund = open_fund(world)
    world.next_epoch()
    for version in ("c1", "c2"):
        digest = Digest("0x" + version * 32)
        world.fund.publish_release(world.account("developer"), fund, digest, f"https://notes.example/{version}")
    now = world.epoch()
    index_once(store, world.dev.chain, settings)
    current, before = ledger.release_at(store, fund, now + 1), ledger.release_at(store, fund, now)
    assert current is not None
    assert before is not None
    assert (current.url, before.digest) == ("https://notes.example/c2", MANIFEST)
    assert [release.sequence for release in releases_of(store, fund)] == [3, 2, 1]


def test_a_release_replaced_before_it_ever_bound_is_still_known(
    world: World, store: sa.Engine, settings: Settings
) -> None:
    fund = open_fund(world)
    digest = Digest("0x" + "c1" * 32)
    world.fund.publish_release(world.account("developer"), fund, digest, "https://notes.example/c1")
    index_once(store, world.dev.chain, settings)
    current = ledger.release_at(store, fund, world.epoch() + 1)
    assert current is not None
    assert current.digest == digest
    assert [release.digest for release in releases_of(store, fund)] == [digest, MANIFEST]


def test_small_batches_and_large_ones_leave_the_same(
    world: World, store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine]
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    register(world, fund, "operator")
    small = settings.model_copy(update={"index_blocks": 2})
    assert not index_once(store, world.dev.chain, small, most_batches=2).complete
    for _ in range(2):
        assert index_once(store, world.dev.chain, small).complete
    assert content(store) == content(fresh())


def test_a_range_that_the_endpoint_refuses_is_halved(
    world: World, store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.indexer.MOST_NEAR_HEAD", NEAR_HEAD)
    open_fund(world)
    world.dev.mine(40 + NEAR_HEAD)
    expected = content(fresh())
    asked: list[int] = []
    get_logs = world.dev.chain.web3.eth.get_logs

    def narrow(wanted: Any) -> Any:
        if "blockHash" in wanted:
            return get_logs(wanted)
        asked.append(wanted["toBlock"] - wanted["fromBlock"] + 1)
        if asked[-1] > 5:
            raise RangeRefused(wanted["fromBlock"], wanted["toBlock"], "query returned more than 5 blocks")
        return get_logs(wanted)

    monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", narrow)
    assert index_once(store, world.dev.chain, settings).complete
    assert content(store) == expected
    assert max(asked) > 40
    monkeypatch.setattr(world.dev.chain.web3.eth, "get_logs", lambda wanted: narrow({"fromBlock": 1, "toBlock": 100}))
    world.dev.mine()
    with pytest.raises(ChainUnreachable, match="refuses logs"):
        index_once(store, world.dev.chain, settings)


@pytest.mark.parametrize(("block_s", "near"), [(12, 64), (4, 75), (3, 100)])
def test_blocks_of_the_last_minutes_are_asked_for_one_by_one_however_fast_they_come(
    world: World, store: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, block_s: int, near: int
) -> None:
    world.dev.chain.rpc("anvil_mine", 150, block_s)
    newest, eth, lasts = world.dev.chain.head().number, world.dev.chain.web3.eth, list[int]()
    get_logs = eth.get_logs

    def note(wanted: Any) -> Any:
        lasts.append(wanted.get("toBlock", 0))
        return get_logs(wanted)

    monkeypatch.setattr(eth, "get_logs", note)
    assert index_once(store, world.dev.chain, settings).complete
    assert max(lasts) == newest - near


def test_what_an_endpoint_told_of_the_blocks_near_the_head_before_its_limit_is_kept(
    world: World, file_store: sa.Engine, settings: Settings, fresh: Callable[[], sa.Engine]
) -> None:
    open_fund(world)
    world.dev.chain.rpc("anvil_mine", 80, 1)
    indexed = [-1]
    with relaying(world.dev.rpc_url) as relay:
        chain, relay.one_in = connect(relay.url), 50
        while indexed[-1] < world.dev.chain.head().number:
            with suppress(ChainUnreachable):
                index_once(file_store, chain, settings)
            tip = journal.tip(file_store)
            assert tip is not None
            assert tip.number > indexed[-1]
            indexed.append(tip.number)
    assert len(indexed) > 3
    assert content(file_store) == content(fresh())


@pytest.mark.parametrize(("took_s", "near"), [(768, 64), (64, 300), (16, 1_200), (1, 1_200), (0, 1_200)])
def test_so_many_blocks_are_near_the_head_but_never_more_than_a_run_has_time_for(
    monkeypatch: pytest.MonkeyPatch, took_s: int, near: int
) -> None:
    chain = Chain("", 1, Web3())
    monkeypatch.setattr(Chain, "block", lambda _, number: Block(number, "", "", 1_000))
    assert indexer._near_head(chain, Block(5_000, "", "", 1_000 + took_s), 7) == near


def test_blocks_without_the_confirmations_asked_for_are_left_alone(
    world: World, store: sa.Engine, settings: Settings
) -> None:
    open_fund(world)
    careful = settings.model_copy(update={"confirmations": 3})
    world.dev.mine(2)
    index_once(store, world.dev.chain, careful)
    assert ledger.all_funds(store) == ()
    world.dev.mine(1)
    index_once(store, world.dev.chain, careful)
    assert ledger.all_funds(store) == (1,)


@pytest.mark.parametrize(
    ("fact", "value"),
    [(facts.CHAIN_ID, 1), (facts.CONTRACTS, {"fund": "0x" + "11" * 20, "committee": "0x" + "22" * 20})],
)
def test_a_store_of_another_deployment_is_refused(
    world: World, store: sa.Engine, settings: Settings, fact: str, value: Any
) -> None:
    index_once(store, world.dev.chain, settings)
    facts.put(store, fact, value)
    with pytest.raises(ChainMismatch, match="follows another deployment"):
        index_once(store, world.dev.chain, settings)


def test_a_development_chain_that_was_made_anew_is_refused(
    world: World, store: sa.Engine, settings: Settings, tmp_path: Path
) -> None:
    """The same accounts deploy to the same addresses, but time starts elsewhere."""
    index_once(store, world.dev.chain, settings)
    with running_chain(tmp_path / "anew.log", block_time_s=0) as dev:
        dev.pass_time(500)
        anew = deploy_world(dev)
        assert anew.fund.address == world.fund.address
        with pytest.raises(ChainMismatch, match="use another MIRRORBOND_HOME"):
            index_once(store, dev.chain, settings)


INDEX_AND_DIE = """
import os, sys
import sqlalchemy as sa
from oracle.chain.client import connect
from oracle.indexer import NEAR_HEAD, index_once
from oracle.settings import settings
from oracle.store.db import open_store

def index(left):
    engine = open_store(settings().store_url())
    def die(*_):
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)
    sa.event.listen(engine, "before_cursor_execute", die)
    index_once(engine, connect(settings().rpc_url), settings())

for left in sys.argv[1:]:
    child = os.fork()
    if not child:
        index(int(left))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_kill_9_at_any_statement_leaves_a_store_that_goes_on(
    world: World, settings: Settings, fresh: Callable[[], sa.Engine]
) -> None:
    fund = open_fund(world)
    top_up(world, fund)
    world.next_epoch()
    register(world, fund, "operator")
    top_up(world, fund, role="late funder")
    names = ("home", "rpc_url", "fund_contract", "committee_contract", "first_block")
    env = {f"MIRRORBOND_{name.upper()}": str(getattr(settings, name)) for name in names}
    deaths = [str(statement) for statement in range(8, 110, 3)]
    argv = [sys.executable, "-c", INDEX_AND_DIE, *deaths]
    run = subprocess.run(argv, env=env | {"MIRRORBOND_INDEX_BLOCKS": "3"}, capture_output=True, text=True)
    ends = [int(line) for line in run.stdout.split()]
    assert len(ends) == len(deaths), run.stderr
    assert ends.count(-9) > 5
    engine = open_store(settings.store_url())
    assert len(journal.known_blocks(engine)) > 1
    assert index_once(engine, world.dev.chain, settings).complete
    assert content(engine) == content(fresh())
    close_store(settings.store_url())


def test_two_indexers_at_once_do_no_harm(world: World, settings: Settings, fresh: Callable[[], sa.Engine]) -> None:
    fund = open_fund(world)
    for number in range(5):
        top_up(world, fund, role=f"funder {number}")
    names = ("home", "rpc_url", "fund_contract", "committee_contract", "first_block")
    env = {f"MIRRORBOND_{name.upper()}": str(getattr(settings, name)) for name in names}
    argv = [sys.executable, "-c", INDEX_AND_DIE, "0"]
    both = [subprocess.Popen(argv, env=env | {"MIRRORBOND_INDEX_BLOCKS": "1"}) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    engine = open_store(settings.store_url())
    index_once(engine, world.dev.chain, settings)
    assert content(engine) == content(fresh())
    close_store(settings.store_url())
