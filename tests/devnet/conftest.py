"""One demo for all tests that only look at it."""

from collections.abc import Iterator

import pytest

from tests.fixtures.demo import MOST_STARTING, DemoProcess


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """The whole demo, over and still running: its dashboard answers."""
    running = DemoProcess.start(tmp_path_factory.mktemp("demo"), "--keep", "--port", "0")
    try:
        running.wait_for("keeps running")
        yield running
        assert len(running.left_behind()) > MOST_STARTING
        assert running.interrupt() == 130
        assert running.left_behind() == []
    finally:
        running.stop()
