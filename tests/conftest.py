"""Shared by every test: nothing leaves this machine, and Keccak is the fast one."""

import os

os.environ["ETH_HASH_BACKEND"] = "pysha3"  # before anything can import eth_hash

import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

# A deadline measures how busy the machine is, not the code.
settings.register_profile("mirrorbond", deadline=None)
settings.load_profile("mirrorbond")

pytest_plugins = [
    "pytester",
    "tests.fixtures.browser",
    "tests.fixtures.chain",
    "tests.fixtures.indexed",
    "tests.fixtures.migrated",
    "tests.fixtures.nodes",
    "tests.fixtures.store",
    "tests.fixtures.served",
    "tests.fixtures.stage",
]


def is_loopback(family: int, address: Any) -> bool:
    """Whether a socket of this family stays on this machine when it talks to the address."""
    if family == socket.AF_UNIX:
        return True
    if family not in (socket.AF_INET, socket.AF_INET6):
        return False
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:  # a name: resolving it would already leave the machine
        return False


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that talks to anything but loopback.

    Limits: pycurl, uvloop and child processes have sockets of their own, which this does not see.
    """
    tried: list[str] = []

    def guarded(method: Callable[..., Any], position: int) -> Callable[..., Any]:
        def call(self: socket.socket, *args: Any) -> Any:
            address = args[position]
            if not is_loopback(self.family, address):
                tried.append(str(address))
                raise OSError(f"network access in a test: {address}")
            return method(self, *args)

        return call

    for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name), position))
    yield
    # Also when the code under test took the OSError for a dead peer.
    if tried:
        pytest.fail(f"network access in a test: {', '.join(tried)}")
