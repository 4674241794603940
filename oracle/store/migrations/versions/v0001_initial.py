"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "admissions",
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("release", sa.String(length=66), nullable=False),
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("files_read", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mirror", "release", "node"),
    )
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("parent", sa.String(length=66), nullable=False),
        sa.Column("timestamp_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "bundles",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.String(length=42), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch", "member"),
    )
    op.create_table(
        "chain_reports",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=66), nullable=False),
        sa.Column("evidence", sa.String(length=66), nullable=False),
        sa.Column("signers", sa.String(80), nullable=False),
        sa.Column("poster", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("accepted_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch"),
    )
    op.create_table(
        "committee_configs",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("quorum", sa.BigInteger(), nullable=False),
        sa.Column("fee_recipient", sa.String(length=42), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("committee", "version"),
    )
    op.create_table(
        "credits",
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fund", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("mirror", "epoch"),
    )
    op.create_index(op.f("ix_credits_fund"), "credits", ["fund"], unique=False)
    op.create_table(
        "deposits",
        sa.Column("deposit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fund", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=42), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.Column("binds_from", sa.BigInteger(), nullable=False),
        sa.Column("ready_epoch", sa.BigInteger(), nullable=True),
        sa.Column("left_epoch", sa.BigInteger(), nullable=True),
        sa.Column("collected_wei", sa.String(80), nullable=True),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("deposit"),
    )
    op.create_index(op.f("ix_deposits_fund"), "deposits", ["fund"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch", "name"),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "fee_withdrawals",
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("committee", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash", "log_index"),
    )
    op.create_table(
        "funds",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=42), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("min_stake_wei", sa.String(80), nullable=False),
        sa.Column("created_epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund"),
    )
    op.create_table(
        "logs",
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_timestamp_s", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("block_hash", "log_index"),
    )
    op.create_index(op.f("ix_logs_block_number"), "logs", ["block_number"], unique=False)
    op.create_table(
        "manifests",
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("read_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "mirror_sets",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("fund", "since"),
    )
    op.create_table(
        "mirrors",
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fund", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stake_wei", sa.String(80), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("start_epoch", sa.BigInteger(), nullable=False),
        sa.Column("end_epoch", sa.BigInteger(), nullable=True),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("stake_released", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("mirror"),
    )
    op.create_index(op.f("ix_mirrors_fund"), "mirrors", ["fund"], unique=False)
    op.create_table(
        "offers",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("binds_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reward_wei", sa.String(80), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("fee_bps", sa.BigInteger(), nullable=False),
        sa.Column("committee", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "binds_from"),
    )
    op.create_table(
        "releases",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("binds_from", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "sequence"),
    )
    op.create_table(
        "report_signatures",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.String(length=42), nullable=False),
        sa.Column("root", sa.String(length=66), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch", "member"),
    )
    op.create_table(
        "reports",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=66), nullable=False),
        sa.Column("evidence", sa.String(length=66), nullable=False),
        sa.Column("leaves", sa.JSON(), nullable=False),
        sa.Column("set_members", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch"),
    )
    op.create_table(
        "results",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("committee", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "epoch"),
    )
    op.create_table(
        "settlements",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("paid_wei", sa.String(80), nullable=False),
        sa.Column("fee_wei", sa.String(80), nullable=False),
        sa.Column("returned_wei", sa.String(80), nullable=False),
        sa.Column("vector", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("fund", "epoch"),
    )
    op.create_table(
        "transactions",
        sa.Column("purpose", sa.String(length=120), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("purpose"),
    )
    op.create_table(
        "votes",
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "epoch", "mirror", "slot", "node"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mirror", sa.BigInteger(), nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash", "log_index"),
    )
    op.create_index(op.f("ix_withdrawals_mirror"), "withdrawals", ["mirror"], unique=False)
