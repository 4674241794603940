import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from oracle.model import Reason
from oracle.probes.engine import Request, fetch_all
from tests.fixtures.node import ROOT
from tests.hostile.servers import ADDRESS, KINDS, Running, running
from tests.hostile.servers_http import ELSEWHERE
from tests.hostile.soak import MAX_BYTES

PROBES = 2_000


@pytest.fixture(scope="module")
def servers() -> Iterator[Running]:
    with running() as started:
        yield started


def test_hostile_servers_exceed_no_limit_and_always_have_a_reason() -> None:
    command = [sys.executable, "-m", "tests.hostile.soak", str(PROBES), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    result = json.loads(done.stdout)
    assert result["violations"] == []
    assert (done.returncode, done.stderr) == (0, "")
    assert result["probes"] == PROBES
    assert result["reasons"].keys() == KINDS.keys()
    never = [name for name, kind in KINDS.items() if not kind.reasons & result["reasons"][name].keys()]
    assert not never, f"always out of time: {', '.join(never)}"


def test_there_are_many_kinds_of_hostile_servers() -> None:
    assert len(KINDS) >= 20 + len(ELSEWHERE)


def test_no_hostile_server_can_choose_to_be_unknown(servers: Running) -> None:
    """With the time that a node gives them: their own limit, and a little more."""
    asked = [Request(servers.url(name), ADDRESS, timeout_ms=1_000, max_bytes=MAX_BYTES, retries=1) for name in KINDS]
    responses = fetch_all(asked, 1.2, concurrency=len(asked), ca_file=servers.trusted)
    unknown = {name for name, one in zip(KINDS, responses, strict=True) if one.reason is Reason.NOT_MEASURED}
    assert not unknown


@pytest.mark.parametrize("name", ["TLS: endless garbage", "TLS: a chunk extension without end"])
def test_a_flood_that_is_read_without_end_keeps_no_other_waiting(servers: Running, name: str) -> None:
    floods = [Request(servers.url(name), ADDRESS, timeout_ms=9_000) for _ in range(4)]
    quick = Request(servers.url("a demand for Basic"), ADDRESS, timeout_ms=9_000, delay_ms=300)
    *flooded, other = fetch_all([*floods, quick], 20.0, ca_file=servers.trusted)
    assert {response.reason for response in flooded} <= KINDS[name].reasons
    assert other.status == 401
    assert other.phases.total_ms < 2_500
