"""A development chain on this machine: anvil, or where its binary is missing `hardhat node`. It ends with us."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import oracle
from oracle.chain.client import Chain, connect
from oracle.errors import ChainUnreachable, ProcessFailed
from oracle.processes import check_port, free_port, start, stop, wait_until

CHAIN_ID = 31_337
HOST = "127.0.0.1"
BLOCK_TIME_S = 1
READY_S = 30
_ROOT = Path(oracle.__file__).parent.parent
_MODULES = _ROOT / "node_modules"
_ANVIL = _MODULES / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
_HARDHAT = _MODULES / "hardhat" / "dist" / "src" / "cli.js"
_NODE = _ROOT / ".venv" / "node" / "bin" / "node"


@dataclass(frozen=True, slots=True)
class DevChain:
    """A running development chain; `kind` is "anvil" or "hardhat"."""

    kind: str
    rpc_url: str
    process: subprocess.Popen[bytes]
    chain: Chain

    def give(self, account: str, amount_wei: int) -> None:
        """Sets an account's native coin."""
        self.chain.rpc("hardhat_setBalance", account, hex(amount_wei))

    def mine(self, blocks: int = 1) -> None:
        """Makes blocks now."""
        self.chain.rpc("hardhat_mine", hex(blocks))

    def pass_time(self, seconds: int) -> None:
        """Lets time on the chain run ahead, and makes a block there."""
        self.chain.rpc("evm_increaseTime", seconds)
        self.mine()

    def stop(self) -> None:
        """Ends the chain; its state is lost."""
        stop(self.process)


def start_chain(log: Path, port: int = 0, kind: str = "", block_time_s: int = BLOCK_TIME_S) -> DevChain:
    """Starts a chain and waits until it answers; `port` 0 takes a free one, `block_time_s` 0 makes no block by itself.

    `kind` "" is anvil where its binary is installed.

    Raises: PortInUse; ProcessFailed.
    """
    check_port("the development chain", HOST, port)
    port = port or free_port(HOST)
    kind = kind or ("anvil" if _ANVIL.exists() else "hardhat")
    argv = _anvil(port, block_time_s) if kind == "anvil" else _hardhat(port)
    # Hardhat looks for its configuration in its working folder.
    process = start(argv, log, cwd=_ROOT)
    url = f"http://{HOST}:{port}"
    try:
        wait_until(lambda: _answers(url), process, kind, READY_S)
        started = DevChain(kind, url, process, connect(url, CHAIN_ID))
        if kind == "hardhat":
            started.chain.rpc("evm_setIntervalMining", block_time_s * 1_000)
    except BaseException:
        stop(process)
        raise
    return started


@contextmanager
def running_chain(log: Path, port: int = 0, kind: str = "", block_time_s: int = BLOCK_TIME_S) -> Iterator[DevChain]:
    """A chain that is stopped at the end of the block."""
    started = start_chain(log, port, kind, block_time_s)
    try:
        yield started
    finally:
        started.stop()


def _anvil(port: int, block_time_s: int) -> list[str]:
    argv = [str(_ANVIL), "--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--enable-tx-gas-limit"]
    argv += ["--accounts", "1", "--silent"]
    if block_time_s:
        argv += ["--block-time", str(block_time_s), "--mixed-mining"]
    return argv


def _hardhat(port: int) -> list[str]:
    if not _HARDHAT.exists() or not _NODE.exists():
        raise ProcessFailed("neither anvil nor hardhat is installed: run scripts/setup")
    return [str(_NODE), str(_HARDHAT), "node", "--network", "node", "--hostname", HOST, "--port", str(port)]


def _answers(url: str) -> bool:
    try:
        connect(url, timeout_s=2)
    except ChainUnreachable:
        return False
    return True
