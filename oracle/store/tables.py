"""The schema. Rows under "the chain" are a fold over `logs` and are rebuilt when the chain reorganises; rows under
"the node" are what this node measured, made of it and sent."""

from __future__ import annotations

import sqlalchemy as sa

from oracle.store.columns import address as _address
from oracle.store.columns import digest as _digest
from oracle.store.columns import flag as _flag
from oracle.store.columns import ident as _id
from oracle.store.columns import integer as _int
from oracle.store.columns import metadata as metadata
from oracle.store.columns import table as _table
from oracle.store.columns import text as _text
from oracle.store.columns import wei as _wei
from oracle.store.dispute_tables import DISPUTE_TABLES

# ---------------------------------------------------------------------------------------------------- the chain

blocks = _table(
    "blocks", _id("number"), _digest("hash", nullable=False), _digest("parent", nullable=False), _int("timestamp_s")
)
logs = _table(
    "logs",
    _digest("block_hash", primary_key=True),
    _id("log_index"),
    _int("block_number", index=True),
    _int("block_timestamp_s"),
    _digest("tx_hash", nullable=False),
    _address("contract", nullable=False),
    _text("event"),
    sa.Column("args", sa.JSON, nullable=False),
)
committee_configs = _table(
    "committee_configs",
    _id("committee"),
    _id("version"),
    _int("since"),
    sa.Column("members", sa.JSON, nullable=False),
    _int("quorum"),
    _address("fee_recipient", nullable=False),
    _digest("digest", nullable=False),
)
funds = _table(
    "funds",
    _id("fund"),
    _address("owner", nullable=False),
    _address("token", nullable=False),
    _text("app"),
    _wei("min_stake_wei"),
    _int("created_epoch"),
    _address("arbiter", nullable=True),
    _int("slash_epoch_bps", default=0),
    _int("slash_life_bps", default=0),
)
offers = _table(
    "offers",
    _id("fund"),
    _id("binds_from"),
    _wei("reward_wei"),
    _int("target"),
    _int("fee_bps"),
    _int("committee"),
    _text("policy"),
)
releases = _table(
    "releases", _id("fund"), _id("sequence"), _int("binds_from"), _digest("digest", nullable=False), _text("url")
)
mirrors = _table(
    "mirrors",
    _id("mirror"),
    _int("fund", index=True),
    _address("operator", nullable=False),
    _address("payout", nullable=False),
    _int("position"),
    _wei("stake_wei"),
    _text("url"),
    _int("start_epoch"),
    _int("end_epoch", nullable=True),
    _flag("removed"),
    _wei("stake_returned_wei", default=0),
    _wei("slashed_wei", default=0),
)
"""`payout` is the one announced last: `payouts` says from when on it counts."""
mirror_sets = _table("mirror_sets", _id("fund"), _id("since"), _digest("digest", nullable=False))
deposits = _table(
    "deposits",
    _id("deposit"),
    _int("fund", index=True),
    _address("holder", nullable=False),
    _wei("amount_wei"),
    _int("binds_from"),
    _int("ready_epoch", nullable=True),
    _int("left_epoch", nullable=True),
    _wei("collected_wei", nullable=True),
    _digest("tx_hash", nullable=False),
)
chain_reports = _table(
    "chain_reports",
    _id("committee"),
    _id("epoch"),
    _digest("root", nullable=False),
    _digest("evidence", nullable=False),
    _wei("signers"),
    _address("poster", nullable=False),
    _digest("tx_hash", nullable=False),
    _int("accepted_s"),
)
settlements = _table(
    "settlements",
    _id("fund"),
    _id("epoch"),
    _text("settlement"),
    _wei("paid_wei"),
    _wei("fee_wei"),
    _wei("returned_wei"),
    _text("vector"),
    _digest("tx_hash", nullable=False),
    _int("settled_epoch"),
)
credits = _table(  # noqa: A001 - the contract's word
    "credits", _id("mirror"), _id("epoch"), _int("fund", index=True), _int("weight"), _wei("amount_wei")
)
withdrawals = _table(
    "withdrawals",
    _digest("tx_hash", primary_key=True),
    _id("log_index"),
    _int("mirror", index=True),
    _address("payout", nullable=False),
    _wei("amount_wei"),
)
fee_withdrawals = _table(
    "fee_withdrawals",
    _digest("tx_hash", primary_key=True),
    _id("log_index"),
    _int("committee"),
    _address("token", nullable=False),
    _address("recipient", nullable=False),
    _wei("amount_wei"),
)
CHAIN_TABLES = (
    committee_configs,
    funds,
    offers,
    releases,
    mirrors,
    mirror_sets,
    deposits,
    chain_reports,
    settlements,
    credits,
    withdrawals,
    fee_withdrawals,
    *DISPUTE_TABLES,
)

# ----------------------------------------------------------------------------------------------------- the node

