"""docs/probing.md states the limits that the code has, and the figures that the benchmark wrote."""

import json
import re

import pytest

from benchmarks.probe_speed import LIMITS
from oracle.checks import MOST_BODY_BYTES
from oracle.codec import POLICY_RANGES
from oracle.model import Policy
from oracle.probes import engine, handle
from oracle.probes.exchange import Request
from tests.fixtures.node import ROOT

TEXT = (ROOT / "docs" / "probing.md").read_text()
MEASURED = json.loads((ROOT / "benchmarks" / "results" / "probe.json").read_text())
USUAL = Request("http://a.example/", "192.0.2.1")
MB, KB = 1024 * 1024, 1024


def rows(title: str) -> dict[str, str]:
    """The second column of a section's table, by the first."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section, re.MULTILINE)
    return dict(cells[1:])


def test_limits_are_those_of_the_code() -> None:
    stated = rows("Limits")
    assert (
        stated["the whole request: redirects, the retry and the second connection included"]
        == f"{USUAL.timeout_ms // 1000} s"
    )
    assert stated["connecting, TLS included"] == f"{USUAL.connect_timeout_ms // 1000} s"
    first_byte = f"{USUAL.first_byte_timeout_ms // 1000} s, noticed within {engine._LOOK_EVERY_S} s"
    assert stated["until the first byte of the answer"] == first_byte
    assert f"less than {handle._SLOW_BYTES_S} bytes a second for {handle._SLOW_S} s" in TEXT
    usual, most = Policy(slots=1).max_file_bytes // MB, POLICY_RANGES["max_file_bytes"][1] // (KB * MB)
    assert f"is {usual} MiB unless it says otherwise and at most {most} GiB" in stated["bytes of the body"]
    assert f"{MOST_BODY_BYTES // KB} KiB of a check" in stated["bytes of the body"]
    headers = f"{USUAL.max_header_bytes // KB} KiB"
    assert stated["bytes of headers, 1xx answers and trailers included"].startswith(headers)
    wire = handle._OVERHEAD_BYTES // KB
    both = wire + USUAL.max_header_bytes // KB
    assert stated["bytes on the wire"] == f"{wire} KiB before an answer begins; then twice the body, and {both} KiB"
    assert stated["redirects"] == str(engine._MOST_HOPS)
    assert f"has not come back for {engine._STUCK_S} s" in TEXT


@pytest.mark.parametrize("scheme", list(LIMITS))
def test_speed_is_what_the_benchmark_wrote(scheme: str) -> None:
    stated = rows("Speed")
    for name, taken_us in MEASURED["median_us"].items():
        assert stated[name] == f"{taken_us} us"
    assert stated[f"{scheme}, of the peer"] == f"{MEASURED['ratio'][scheme]:.3f}"
    assert MEASURED["limit"] == LIMITS
    assert MEASURED["settings"]["at_once"] == engine.CONCURRENCY
