"""The tables of what is disputed and pledged, and of where mirrors are paid: they too are a fold over `logs`."""

from __future__ import annotations

from oracle.store.columns import address, digest, flag, ident, integer, table, text, wei

payouts = table("payouts", ident("mirror"), ident("binds_from"), address("payout", nullable=False))
locks = table(
    "locks",
    ident("mirror"),
    ident("epoch"),
    wei("amount_wei"),
    integer("answer_by"),
    integer("until"),
    text("state"),
    text("answer", nullable=True),
    digest("tx_hash", nullable=False),
)
"""A part of a stake that waits for the arbiter from the epoch `answer_by` on, at the latest, to before `until`."""
challenges = table(
    "challenges",
    ident("committee"),
    ident("epoch"),
    address("fund_contract", primary_key=True),
    ident("fund"),
    address("challenger", nullable=False),
    text("reason"),
    integer("decided_by_s"),
    text("ruling"),
    digest("tx_hash", nullable=False),
)
acceptances = table(
    "acceptances",
    ident("committee"),
    address("fund_contract", primary_key=True),
    digest("terms", primary_key=True),
    integer("until_s"),
    flag("used"),
    digest("tx_hash", nullable=False),
)
bonds = table(
    "bonds",
    ident("committee"),
    address("member", primary_key=True),
    wei("amount_wei"),
    integer("free_from_s", nullable=True),
)
burned_bonds = table(
    "burned_bonds",
    digest("tx_hash", primary_key=True),
    ident("log_index"),
    integer("committee"),
    address("member", nullable=False),
    integer("epoch"),
    digest("first", nullable=False),
    digest("second", nullable=False),
    wei("amount_wei"),
)
"""A member signed two bundles, by their digests, for one epoch."""
DISPUTE_TABLES = (payouts, locks, challenges, acceptances, bonds, burned_bonds)
