"""The data in force: those that `mirrorbond placement update` put into a node's home, else those shipped."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import structlog

from oracle.errors import InvalidInput
from oracle.fields import list_of, object_of, parse_json, text_of
from oracle.placement.ranges import Ranges, Source, read_source

FILE_NAME = "placement.bin"

log = structlog.get_logger()


def pinned() -> tuple[str, tuple[Source, ...]]:
    """The digest of the data shipped, and the packages that they were made from."""
    fields = object_of("pins.json", parse_json("pins.json", _resource("pins.json")), ("digest", "sources"))
    return text_of("digest", fields["digest"], 64), list_of("sources", fields["sources"], read_source, 10)


def ranges(home: Path | None = None) -> Ranges:
    """The data in force for a node, opened once and again when they were renewed.

    Raises: InvalidInput if those shipped cannot be used.
    """
    own = home / FILE_NAME if home else None
    if own is not None and own.exists():
        try:
            return _opened(own, own.stat().st_mtime_ns)
        except InvalidInput as error:  # those shipped are older, but whole
            log.warning("placement_unreadable", problem=str(error))
    with as_file(files("oracle.placement").joinpath(FILE_NAME)) as path:
        return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, _changed_ns: int) -> Ranges:
    return Ranges(path)


def _resource(name: str) -> bytes:
    return files("oracle.placement").joinpath(name).read_bytes()
