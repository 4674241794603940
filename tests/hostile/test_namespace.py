import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.fixtures.node import ROOT
from tests.hostile.namespace import HOSTS, PUBLIC

ANSWERED = {"good.example", "six.example", "8.8.8.8", "[2606:4700::1111]"}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What came of all probes in a network namespace of their own, without any loopback exception."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("unshare and ip are needed for a network namespace")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system permits no user namespaces")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.hostile.namespace"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_nobody_on_a_private_address_is_ever_connected_to(seen: dict[str, Any]) -> None:
    assert seen["trapped"] == []


def test_the_kernel_saw_connections_to_public_addresses_only(seen: dict[str, Any]) -> None:
    if seen["connected"] is None:
        pytest.skip("there is no strace here to watch the sockets")
    assert set(seen["connected"]) <= set(PUBLIC)
    assert {"8.8.8.8", "2606:4700::1111"} <= set(seen["connected"])


def test_public_addresses_are_probed_and_all_others_refused_however_they_are_written(seen: dict[str, Any]) -> None:
    others = {"address_refused"}
    expected = {host: {"200"} if host in ANSWERED else others for host in HOSTS}
    expected["rebinding.example"] = {"200", "address_refused"}
    assert {host: set(told.split()) for host, told in seen["hosts"].items()} == expected


def test_no_redirect_leads_away_from_a_public_address(seen: dict[str, Any]) -> None:
    assert set(seen["redirects"].values()) == {"redirect"}
    assert len(seen["redirects"]) == len(HOSTS) - 1
