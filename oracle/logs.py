"""Events with fields, one JSON object a line on standard error; other software's lines in the same form."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_QUIET = (
    "celery.beat",
    "celery.worker.strategy",
    "celery.app.trace",
    "kombu",
    "alembic",
    "urllib3",
    "web3",
    "httpx",
    "httpcore",
)
"""These say something for every message or request."""


def configure_logging(level: str) -> None:
    """Log everything from `level` on (debug, info, warning or error)."""
    least = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(least)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
