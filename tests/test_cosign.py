"""Sets of bundles and signatures: a quorum of members, each with one bundle of its own."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from oracle.attest import recover, report_message
from oracle.cases import panel_at
from oracle.cosign import bundle_set, is_signed, sign_bundles, sign_report
from oracle.errors import InvalidInput, NotEnoughBundles
from oracle.model import Address, CommitteeId, Digest, Epoch, FundId, MirrorId, Observation, Place, Reason, Vantage
from oracle.observe import observations
from oracle.probes.placement import atlas, place_of
from oracle.report import close_epoch
from oracle.schedule import commitment, epoch_secret
from oracle.secret import node_secret
from oracle.segments import read_segment, unpack
from oracle.store import tables
from oracle.store.db import writing
from oracle.store.reports import StoredBundle, load_bundles, load_report, save_bundle
from oracle.store.segments import load_segment
from tests.fixtures.ledger import Ledger


@pytest.mark.parametrize(("members", "quorum", "keys"), [(1, 1, 0), (4, 3, 2)])
def test_fewer_keys_than_the_quorum_make_no_report(tmp_path: Path, members: int, quorum: int, keys: int) -> None:
    ledger = Ledger(tmp_path, members, quorum, keys)
    ledger.vote_all()
    with pytest.raises(NotEnoughBundles) as refused:
        close_epoch(ledger.context, Epoch(1))
    assert (refused.value.bundles, refused.value.quorum) == (keys, quorum)
    assert load_report(ledger.engine, 1, 1) is None


def test_a_bundle_of_a_peer_completes_the_quorum(tmp_path: Path) -> None:
    whole, part = Ledger(tmp_path / "a", 4, 3, 3), Ledger(tmp_path / "b", 4, 3, 2)
    part.clock = whole.clock
    for ledger in (whole, part):
        ledger.vote_all()
    close_epoch(whole.context, Epoch(1))
    with pytest.raises(NotEnoughBundles):
        close_epoch(part.context, Epoch(1))
    peer = Address(whole.accounts[2].address)
    missing = next(one for one in load_bundles(whole.engine, 1, 1) if one.member == peer)
    save_bundle(part.engine, missing)
    assert set(close_epoch(part.context, Epoch(1)).set_members) == {one.address for one in whole.accounts[:3]}


def test_a_forged_bundle_does_not_count(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 4, 3, 2)
    ledger.vote_all()
    with pytest.raises(NotEnoughBundles):
        close_epoch(ledger.context, Epoch(1))
    mine = load_bundles(ledger.engine, 1, 1)[0]
    victim = Address(ledger.accounts[2].address)
    forged = StoredBundle(mine.committee, mine.epoch, victim, mine.digest, mine.signature, mine.body)
    save_bundle(ledger.engine, forged)
    with pytest.raises(NotEnoughBundles):
        close_epoch(ledger.context, Epoch(1))


def seen(reason: Reason) -> dict[FundId, tuple[Observation, ...]]:
    return {FundId(1): (Observation(MirrorId(0), (reason,), None, ()),)}


def test_a_member_signs_one_bundle_an_epoch_and_the_first_one_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    keys = {Address(ledger.accounts[0].address): ledger.accounts[0]}
    for reason in (Reason.UP, Reason.TIMEOUT):
        sign_bundles(ledger.engine, ledger.context.domain, keys, panel, Epoch(1), seen(reason))
    (kept,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    assert kept.bundle.funds == seen(Reason.UP)


def test_a_mirror_seen_at_two_spellings_of_one_address_leaves_a_bundle_that_can_be_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote_all()
    with writing(ledger.engine) as connection:
        mapped = sa.literal("::ffff:") + tables.votes.c.address
        connection.execute(sa.update(tables.votes).where(tables.votes.c.slot == 2).values(address=mapped))
    close_epoch(ledger.context, Epoch(1))
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    (kept,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    assert [len(one.places) for one in kept.bundle.funds[FundId(1)]] == [1, 1, 1]


def test_a_bundle_that_nobody_could_read_is_not_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    place = Place("8.8.8.8", "8.8.8.0/24", 15169, "US")
    twice = {FundId(1): (Observation(MirrorId(0), (Reason.UP,), None, (place, place)),)}
    with pytest.raises(InvalidInput, match="places"):
        sign_bundles(ledger.engine, ledger.context.domain, ledger.context.members, panel, Epoch(1), twice)
    assert load_bundles(ledger.engine, 1, 1) == []


def test_a_bundle_says_where_its_node_stands(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, changes={"vantage": "50.11,8.68"})
    ledger.vote_all()
    close_epoch(ledger.context, Epoch(1))
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    (kept,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    assert kept.bundle.vantage == Vantage(50_110, 8_680)


def test_a_bundle_reveals_its_epochs_secret_and_commits_to_that_of_the_epoch_after_the_next(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote_all()
    close_epoch(ledger.context, Epoch(1))
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    (kept,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    secret = node_secret(tmp_path)
    assert kept.bundle.revealed == "0x" + epoch_secret(secret, 1).hex()
    assert kept.bundle.committed == commitment(epoch_secret(secret, 3))


def test_a_bundle_names_the_segments_of_its_votes_and_they_stay_as_they_were_signed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote(1, "U.UD")
    close_epoch(ledger.context, Epoch(1))
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    (kept,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    found = load_segment(ledger.engine, 1, 1, "node")
    assert found is not None
    raw = read_segment(unpack(found.body))
    assert kept.bundle.segments == {FundId(1): raw.digest}
    ids = [observation.mirror for observation in kept.bundle.funds[FundId(1)]]
    assert observations(raw.votes, ids, 4, partial(place_of, known=atlas(tmp_path))) == kept.bundle.funds[FundId(1)]
    ledger.vote_all()  # too late: it is signed
    with writing(ledger.engine) as connection:
        connection.execute(sa.delete(tables.reports))
    close_epoch(ledger.context, Epoch(1))
    assert load_segment(ledger.engine, 1, 1, "node") == found


def test_keys_that_are_no_members_sign_nothing(tmp_path: Path) -> None:
    ledger, strangers = Ledger(tmp_path), Ledger(tmp_path / "other", members=4).accounts
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    keys = {Address(one.address): one for one in strangers if Address(one.address) not in panel.members}
    sign_bundles(ledger.engine, ledger.context.domain, keys, panel, Epoch(1), seen(Reason.UP))
    assert load_bundles(ledger.engine, 1, 1) == []


def test_a_signature_is_of_this_very_bundle(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.vote_all()
    close_epoch(ledger.context, Epoch(1))
    panel = panel_at(ledger.engine, CommitteeId(1), Epoch(1))
    (signed,) = bundle_set(ledger.engine, ledger.context.domain, panel, Epoch(1))
    assert is_signed(ledger.context.domain, signed)
    assert not is_signed(ledger.context.domain, replace(signed, bundle=replace(signed.bundle, epoch=Epoch(2))))
    assert not is_signed(ledger.context.domain, replace(signed, signature="0x" + "00" * 65))


def test_a_signature_over_other_evidence_of_the_same_root_is_made_anew(tmp_path: Path) -> None:
    """Of nodes that share a store one signs the report of two bundles, then that of three stands."""
    ledger = Ledger(tmp_path, 3, 2, 3)
    panel, domain = panel_at(ledger.engine, CommitteeId(1), Epoch(1)), ledger.context.domain
    keys = {Address(one.address): one for one in ledger.accounts}
    second, *others = ledger.accounts[1], ledger.accounts[0], ledger.accounts[2]
    root, of_two, of_three = (Digest("0x" + byte * 32) for byte in ("aa", "02", "03"))
    sign_report(ledger.engine, domain, {Address(second.address): second}, panel, Epoch(1), root, of_two)
    among = {Address(one.address): one for one in others}
    found = sign_report(ledger.engine, domain, among, panel, Epoch(1), root, of_three)
    assert found.keys() == among.keys()
    found = sign_report(ledger.engine, domain, keys, panel, Epoch(1), root, of_three)
    message = report_message(domain, 1, 1, panel.digest, root, of_three)
    assert {member: recover(message, signature) for member, signature in found.items()} == {one: one for one in keys}
