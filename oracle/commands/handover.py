"""A change of a committee's members, as a file that goes round those of today until a quorum has signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from oracle.attest import Domain, members_message, recover, sign
from oracle.errors import InvalidInput
from oracle.fields import address_of, ascending, integer, list_of, object_of, parse_json, text_of
from oracle.model import Address, CommitteeId

NAME = "handover"
MOST_BYTES = 64 * 1024
MOST_MEMBERS = 64
_FIELDS = (
    "chain_id",
    "committee_contract",
    "committee",
    "version",
    "members",
    "quorum",
    "fee_recipient",
    "until",
    "signatures",
)


@dataclass(frozen=True, slots=True)
class Handover:
    """Who is to sign for a committee from the next epoch on, if it is posted until the Unix time `until_s`; `members`
    in the contract's order, `version` one above the latest configuration's.

    The signatures are those of members of today, 0x-hex by member.
    """

    domain: Domain
    committee: CommitteeId
    version: int
    members: tuple[Address, ...]
    quorum: int
    fee_recipient: Address
    until_s: int
    signatures: Mapping[Address, str] = field(default_factory=dict)

    @property
    def message(self) -> SignableMessage:
        """What the members of today sign."""
        who = (self.members, self.quorum, self.fee_recipient)
        return members_message(self.domain, self.committee, self.version, *who, self.until_s)

    def signed(self, account: LocalAccount) -> Handover:
        """The same with the account's signature too."""
        return replace(self, signatures={**self.signatures, Address(account.address): sign(account, self.message)})

    def joined(self, other: Handover) -> Handover:
        """The same with another's signatures.

        Raises: InvalidInput if the other is about something else.
        """
        if replace(other, signatures={}) != replace(self, signatures={}):
            raise InvalidInput(NAME, "the files do not ask for the same; make one, and have all members sign it")
        return replace(self, signatures={**self.signatures, **other.signatures})

    def valid(self, today: tuple[Address, ...]) -> dict[Address, str]:
        """The signatures that count: of members of today, over exactly this."""
        return {
            member: signature
            for member, signature in self.signatures.items()
            if member in today and recover(self.message, signature) == member
        }

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "chain_id": self.domain.chain_id,
            "committee_contract": self.domain.contract,
            "committee": self.committee,
            "version": self.version,
            "members": list(self.members),
            "quorum": self.quorum,
            "fee_recipient": self.fee_recipient,
            "until": self.until_s,
            "signatures": dict(sorted(self.signatures.items())),
        }


def read_handover(body: bytes) -> Handover:
    """The content of a file, of which nothing is believed but what the members see.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(NAME, parse_json(NAME, body), _FIELDS)
    members = list_of(f"{NAME}.members", fields["members"], lambda one, name: address_of(name, one), MOST_MEMBERS)
    ascending(f"{NAME}.members", [int(member, 16) for member in members])
    given = fields["signatures"]
    if not isinstance(given, dict) or len(given) > MOST_MEMBERS:
        raise InvalidInput(f"{NAME}.signatures", f"must be an object of at most {MOST_MEMBERS}")
    contract = address_of(f"{NAME}.committee_contract", fields["committee_contract"])
    return Handover(
        domain=Domain(integer(f"{NAME}.chain_id", fields["chain_id"], 1), contract),
        committee=CommitteeId(integer(f"{NAME}.committee", fields["committee"], 1, 0xFFFFFFFF)),
        version=integer(f"{NAME}.version", fields["version"], 2),
        members=members,
        quorum=integer(f"{NAME}.quorum", fields["quorum"], len(members) // 2 + 1, len(members)),
        fee_recipient=address_of(f"{NAME}.fee_recipient", fields["fee_recipient"]),
        until_s=integer(f"{NAME}.until", fields["until"]),
        signatures={
            address_of(f"{NAME}.signatures", member): text_of(f"{NAME}.signatures.{member}", signature, 132)
            for member, signature in given.items()
        },
    )
