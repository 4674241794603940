"""By which way a probe leaves when it does not leave as all others do."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from oracle.probes.guard import is_address


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

    def bind(self, opened: socket.SocketType) -> None:
        """Let a connection leave from the address or through the interface.

        Raises: OSError if this machine has no such, or it cannot reach an address of the other family.
        """
        if not self.source:
            return
        if is_address(self.source):
            opened.bind((self.source, 0))
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.source.encode())

    def leads_to(self, address: str) -> bool:
        """Whether this machine itself knows a way to the address. Connecting a datagram socket sends nothing."""
        try:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as opened:
                self.bind(opened)
                opened.connect((address, 9))
        except OSError:
            return False
        return True


USUAL = Route()