facts = _table("facts", sa.Column("name", sa.String(80), primary_key=True), sa.Column("value", sa.JSON, nullable=False))
"""Small facts by name: contract addresses, the clock, chain id, token symbols, when this node last indexed."""
manifests = _table(
    "manifests", _digest("digest", primary_key=True), sa.Column("body", sa.LargeBinary, nullable=False), _int("read_s")
)
counters = _table(
    "counters",
    sa.Column("node", sa.String(80), primary_key=True),
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("label", sa.String(32), primary_key=True),
    _int("value"),
)
"""What a node has counted since its store was made: see `oracle.store.counters`."""
votes = _table(
    "votes",
    _id("fund"),
    _id("epoch"),
    _id("mirror"),
    _id("slot"),
    sa.Column("node", sa.String(80), primary_key=True),
    sa.Column("reason", sa.String(32), nullable=False),
    _int("latency_ms", nullable=True),
    sa.Column("address", sa.String(64)),
    _text("path", nullable=True),
    _text("detail"),
    _int("at_ms"),
    _int("rtt_us", nullable=True),
    sa.Column("platform", sa.String(64), nullable=False, server_default=""),
)
observed = _table(
    "observed",
    _id("fund"),
    _id("epoch"),
    _id("mirror"),
    sa.Column("node", sa.String(80), primary_key=True),
    _text("slots"),
    _int("ups"),
    _int("downs"),
    _int("unknowns"),
    _int("latency_sum_ms"),
    _int("latency_most_ms"),
)
"""A node's votes on a mirror in an epoch in one row, kept up with each vote: see `oracle.store.observed`."""
admissions = _table(
    "admissions",
    _id("mirror"),
    _digest("release", primary_key=True),
    sa.Column("node", sa.String(80), primary_key=True),
    sa.Column("reason", sa.String(32), nullable=False),
    _text("detail"),
    _int("files_read"),
    _int("at_ms"),
)
"""The outcome of the last complete read of a mirror: reason "up" when every file was right."""
ownerships = _table(
    "ownerships",
    _id("mirror"),
    sa.Column("node", sa.String(80), primary_key=True),
    _int("epoch"),
    _int("asks"),
    _int("proved_epoch", nullable=True),
    sa.Column("reason", sa.String(32), nullable=False),
    _text("detail"),
    _int("at_ms"),
)
"""Whether a host names the mirror's operator: what it said in `epoch`, asked so often; when it last did."""
cold_asks = _table(
    "cold_asks",
    _id("mirror"),
    _digest("release", primary_key=True),
    sa.Column("node", sa.String(80), primary_key=True),
    _id("file"),
    _int("epoch"),
    _int("echoed", nullable=True),
    _int("control_echoed", nullable=True),
    _int("at_ms"),
)
"""Which cold files, by their place in the manifest, a mirror was asked for: written before it is asked. Where the
primary's log was heard, 1 or 0 for whether it was asked for that file too, and for one that nobody was asked for."""
tallies = _table(
    "tallies",
    _id("fund"),
    _id("mirror"),
    _id("epoch"),
    sa.Column("node", sa.String(80), primary_key=True),
    _int("requests"),
    _int("bytes"),
    _flag("hidden"),
    _flag("cold_failed"),
    _int("read_requests", server_default="0"),
    _int("read_bytes", server_default="0"),
    _text("hidden_path", server_default=""),
    _int("certificate_expires_s", nullable=True),
)
"""What a node has asked of a mirror in an epoch, in slots and in complete reads, and whether it failed when it was last
asked from elsewhere, and for which path, and when it was last asked for a cold file; and what its certificate said."""
sightings = _table(
    "sightings",
    _id("fund"),
    _id("mirror"),
    _id("epoch"),
    sa.Column("node", sa.String(80), primary_key=True),
    sa.Column("how", sa.String(16), primary_key=True),
    _text("detail"),
    _int("at_ms"),
)
"""Mirrors that a node caught relaying the primary."""
control_checks = _table(
    "control_checks",
    sa.Column("node", sa.String(80), primary_key=True),
    _id("at_ms"),
    _int("asked"),
    _int("failed"),
    _int("skew_ms", nullable=True),
)
"""How a node's control targets answered, and how far its clock is from theirs."""
segments = _table(
    "segments",
    sa.Column("node", sa.String(80), primary_key=True),
    _id("fund"),
    _id("epoch"),
    _digest("digest", nullable=False),
    _int("votes"),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""A node's raw votes on a fund in an epoch, packed: see `oracle.segments`."""
bundles = _table(
    "bundles",
    _id("committee"),
    _id("epoch"),
    _address("member", primary_key=True),
    _digest("digest", nullable=False),
    _text("signature"),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
results = _table("results", _id("fund"), _id("epoch"), _int("committee"), sa.Column("body", sa.JSON, nullable=False))
"""What the committee made of a fund's epoch (`FundResult` as JSON), as this node computed it."""
reports = _table(
    "reports",
    _id("committee"),
    _id("epoch"),
    _digest("root", nullable=False),
    _digest("evidence", nullable=False),
    sa.Column("leaves", sa.JSON, nullable=False),
    sa.Column("set_members", sa.JSON, nullable=False),
)
report_signatures = _table(
    "report_signatures",
    _id("committee"),
    _id("epoch"),
    _address("member", primary_key=True),
    _digest("root", nullable=False),
    _text("signature"),
)
evidence = _table(
    "evidence",
    _id("committee"),
    _id("epoch"),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
transactions = _table(
    "transactions",
    sa.Column("purpose", sa.String(120), primary_key=True),
    _digest("tx_hash", nullable=True),
    sa.Column("state", sa.String(20), nullable=False),
    _text("error", nullable=True),
    _int("at_ms"),
)
"""What this node sent, by purpose ("report:1:7", "settle:3:7-9"): for people; the chain is checked before each send."""
outbox = _table(
    "outbox",
    _address("account", primary_key=True),
    sa.Column("purpose", sa.String(200), primary_key=True),
    _int("nonce"),
    _text("body"),
)
"""What this node sent and no block has decided yet, as `oracle.chain.outbox.Sent`: written before it is sent."""
