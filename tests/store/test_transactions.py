"""What was sent is kept by purpose, with how far it is."""

import sqlalchemy as sa

from oracle.store.transactions import load_transactions, save_transaction


def test_a_purpose_keeps_its_last_state(store: sa.Engine) -> None:
    save_transaction(store, "report:1:7", "sent", tx_hash="0x01")
    save_transaction(store, "report:1:7", "failed", tx_hash="0x01", error="AlreadyReported")
    save_transaction(store, "settle:3:7", "sent")
    found = [(sent.purpose, sent.state, sent.tx_hash, sent.error) for sent in load_transactions(store, "report:")]
    assert found == [("report:1:7", "failed", "0x01", "AlreadyReported")]
    assert len(load_transactions(store)) == 2


def test_a_prefix_is_text_and_no_pattern(store: sa.Engine) -> None:
    save_transaction(store, "report:1:7", "sent")
    assert load_transactions(store, "%7") == []
