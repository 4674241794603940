"""What an account has sent and no block has decided yet. It is written down before it is sent, so that whoever makes
the same call next, another process or this one after a kill, goes on with it at its nonce and sends no second one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol

from oracle.chain.fees import Fees
from oracle.digests import keccak256


class Outbox(Protocol):
    """A place that outlives the process, with one text for each account and purpose: `oracle.store.outbox`."""

    def find(self, account: str, purpose: str) -> str | None:
        """What the account has sent for the purpose."""

    def at(self, account: str, nonce: int) -> list[str]:
        """What the account has sent at the nonce."""

    def keep(self, account: str, purpose: str, nonce: int, body: str, before: str | None) -> bool:
        """Puts the text in the place of the one before (None: there was none); False if that is not there any more."""

    def drop(self, account: str, purpose: str, nonce: int) -> None:
        """Forgets what was sent for the purpose at the nonce."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does; `action` says it in words for errors, `to` None creates a contract. Two calls with one
    `purpose` are one wish: what was sent for the first stands for the second."""

    action: str
    to: str | None
    data: str
    value_wei: int = 0
    purpose: str = ""

    @property
    def key(self) -> str:
        """The purpose; where none is given, only the very same call has the same."""
        return self.purpose or f"{self.action}:{keccak256(f'{self.to} {self.data} {self.value_wei}'.encode()).hex()}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A call that may be on its way into a block: its nonce, the hashes it may have, and what was offered when, `head`
    being the newest block by then."""

    call: Call
    gas: int
    nonce: int
    fees: Fees
    hashes: tuple[str, ...]
    offered_s: float
    head: int = 0

    def text(self) -> str:
        """As the outbox holds it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Sent:
        """What the outbox holds."""
        told = json.loads(text)
        made = {"call": Call(**told["call"]), "fees": Fees(**told["fees"]), "hashes": tuple(told["hashes"])}
        return cls(**(told | made))
