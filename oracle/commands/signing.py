"""Files that go round the members of a committee: written once, kept with more signatures, posted with a quorum's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oracle.chain.structs import CommitteeConfig
    from oracle.model import Address


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


def keep(file: Path, content: dict[str, Any]) -> None:
    """Writes the file again. Raises: InvalidInput."""
    from oracle.errors import InvalidInput

    try:
        file.write_text(json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be written: {error.strerror}") from error


def of_quorum(valid: Mapping[Address, str], config: CommitteeConfig) -> dict[int, bytes]:
    """As many of the signatures as the quorum needs, by index of the members.

    Raises: InvalidInput if they are too few.
    """
    from oracle.errors import InvalidInput

    if len(valid) < config.quorum:
        raise InvalidInput("--post", f"{len(valid)} members have signed, the quorum is {config.quorum}")
    signed = {
        index: bytes.fromhex(valid[member].removeprefix("0x"))
        for index, member in enumerate(config.members)
        if member in valid
    }
    return dict(list(signed.items())[: config.quorum])
