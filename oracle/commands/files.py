"""Files that commands read and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_file(path: Path, most: int = 1 << 20) -> bytes:
    """A file that somebody named. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    try:
        with path.open("rb") as file:
            body = file.read(most + 1)
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be read: {error.strerror}") from error
    if len(body) > most:
        raise InvalidInput(str(path), f"has more than {most} bytes")
    return body


def write_new(path: Path, text: str) -> None:
    """Writes a file that is not there. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError as error:
        raise InvalidInput(str(path), "is already there; name a new file") from error
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be written: {error.strerror}") from error


def rewrite(path: Path, content: dict[str, Any]) -> None:
    """Writes the file again, whole or not at all. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    whole = path.with_name(f"{path.name}.new")
    try:
        whole.write_text(json.dumps(content, indent=1) + "\n")
        whole.replace(path)
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be written: {error.strerror}") from error
