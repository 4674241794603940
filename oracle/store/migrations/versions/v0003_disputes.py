"""Slashing, payouts by epoch, challenges, acceptances and bonds. The chain is read again from its start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_FROM_THE_CHAIN = (
    "blocks",
    "logs",
    "committee_configs",
    "funds",
    "offers",
    "releases",
    "mirrors",
    "mirror_sets",
    "deposits",
    "chain_reports",
    "settlements",
    "credits",
    "withdrawals",
    "fee_withdrawals",
)


def upgrade() -> None:
    """To this revision."""
    for name in _FROM_THE_CHAIN:
        op.execute(sa.delete(sa.table(name)))
    op.execute(sa.text("DELETE FROM facts WHERE name = 'indexed'"))
    _change()
    _add()


def _change() -> None:
    with op.batch_alter_table("funds") as funds:
        funds.add_column(sa.Column("arbiter", sa.String(length=42), nullable=True))
        funds.add_column(sa.Column("slash_epoch_bps", sa.BigInteger(), nullable=False))
        funds.add_column(sa.Column("slash_life_bps", sa.BigInteger(), nullable=False))
    with op.batch_alter_table("mirrors") as mirrors:
        mirrors.drop_column("stake_released")
        mirrors.add_column(sa.Column("stake_returned_wei", sa.String(80), nullable=False))
        mirrors.add_column(sa.Column("slashed_wei", sa.String(80), nullable=False))


def _add() -> None:
    op.create_table(
        "payouts",
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("binds_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.PrimaryKeyConstraint("mirror", "binds_from"),
    )
    op.create_table(
        "locks",
        sa.Column("mirror", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.Column("answer_by", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("mirror", "epoch"),
    )
    op.create_table(
        "challenges",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fund_contract", sa.String(length=42), nullable=False),
        sa.Column("fund", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("challenger", sa.String(length=42), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by_s", sa.BigInteger(), nullable=False),
        sa.Column("ruling", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("committee", "epoch", "fund_contract", "fund"),
    )
    op.create_table(
        "acceptances",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fund_contract", sa.String(length=42), nullable=False),
        sa.Column("terms", sa.String(length=66), nullable=False),
        sa.Column("until_s", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("committee", "fund_contract", "terms"),
    )
    op.create_table(
        "bonds",
        sa.Column("committee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.String(length=42), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.Column("free_from_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("committee", "member"),
    )
    op.create_table(
        "burned_bonds",
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("committee", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.String(length=42), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.String(length=66), nullable=False),
        sa.Column("second", sa.String(length=66), nullable=False),
        sa.Column("amount_wei", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash", "log_index"),
    )
