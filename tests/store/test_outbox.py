"""What was sent is kept by account and purpose, and two who keep at once do not lose each other's word."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from oracle.store.outbox import StoredOutbox


def test_what_is_kept_is_found_by_purpose_and_by_nonce(store: sa.Engine) -> None:
    outbox = StoredOutbox(store)
    assert (outbox.find("0xa", "settle:3"), outbox.at("0xa", 7)) == (None, [])
    assert outbox.keep("0xa", "settle:3", 7, "one", None)
    assert outbox.keep("0xa", "report:1:2", 8, "other", None)
    assert outbox.keep("0xb", "settle:3", 7, "another's", None)
    assert (outbox.find("0xa", "settle:3"), outbox.at("0xa", 7)) == ("one", ["one"])


def test_only_who_knows_what_is_there_replaces_it(store: sa.Engine) -> None:
    outbox = StoredOutbox(store)
    assert outbox.keep("0xa", "settle:3", 7, "one", None)
    assert not outbox.keep("0xa", "settle:3", 8, "two", None)
    assert not outbox.keep("0xa", "settle:3", 8, "two", "none")
    assert outbox.keep("0xa", "settle:3", 8, "two", "one")
    assert (outbox.at("0xa", 7), outbox.at("0xa", 8)) == ([], ["two"])


def test_of_many_who_keep_at_once_one_does(store: sa.Engine) -> None:
    outbox = StoredOutbox(store)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda nonce: outbox.keep("0xa", "settle:3", nonce, str(nonce), None), range(8)))
    assert done.count(True) == 1
    assert outbox.find("0xa", "settle:3") == str(done.index(True))


def test_what_is_decided_is_dropped_unless_it_was_sent_anew_meanwhile(store: sa.Engine) -> None:
    outbox = StoredOutbox(store)
    outbox.keep("0xa", "settle:3", 7, "one", None)
    outbox.drop("0xa", "settle:3", 6)
    assert outbox.find("0xa", "settle:3") == "one"
    outbox.drop("0xa", "settle:3", 7)
    assert outbox.find("0xa", "settle:3") is None
