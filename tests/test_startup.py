"""A node that cannot work says so before it starts."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from oracle.context import Context
from oracle.digests import sha256_digest
from oracle.errors import ChainMismatch, ChainUnreachable, InvalidInput
from oracle.rota import Rota, members_of, shards_of, slice_count
from oracle.schedule import epoch_secret
from oracle.secret import mark_of, node_secret
from oracle.startup import check
from oracle.store import facts
from tests.fixtures.chain import World
from tests.test_rota import CLOCK, EPOCH, GRID, SLOT, everybody, made


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


def test_two_machines_of_a_node_have_one_secret_and_leave_nobody_out(world: World, tmp_path: Path) -> None:
    store = {"DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}"}
    homes = [tmp_path / name for name in ("a", "b")]
    here, there = (world.settings(home, **store) for home in homes)
    check(Context(here))
    with pytest.raises(InvalidInput, match=r"is not that of node .*'s other workers; copy theirs here"):
        check(Context(there))
    check(Context(world.settings(homes[1], **store, node_name="another")))
    shutil.copy(homes[0] / "secret", homes[1] / "secret")
    node_secret.cache_clear()
    check(Context(there))
    drawn = [epoch_secret(node_secret(home), EPOCH) for home in homes]
    of = made(funds=3, mirrors=2)
    assert cut_and_probed(of, *drawn) == everybody(of)
    assert cut_and_probed(of, drawn[0], epoch_secret(bytes(32), EPOCH)) != everybody(of)


def cut_and_probed(of: Rota, cutter: bytes, prober: bytes) -> Counter[tuple[int, int]]:
    """Who is probed in a slot that one machine cuts and another one probes."""
    return Counter(
        (fund, mirror)
        for part in range(slice_count(CLOCK, EPOCH, SLOT, GRID))
        for shard in shards_of(of, GRID, cutter, CLOCK, SLOT, part, 2_000)
        for fund, ids in members_of(of, shard, prober, CLOCK).items()
        for mirror in ids
    )


def test_a_store_keeps_no_secret(world: World, tmp_path: Path) -> None:
    settings = world.settings(tmp_path)
    check(Context(settings))
    secret = node_secret(tmp_path)
    kept = facts.get(Context(settings).store, facts.SECRET + settings.node_name)
    assert kept == mark_of(secret) != sha256_digest(secret)


def test_keys_that_do_not_open_are_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MIRRORBOND_PASSWORD_FILE"):
        check(Context(world.settings(tmp_path, keystores="/nowhere.json")))
