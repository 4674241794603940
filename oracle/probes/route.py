"""By which way a probe leaves when it does not leave as all others do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """Another address or interface of this node, or a proxy's URL; neither for the usual way. What goes by a route is
    asked in a browser's words, which tell nobody that it is a probe."""

    source: str = ""
    proxy: str = ""

    @classmethod
    def parse(cls, text: str) -> Route:
        """From a setting: an address or the name of an interface of this machine, or a proxy's URL."""
        return cls(proxy=text) if "://" in text else cls(source=text)


USUAL = Route()
