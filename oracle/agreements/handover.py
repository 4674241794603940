"""A change of a committee's members, which a quorum of those of today signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from eth_account.messages import SignableMessage

from oracle.agreements.agreement import MOST_MEMBERS, Agreement, read_signatures
from oracle.attest import Domain, members_message
from oracle.fields import address_of, ascending, integer, list_of, object_of, parse_json
from oracle.model import Address, CommitteeId, Digest

NAME = "handover"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover(Agreement):
    """Who is to sign for a committee from the next epoch on, if it is posted in time; `members` in the contract's
    order, `version` one above the latest configuration's."""

    name: ClassVar[str] = NAME
    version: int
    members: tuple[Address, ...]
    quorum: int
    fee_recipient: Address

    def message(self, _config: Digest, /) -> SignableMessage:
        """What the members of today sign, whose configuration is the one before `version`."""
        who = (self.members, self.quorum, self.fee_recipient)
        return members_message(self.domain, self.committee, self.version, *who, self.until_s)

    def content(self) -> dict[str, Any]:
        """The content of the file but for the signatures."""
        return {
            "chain_id": self.domain.chain_id,
            "committee_contract": self.domain.contract,
            "committee": self.committee,
            "version": self.version,
            "members": list(self.members),
            "quorum": self.quorum,
            "fee_recipient": self.fee_recipient,
            "until": self.until_s,
        }


def read_handover(body: bytes) -> Handover:
    """The content of a file, of which nothing is believed but what the members see.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(NAME, parse_json(NAME, body), _FIELDS)
    members = list_of(f"{NAME}.members", fields["members"], lambda one, name: address_of(name, one), MOST_MEMBERS)
    ascending(f"{NAME}.members", [int(member, 16) for member in members])
    contract = address_of(f"{NAME}.committee_contract", fields["committee_contract"])
    return Handover(
        domain=Domain(integer(f"{NAME}.chain_id", fields["chain_id"], 1), contract),
        committee=CommitteeId(integer(f"{NAME}.committee", fields["committee"], 1, 0xFFFFFFFF)),
        version=integer(f"{NAME}.version", fields["version"], 2),
        members=members,
        quorum=integer(f"{NAME}.quorum", fields["quorum"], len(members) // 2 + 1, len(members)),
        fee_recipient=address_of(f"{NAME}.fee_recipient", fields["fee_recipient"]),
        until_s=integer(f"{NAME}.until", fields["until"]),
        signatures=read_signatures(NAME, fields["signatures"]),
    )
