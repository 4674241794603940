"""Logs are one JSON object a line, also those of other software, and keep quiet where asked to."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from oracle.logs import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger().info("report_posted", epoch=7)
    logging.getLogger("somebody").warning("else %s", 1)
    written = capsys.readouterr()
    first, second = map(json.loads, written.err.splitlines())
    assert (first["event"], first["epoch"], first["level"]) == ("report_posted", 7, "info")
    assert (second["event"], second["logger"], second["level"]) == ("else 1", "somebody", "warning")
    assert written.out == ""


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_lower_levels_are_left_out(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level)
    for say in (structlog.get_logger().debug, structlog.get_logger().info, structlog.get_logger().warning):
        say("said")
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        int("broken")
    except ValueError:
        logging.getLogger("somebody").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_whoever_says_something_for_every_message_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    logging.getLogger("celery.beat").info("sending due task")
    logging.getLogger("celery.beat").warning("no broker")
    assert len(capsys.readouterr().err.splitlines()) == 1
