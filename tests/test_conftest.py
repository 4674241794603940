"""The guard that keeps tests on this machine is itself tested: it would fail silently otherwise."""

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import is_loopback


@pytest.mark.parametrize(
    ("family", "address", "stays"),
    [
        (socket.AF_INET, ("127.0.0.1", 80), True),
        (socket.AF_INET, ("127.1.3.1", 80), True),
        (socket.AF_INET, ("localhost", 80), True),
        (socket.AF_INET6, ("::1", 80, 0, 0), True),
        (socket.AF_UNIX, "/tmp/socket", True),  # noqa: S108
        (socket.AF_INET, ("192.0.2.1", 80), False),
        (socket.AF_INET, ("0.0.0.0", 80), False),
        (socket.AF_INET6, ("2001:db8::1", 80, 0, 0), False),
        (socket.AF_INET, ("mirror.example", 80), False),
    ],
)
def test_only_loopback_stays_on_this_machine(family: int, address: object, stays: bool) -> None:
    assert is_loopback(family, address) is stays


def test_loopback_is_reachable() -> None:
    with socket.create_server(("127.1.3.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass


def test_network_access_fails_even_a_test_that_swallows_the_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeconftest("from tests.conftest import loopback_only  # noqa: F401")
    pytester.makepyfile(
        """
        import socket

        def test_outside():
            try:
                socket.create_connection(("192.0.2.1", 80), timeout=1)
            except OSError:
                pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*network access in a test*192.0.2.1*"])


def test_keccak_is_the_fast_one() -> None:
    assert os.environ["ETH_HASH_BACKEND"] == "pysha3"
