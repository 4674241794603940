"""The development chain: anvil or Hardhat, the same to everybody, and gone when we are."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import oracle.devnet.chain as devnet
from oracle.devnet.chain import running_chain, start_chain
from oracle.errors import PortInUse, ProcessFailed, TransactionFailed
from oracle.indexer import index_once
from oracle.model import Address
from oracle.processes import listens
from oracle.store import ledger
from oracle.store.db import close_store, open_store
from tests.fixtures.chain import World, deploy_world

ETHER = 10**18


@pytest.fixture(scope="module")
def hardhat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The contracts on `hardhat node`, which takes seconds to start: shared by this module."""
    with running_chain(tmp_path_factory.mktemp("hardhat") / "chain.log", kind="hardhat") as dev:
        yield deploy_world(dev)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    yield open_store(url)
    close_store(url)


def has_ended(pid: int) -> bool:
    """Whether no such process runs; one that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_chain_makes_blocks_by_itself_and_at_once_for_a_transaction(tmp_path: Path) -> None:
    with running_chain(tmp_path / "chain.log") as dev:
        assert dev.kind == "anvil"
        dev.give("0x" + "11" * 20, 5 * ETHER)
        assert dev.chain.balance("0x" + "11" * 20) == 5 * ETHER
        before = dev.chain.head()
        assert abs(before.timestamp_s - time.time()) < 30
        started = time.monotonic()
        deploy_world(dev)
        assert time.monotonic() - started < 3  # four transactions, none of which waits for its second
        time.sleep(2.2)
        assert dev.chain.head().number >= before.number + 4 + 2


def test_without_anvils_binary_hardhat_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devnet, "_ANVIL", tmp_path / "anvil")
    with running_chain(tmp_path / "chain.log") as dev:
        assert dev.kind == "hardhat"
    monkeypatch.setattr(devnet, "_HARDHAT", tmp_path / "hardhat")
    with pytest.raises(ProcessFailed, match="run scripts/setup"):
        start_chain(tmp_path / "chain.log")


def test_hardhat_keeps_this_machines_time(hardhat: World) -> None:
    for number in range(5):
        account = hardhat.account(f"member {number}")
        hardhat.committee.create_committee(account, [account.address], 1, account.address)
    ahead_s = hardhat.dev.chain.head().timestamp_s - time.time()
    assert -30 < ahead_s < 1  # never a second ahead for each block; behind only as long as a busy machine makes it wait
    before = hardhat.dev.chain.head().number
    time.sleep(2.2)
    assert hardhat.dev.chain.head().number >= before + 1


def test_hardhat_refuses_by_the_same_names(hardhat: World) -> None:
    member = hardhat.account("member")
    with pytest.raises(TransactionFailed) as refusal:
        hardhat.committee.create_committee(member, [member.address], 2, member.address)
    assert (refusal.value.error, refusal.value.facts) == ("QuorumNotMajority", {"quorum": 2, "members": 1})
    with pytest.raises(TransactionFailed) as refusal:
        hardhat.fund.fund_of(9)
    assert (refusal.value.error, refusal.value.facts) == ("UnknownFund", {"fund": 9})


def test_hardhat_explains_what_fails_only_in_its_block(hardhat: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.chain.transactions._gas", lambda *_: 1_000_000)
    member = hardhat.account("member")
    with pytest.raises(TransactionFailed) as refusal:
        hardhat.committee.create_committee(member, [member.address], 2, member.address)
    assert refusal.value.error == "QuorumNotMajority"


def test_hardhat_is_indexed_like_any_chain(hardhat: World, engine: sa.Engine, tmp_path: Path) -> None:
    member = hardhat.account("member")
    number, _ = hardhat.committee.create_committee(member, [member.address], 1, member.address)
    assert index_once(engine, hardhat.dev.chain, hardhat.settings(tmp_path)).complete
    config = ledger.config_at(engine, number, hardhat.epoch())
    assert config is not None
    assert config.members == (Address(member.address),)


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} is in use"):
            start_chain(tmp_path / "chain.log", port=port)


def test_a_chain_that_does_not_come_up_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devnet, "_ANVIL", Path("/bin/false"))
    with pytest.raises(ProcessFailed, match="anvil ended with status 1"):
        start_chain(tmp_path / "chain.log")


STARTS_A_CHAIN = """
import signal, sys, time
from pathlib import Path
from oracle.devnet.chain import start_chain
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
dev = start_chain(Path(sys.argv[1]), kind=sys.argv[2])
print(dev.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("kind", "by"),
    [
        ("anvil", signal.SIGKILL),
        ("anvil", signal.SIGTERM),
        ("anvil", signal.SIGINT),
        ("hardhat", signal.SIGKILL),
    ],
)
def test_no_chain_outlives_who_started_it(tmp_path: Path, kind: str, by: signal.Signals) -> None:
    argv = [sys.executable, "-c", STARTS_A_CHAIN, str(tmp_path / "chain.log"), kind]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert not has_ended(pid)
        starter.send_signal(by)
        starter.wait(10)
    deadline = time.monotonic() + 10
    while not has_ended(pid):
        assert time.monotonic() < deadline, f"{kind} runs on as {pid}"
        time.sleep(0.02)


def test_a_stopped_chain_leaves_its_port(tmp_path: Path) -> None:
    dev = start_chain(tmp_path / "chain.log")
    port = int(dev.rpc_url.rpartition(":")[2])
    assert listens("127.0.0.1", port)
    dev.stop()
    assert not listens("127.0.0.1", port)
    dev.stop()
