"""What the chain says is told in words, and nothing else is."""

from typing import Any

import pytest
from web3 import Web3

from oracle.chain.client import Chain
from oracle.chain.events import Event
from oracle.devnet.table import TOKEN
from oracle.devnet.watch import Watch, in_words

TX = "0x" + "ab" * 32


def event(name: str, **args: Any) -> Event:
    return Event(name, args, "0x00", 1, "0x01", TX, 0)


def settled(epoch: int, fund: int = 1, settlement: int = 0) -> Event:
    amounts = {"paid": 35 * TOKEN, "fee": 5 * TOKEN, "returned": 65 * TOKEN}
    return event("EpochSettled", fund=fund, epoch=epoch, settlement=settlement, **amounts)


@pytest.fixture
def watch() -> Watch:
    unconnected = Chain("http://127.0.0.1:1", 31_337, Web3())
    return Watch(
        unconnected, (), 0, [settled(1), settled(2), settled(3, fund=2), event("Reported", committee=1, epoch=1)]
    )


def test_epochs_are_settled_when_all_of_them_are_for_that_fund(watch: Watch) -> None:
    assert watch.settled(1, [1, 2])
    assert not watch.settled(1, [1, 2, 3])
    assert not watch.settled(2, [1])


def test_events_are_found_by_name_and_arguments(watch: Watch) -> None:
    assert [found.args["epoch"] for found in watch.all("EpochSettled")] == [1, 2, 3]
    assert [found.args["epoch"] for found in watch.all("EpochSettled", fund=2)] == [3]


def test_reports_and_settlements_are_told_in_words() -> None:
    told = in_words(event("Reported", epoch=4, signers=0b1011), "DEMO")
    assert told == f"Epoch 4: report signed by 3 and posted, {TX}"
    told = in_words(settled(4), "DEMO")
    assert told is not None
    assert "settled (paid), 30.0000 DEMO to mirrors, 5.0000 to the committee, 65.0000 back to the fund" in told
    assert "(missed)" in str(in_words(settled(4, settlement=1), "DEMO"))
    assert "(voided)" in str(in_words(settled(4, settlement=3), "DEMO"))
    locked = event("StakeLocked", mirror=4, epoch=5, amount=TOKEN // 100)
    assert in_words(locked, "DEMO") == "Epoch 5: 0.0100 of mirror 4's stake locked for wrong bytes"
    assert in_words(event("Withdrawn", mirror=1), "DEMO") is None
