"""What the chain itself says of the demo: its events, read from the endpoint and from nothing that our node wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oracle.chain.client import Chain
from oracle.chain.events import Event, decode_all
from oracle.devnet.table import tokens

SETTLEMENTS = ("paid", "missed", "given up", "voided")


@dataclass
class Watch:
    """The events of both contracts so far; `read` adds those of new blocks."""

    chain: Chain
    contracts: tuple[str, ...]
    next_block: int
    events: list[Event] = field(default_factory=list)

    def read(self) -> list[Event]:
        """Read the blocks that came since the last time, and give their events."""
        head = self.chain.head().number
        if head < self.next_block:
            return []
        new = list(decode_all(self.chain.logs(self.contracts, self.next_block, head)))
        self.next_block = head + 1
        self.events += new
        return new

    def all(self, name: str, **wanted: Any) -> Iterator[Event]:
        """The events of a name whose arguments have the values wanted."""
        return (event for event in self.events if event.name == name and _fits(event, wanted))

    def settled(self, fund: int, epochs: Iterable[int]) -> bool:
        """Whether all of these epochs of a fund are settled."""
        return set(epochs) <= {event.args["epoch"] for event in self.all("EpochSettled", fund=fund)}


def _fits(event: Event, wanted: dict[str, Any]) -> bool:
    return all(event.args[name] == value for name, value in wanted.items())


def in_words(event: Event, symbol: str) -> str | None:
    """What happened, for people who watch; None for what they need not know."""
    args = event.args
    if event.name == "Reported":
        signers = bin(args["signers"]).count("1")
        return f"Epoch {args['epoch']}: report signed by {signers} and posted, {event.tx_hash}"
    if event.name == "EpochSettled":
        mirrors, fee, back = map(tokens, (args["paid"] - args["fee"], args["fee"], args["returned"]))
        how = SETTLEMENTS[args["settlement"]]
        amounts = f"{mirrors} {symbol} to mirrors, {fee} to the committee, {back} back to the fund"
        return f"Epoch {args['epoch']}: settled ({how}), {amounts}"
    if event.name == "StakeLocked":
        amount = tokens(args["amount"])
        return f"Epoch {args['epoch']}: {amount} of mirror {args['mirror']}'s stake locked for wrong bytes"
    return None
