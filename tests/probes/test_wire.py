import contextlib
import os
import resource
import time
from collections.abc import Iterator

import pycurl
import pytest

from oracle.probes.wire import Finished, Wire
from tests.fixtures.hostile import Hostile, answer, says

WANTED = 1_100


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Every descriptor below 1024 is taken."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] != resource.RLIM_INFINITY and limits[1] < WANTED + 200:
        pytest.skip("this machine allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], WANTED + 200), limits[1]))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(WANTED)]
    yield
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def run(wire: Wire, easy: pycurl.Curl) -> tuple[list[Finished], int]:
    wire.add(easy)
    ended: list[Finished] = []
    turns, end = 0, time.monotonic() + 5
    while not ended and time.monotonic() < end:
        ended += wire.turn(1.0)
        turns += 1
    wire.remove(easy)
    return ended, turns


def test_descriptors_beyond_1023_are_waited_for_without_spinning(many_descriptors: None) -> None:
    pieces = (answer(b"ok")[:-1], b"k")
    with Hostile(says(b"", *pieces, pause_s=0.15)) as server, contextlib.closing(pycurl.Curl()) as easy:
        easy.setopt(pycurl.URL, server.url)
        easy.setopt(pycurl.WRITEFUNCTION, lambda _body: None)
        wire = Wire()
        ended, turns = run(wire, easy)
        wire.close()
    assert [(code, text) for _, code, text in ended] == [(0, "")]
    assert turns < 50


def test_a_turn_without_anything_to_do_ends_in_time() -> None:
    wire = Wire()
    began = time.monotonic()
    assert wire.turn(0.05) == []
    wire.close()
    assert 0.04 < time.monotonic() - began < 1
