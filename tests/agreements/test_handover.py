"""What goes round a committee that is to be handed over: read with suspicion, and signed by each member for itself."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account import Account

from oracle.agreements.handover import Handover, read_handover
from oracle.attest import Domain
from oracle.errors import InvalidInput
from oracle.model import Address, CommitteeId, Digest

CONFIG = Digest("0x" + "0c" * 32)
KEYS = [Account.from_key(f"0x{number:064x}") for number in range(1, 5)]
TODAY = tuple(Address(key.address) for key in KEYS)
CONTRACT = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
TO_COME = tuple(Address("0x" + digit * 40) for digit in "123")
ASKED = Handover(
    domain=Domain(31337, CONTRACT),
    committee=CommitteeId(1),
    version=2,
    members=TO_COME,
    quorum=2,
    fee_recipient=CONTRACT,
    until_s=1_800_000_000,
)


def test_a_file_says_again_what_was_asked_and_signed() -> None:
    signed = ASKED.signed(KEYS[0], CONFIG).signed(KEYS[1], CONFIG)
    assert read_handover(json.dumps(signed.to_json()).encode()) == signed
    assert set(signed.valid(CONFIG, TODAY)) == set(TODAY[:2])


def test_only_signatures_of_members_of_today_over_exactly_this_count() -> None:
    signed = ASKED.signed(KEYS[0], CONFIG).signed(KEYS[1], CONFIG)
    assert set(signed.valid(CONFIG, TODAY[:1])) == {TODAY[0]}
    assert replace(signed, signatures={TODAY[3]: signed.signatures[TODAY[0]]}).valid(CONFIG, TODAY) == {}


@pytest.mark.parametrize("name", [field.name for field in fields(Handover) if field.name != "signatures"])
def test_every_field_is_part_of_what_is_signed(name: str) -> None:
    others: dict[str, Any] = {"domain": Domain(1, CONTRACT), "members": TO_COME[:2], "fee_recipient": TODAY[0]}
    changed = others[name] if name in others else getattr(ASKED, name) + 1
    other = replace(ASKED.signed(KEYS[0], CONFIG), **{name: changed})
    assert other.valid(CONFIG, TODAY) == {}
    with pytest.raises(InvalidInput, match="do not ask for the same"):
        ASKED.joined(other)


def test_copies_are_joined() -> None:
    one, two = ASKED.signed(KEYS[0], CONFIG), ASKED.signed(KEYS[1], CONFIG)
    assert one.joined(two) == two.joined(one) == one.signed(KEYS[1], CONFIG)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda told: told.pop("version"), "version"),
        (lambda told: told.update(more=1), "more"),
        (lambda told: told.update(version=1), "version"),
        (lambda told: told["members"].reverse(), "members"),
        (lambda told: told["members"].append(told["members"][-1]), "members"),
        (lambda told: told["members"].append("me"), "members"),
        (lambda told: told.update(members=[]), "quorum"),
        (lambda told: told.update(quorum=1), "quorum"),
        (lambda told: told.update(quorum=4), "quorum"),
        (lambda told: told.update(fee_recipient="0x"), "fee_recipient"),
        (lambda told: told.update(until="soon"), "until"),
        (lambda told: told.update(signatures=[]), "signatures"),
        (lambda told: told.update(signatures={TODAY[0]: "0x" + "00" * 100}), "signatures"),
    ],
)
def test_what_cannot_be_read_is_named(edit: Callable[[dict[str, Any]], Any], named: str) -> None:
    told = json.loads(json.dumps(ASKED.to_json()))
    edit(told)
    with pytest.raises(InvalidInput) as refused:
        read_handover(json.dumps(told).encode())
    assert refused.value.name.startswith(f"handover.{named}")
