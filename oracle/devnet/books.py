"""Reads the demo's books from the chain: from the contracts' events and views, and from nothing that our node wrote."""

from __future__ import annotations

from collections import Counter
from typing import Any

from oracle.devnet.actors import Actors
from oracle.devnet.audit import Books, Settled
from oracle.devnet.stage import Ground, Opened
from oracle.devnet.watch import Watch


def read_books(ground: Ground, actors: Actors, opened: Opened, watch: Watch) -> Books:
    """The fund's books as they stand now."""
    watch.read()
    contract, fund = ground.fund_contract, opened.fund
    committee, token = ground.committee, ground.token.address
    names = {mirror: name for name, mirror in opened.mirrors.items()}
    registered = [event.args for event in watch.all("MirrorRegistered", fund=fund)]
    return Books(
        offer=opened.offer,
        settled=tuple(_settled(event.args) for event in watch.all("EpochSettled", fund=fund)),
        reports=tuple(event.args["epoch"] for event in watch.all("Reported", committee=committee)),
        positions={args["mirror"]: args["position"] for args in registered},
        credit_wei={mirror: contract.credit_of(mirror) for mirror in names},
        withdrawn_wei=_withdrawn(watch, names),
        received_wei={mirror: ground.token.balance(actors.payouts[name].address) for mirror, name in names.items()},
        fees_open_wei=contract.fees(committee, token),
        fees_withdrawn_wei=sum(event.args["amount"] for event in watch.all("FeeWithdrawn", committee=committee)),
        deposited_wei=sum(event.args["amount"] for event in watch.all("Deposited", fund=fund)),
        unspent_wei=contract.fund_of(fund).value_wei,
        held_wei=ground.token.balance(contract.address),
        stakes_wei=sum(args["stake"] for args in registered),
        stakes_held_wei=ground.wrapped.balance(contract.address),
    )


def _settled(args: Any) -> Settled:
    vector = bytes.fromhex(args["vector"].removeprefix("0x"))
    amounts = (args["paid"], args["fee"], args["returned"])
    return Settled(args["epoch"], args["settlement"], *amounts, vector)


def _withdrawn(watch: Watch, mirrors: Any) -> dict[int, int]:
    taken: Counter[int] = Counter()
    for event in watch.all("Withdrawn"):
        taken[event.args["mirror"]] += event.args["amount"]
    return {mirror: taken[mirror] for mirror in mirrors}
