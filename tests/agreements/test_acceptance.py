"""What goes round the members of a committee: read with suspicion, and signed by each for itself."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account import Account

from oracle.agreements.acceptance import Acceptance, read_acceptance
from oracle.attest import Domain
from oracle.errors import InvalidInput
from oracle.model import Address, CommitteeId, Digest

CONFIG, OTHER = Digest("0x" + "0c" * 32), Digest("0x" + "0d" * 32)
KEYS = [Account.from_key(f"0x{number:064x}") for number in range(1, 5)]
MEMBERS = tuple(Address(key.address) for key in KEYS)
CONTRACT = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
ASKED = Acceptance(
    domain=Domain(31337, CONTRACT),
    fund_contract=Address("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"),
    fund=0,
    owner=MEMBERS[0],
    token=CONTRACT,
    reward_wei=2**95,
    target=6,
    fee_bps=500,
    committee=CommitteeId(1),
    arbiter=MEMBERS[1],
    slash_epoch_bps=500,
    slash_life_bps=4_000,
    policy='{"slots":20}',
    until_s=1_800_000_000,
)


def file_of(asked: Acceptance, **changes: Any) -> bytes:
    return json.dumps(asked.to_json() | changes).encode()


def test_a_file_says_again_what_was_asked_and_signed() -> None:
    signed = ASKED.signed(KEYS[0], CONFIG).signed(KEYS[1], CONFIG)
    assert read_acceptance(file_of(signed)) == signed
    assert set(signed.valid(CONFIG, MEMBERS)) == set(MEMBERS[:2])


def test_only_signatures_of_members_over_exactly_this_count() -> None:
    signed = ASKED.signed(KEYS[0], CONFIG).signed(KEYS[1], OTHER).signed(KEYS[2], CONFIG)
    assert set(signed.valid(CONFIG, MEMBERS[:2])) == {MEMBERS[0]}
    taken = replace(signed, signatures={MEMBERS[3]: signed.signatures[MEMBERS[0]]})
    assert taken.valid(CONFIG, MEMBERS) == {}


@pytest.mark.parametrize("name", [field.name for field in fields(Acceptance) if field.name != "signatures"])
def test_every_field_is_part_of_what_is_signed(name: str) -> None:
    others: dict[str, Any] = {"domain": Domain(1, CONTRACT), "policy": "{}", "token": MEMBERS[1], "owner": MEMBERS[1]}
    now = getattr(ASKED, name)
    changed = others.get(name, now + 1 if isinstance(now, int) else MEMBERS[2])
    other = replace(ASKED.signed(KEYS[0], CONFIG), **{name: changed})
    assert other.valid(CONFIG, MEMBERS) == {}
    with pytest.raises(InvalidInput, match="do not ask for the same"):
        ASKED.joined(other)


def test_copies_are_joined() -> None:
    one, two = ASKED.signed(KEYS[0], CONFIG), ASKED.signed(KEYS[1], CONFIG)
    assert one.joined(two) == two.joined(one) == one.signed(KEYS[1], CONFIG)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda told: told.pop("policy"), "policy"),
        (lambda told: told.update(more=1), "more"),
        (lambda told: told.update(fund=-1), "fund"),
        (lambda told: told.pop("fund"), "fund"),
        (lambda told: told.update(owner=told["owner"].lower()), "owner"),
        (lambda told: told.update(until="soon"), "until"),
        (lambda told: told.update(until=True), "until"),
        (lambda told: told["offer"].update(reward=5), "offer.reward"),
        (lambda told: told["offer"].update(reward="0"), "offer.reward"),
        (lambda told: told["offer"].update(reward=str(2**96)), "offer.reward"),
        (lambda told: told["offer"].update(target=0), "offer.target"),
        (lambda told: told["offer"].update(target=257), "offer.target"),
        (lambda told: told.update(policy="x" * 100_000), "policy"),
        (lambda told: told.update(signatures=[]), "signatures"),
        (lambda told: told.update(signatures={"me": "0x"}), "signatures"),
        (lambda told: told.update(signatures={MEMBERS[0]: "0x" + "00" * 100}), "signatures"),
    ],
)
def test_what_cannot_be_read_is_named(edit: Callable[[dict[str, Any]], Any], named: str) -> None:
    told = ASKED.to_json()
    edit(told)
    with pytest.raises(InvalidInput) as refused:
        read_acceptance(json.dumps(told).encode())
    assert refused.value.name.startswith(f"acceptance.{named}")
