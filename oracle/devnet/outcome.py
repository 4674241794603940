"""What a demo came to: its books checked, its weights computed again, and all of it in one result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oracle.devnet.audit import Books, credits_of, failures
from oracle.devnet.books import read_books
from oracle.devnet.cast import MIRRORS
from oracle.devnet.nodes import NODE_NAME
from oracle.devnet.recompute import Case, Recomputed, recompute
from oracle.devnet.result import DemoResult, EpochOutcome, MirrorEpoch, MirrorOutcome
from oracle.devnet.run import Played
from oracle.model import FundResult
from oracle.probes.placement import load_table


def outcome_of(played: Played) -> DemoResult:
    """The result of a demo that was played to its end."""
    books = read_books(played.ground, played.actors, played.opened, played.watch)
    found = failures(books, played.epochs)
    reports = {event.args["epoch"]: event for event in played.watch.all("Reported", committee=played.ground.committee)}
    case = Case(
        played.opened.fund,
        played.opened.offer,
        played.plan.policy,
        played.ground.fund_contract.address,
        NODE_NAME,
        load_table(played.placement_file),
    )
    paid = {settled.epoch: settled.vector for settled in books.settled}
    whole = [epoch for epoch in played.epochs if epoch in reports and paid.get(epoch)]
    again = {epoch: recompute(played.store, case, epoch, reports[epoch].args, paid[epoch]) for epoch in whole}
    found += [failure for one in again.values() for failure in one.failures]
    hashes = {epoch: event.tx_hash for epoch, event in reports.items()}
    return DemoResult(_epochs(books, again, hashes), _mirrors(played, books, again), tuple(found))


def _epochs(books: Books, again: Mapping[int, Recomputed], hashes: Mapping[int, str]) -> tuple[EpochOutcome, ...]:
    return tuple(
        EpochOutcome(
            epoch=settled.epoch,
            reward_wei=books.offer.reward_wei,
            paid_wei=settled.paid_wei,
            fee_wei=settled.fee_wei,
            returned_wei=settled.returned_wei,
            report_tx=hashes[settled.epoch],
            n_eff=again[settled.epoch].result.n_eff,
            outage_slots=again[settled.epoch].result.outage_slots,
        )
        for settled in books.settled
        if settled.epoch in again
    )


def _mirrors(played: Played, books: Books, again: Mapping[int, Recomputed]) -> tuple[MirrorOutcome, ...]:
    hosts = {host.name: host for host in played.hosts.hosts}
    outcomes = []
    for part in MIRRORS:
        mirror, host = played.opened.mirrors[part.name], hosts[part.name]
        credited = credits_of(books, mirror)
        epochs = tuple(_mirror_epoch(one.result, mirror, credited[epoch]) for epoch, one in again.items())
        # On a slow machine mirrors were paid before the demo's epochs began, and withdrew that as well.
        before = sum(wei for epoch, wei in credited.items() if epoch not in again)
        taken = books.withdrawn_wei[mirror] - before
        outcomes.append(MirrorOutcome(part.name, part.kind, host.url, host.operator, epochs, taken))
    return tuple(outcomes)


def _mirror_epoch(result: FundResult, mirror: Any, credited_wei: int) -> MirrorEpoch:
    weight = next(weight for weight in result.weights if weight.mirror == mirror)
    reasons = {str(reason): slots for reason, slots in weight.reasons.items()}
    return MirrorEpoch(result.epoch, weight.weight, credited_wei, reasons)
