"""Everybody in the demo has a key of their own, and the node gets no more of them than it needs."""

from pathlib import Path

import pytest

from oracle import keys
from oracle.devnet.actors import Actors, make_actors
from oracle.devnet.cast import MIRRORS
from oracle.devnet.plan import Plan


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Actors:
    return make_actors(tmp_path_factory.mktemp("home") / "keys", Plan())


def test_no_two_roles_share_a_key(actors: Actors) -> None:
    everybody = [actors.owner, actors.fee_recipient, actors.arbiter, *actors.funders, *actors.members]
    everybody += [*actors.operators.values(), *actors.payouts.values()]
    assert len({account.address for account in everybody}) == len(everybody)


def test_node_gets_keystores_of_a_quorum_and_of_nobody_else(actors: Actors) -> None:
    password = keys.read_password(actors.keystores.password_file)
    held = [keys.load(file, password).address for file in actors.keystores.files]
    assert held == [member.address for member in actors.members[:3]]
    assert len(actors.members) == 4


def test_every_mirror_is_paid_to_an_account_of_its_own(actors: Actors) -> None:
    assert set(actors.payouts) == {part.name for part in MIRRORS}


def test_only_their_owner_can_read_the_keys(actors: Actors) -> None:
    folder = actors.keystores.password_file.parent
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    assert actors.owner.key.hex() not in "".join(file.read_text() for file in folder.iterdir())


def test_committee_of_one_signs_alone(tmp_path: Path) -> None:
    lone = make_actors(tmp_path / "keys", Plan(members=1, quorum=1))
    assert len(lone.members) == len(lone.keystores.files) == 1
