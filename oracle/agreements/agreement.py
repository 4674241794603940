"""A file that goes round the members of a committee until a quorum has signed it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from oracle.attest import Domain, recover, sign
from oracle.errors import InvalidInput
from oracle.fields import address_of, text_of
from oracle.model import Address, CommitteeId, Digest

MOST_BYTES = 256 * 1024
MOST_MEMBERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(ABC):
    """What the members are asked for; their signatures count until the Unix time `until_s`.

    The signatures are those of members of one configuration of the committee, 0x-hex by member.
    """

    name: ClassVar[str]
    """What errors call it."""
    domain: Domain
    committee: CommitteeId
    until_s: int
    signatures: Mapping[Address, str] = field(default_factory=dict)

    @abstractmethod
    def message(self, config: Digest, /) -> SignableMessage:
        """What the members of a configuration sign."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """The content of the file but for the signatures."""

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        return {**self.content(), "signatures": dict(sorted(self.signatures.items()))}

    def signed(self, account: LocalAccount, config: Digest) -> Self:
        """The same with the account's signature too."""
        added = {Address(account.address): sign(account, self.message(config))}
        return replace(self, signatures={**self.signatures, **added})

    def joined(self, other: Self) -> Self:
        """The same with another's signatures.

        Raises: InvalidInput if the other is about something else.
        """
        if replace(other, signatures={}) != replace(self, signatures={}):
            raise InvalidInput(self.name, "the files do not ask for the same; make one, and have all members sign it")
        return replace(self, signatures={**self.signatures, **other.signatures})

    def counted(self, config: Digest, members: tuple[Address, ...]) -> Self:
        """The same with none but the signatures that count."""
        return replace(self, signatures=self.valid(config, members))

    def valid(self, config: Digest, members: tuple[Address, ...]) -> dict[Address, str]:
        """The signatures that count: of members of the configuration, over exactly this."""
        message = self.message(config)
        return {
            member: signature
            for member, signature in self.signatures.items()
            if member in members and recover(message, signature) == member
        }


def read_signatures(name: str, given: Any) -> dict[Address, str]:
    """The signatures of a file, of which nothing is believed but their shape.

    Raises: InvalidInput naming the field.
    """
    if not isinstance(given, dict) or len(given) > MOST_MEMBERS:
        raise InvalidInput(f"{name}.signatures", f"must be an object of at most {MOST_MEMBERS}")
    return {
        address_of(f"{name}.signatures", member): text_of(f"{name}.signatures.{member}", signature, 132)
        for member, signature in given.items()
    }
