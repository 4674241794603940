"""The demo's node: `mirrorbond node` as a process, with nothing in its environment but what the demo says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oracle.devnet.actors import Keystores
from oracle.devnet.chain import CHAIN_ID
from oracle.devnet.stage import Ground
from oracle.errors import ProcessFailed
from oracle.processes import start, stop, wait_until

NODE_NAME = "demo"
READY_S = 60


class NodeProcess:
    """One node with its home; everything that it starts ends with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home.parent / "logs" / "node.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def store_url(self) -> str:
        """Where its store is."""
        return f"sqlite:///{self.home / 'store.sqlite'}"

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it; it is not ready yet."""
        argv = [sys.executable, "-m", "oracle", "node"]
        self._process = start(argv, self.log, env=environment)

    def wait(self) -> None:
        """Wait until queue, worker and API answer.

        Raises: ProcessFailed with the node's own last words.
        """
        if self._process is None:
            raise ProcessFailed("the node has not been started")
        try:
            wait_until(lambda: bool(self.state().get("ready")), self._process, "the node", READY_S)
        except ProcessFailed as failed:
            raise ProcessFailed(f"{failed}: {self._last_words()}") from failed

    def check(self) -> None:
        """Make sure that the supervisor is still there.

        Raises: ProcessFailed.
        """
        if self._process is not None and self._process.poll() is not None:
            raise ProcessFailed(f"the node ended with status {self._process.returncode}: {self._last_words()}")

    def state(self) -> dict[str, Any]:
        """What the node writes of itself: its pids and the API's address; empty before it is up."""
        try:
            state: dict[str, Any] = json.loads((self.home / "node.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    @property
    def url(self) -> str:
        """Where its pages are."""
        return str(self.state()["api"]["url"])

    def stop(self) -> None:
        """Stop it with all that it started."""
        if self._process is not None:
            stop(self._process, patience_s=20)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else f"nothing in {self.log}"


def environment(ground: Ground, keystores: Keystores, home: Path, placement: Path, port: int) -> dict[str, str]:
    """The node's whole environment: settings of the person at the keyboard are not the demo's."""
    settings = {
        "home": home,
        "rpc_url": ground.fund_contract.chain.rpc_url,
        "chain_id": CHAIN_ID,
        "fund_contract": ground.deployment.fund,
        "committee_contract": ground.deployment.committee,
        "committee": ground.committee,
        "first_block": ground.deployment.first_block,
        "keystores": ",".join(str(file) for file in keystores.files),
        "password_file": keystores.password_file,
        "node_name": NODE_NAME,
        "api_port": port,
        "allow_loopback": "true",
        "placement_file": placement,
    }
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ETH_HASH_BACKEND": "pysha3",
    } | {f"MIRRORBOND_{name.upper()}": str(value) for name, value in settings.items()}
