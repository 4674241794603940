"""A strict reading of the URLs of mirrors and primaries: one canonical form, or a sentence that says how to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote

from oracle.errors import InvalidInput

LONGEST_URL = 512
_AUTHORITY = re.compile(r"(\[(?P<six>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(:(?P<port>.*))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_BLANK = re.compile(r'[\x00-\x20\x7f\\"<>^`{|}]')
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*")
# Ports that the Fetch standard forbids to browsers: a mirror there serves nobody.
# fmt: off
_PORTS_REFUSED = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A checked URL in its one canonical form: `host` in lower case without brackets, `path` without a last slash."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _default_port(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def __str__(self) -> str:
        return self.origin + self.path

    def join(self, url_path: str) -> str:
        """The URL of a file below the base; `url_path` is percent-encoded already."""
        return f"{self.origin}{self.path}/{url_path.lstrip('/')}"


def parse_url(url: str, name: str = "url") -> BaseUrl:
    """A mirror's or primary's base URL, checked; `str()` of the result is its canonical form.

    Raises: InvalidInput for the field `name`, saying what is wrong and how to mend it.
    """
    _check_text(url, name)
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("http", "https"):
        raise InvalidInput(name, "must begin with http:// or https://")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise InvalidInput(name, "must not hold credentials; remove the part before the @")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidInput(name, "has no valid host; write https://host/path, an IPv6 address in brackets")
    host = _ipv6(match["six"], name) if match["six"] is not None else _host(match["host"], name)
    return BaseUrl(scheme, host, _port(match["port"], scheme, name), _path(slash + path, name))


def may_redirect(url: str, location: str) -> bool:
    """Whether a redirect stays on the host: same port, or from http up to https on any."""
    if not (location.isascii() and location.isprintable()):  # libcurl makes it so wherever it can
        return False
    try:
        old, new = _origin(url), _origin(location)
    except InvalidInput:
        return False
    upgraded = (old.scheme, new.scheme) == ("http", "https")
    return old.host == new.host and (upgraded or (old.scheme, old.port) == (new.scheme, new.port))


def _origin(url: str) -> BaseUrl:
    without_query = url.partition("#")[0].partition("?")[0]
    return parse_url("/".join(without_query.split("/", 3)[:3]))


def _check_text(url: str, name: str) -> None:
    if len(url) > LONGEST_URL:
        raise InvalidInput(name, f"has {len(url)} characters; at most {LONGEST_URL} are allowed")
    if not url.isascii():
        raise InvalidInput(name, "holds other than ASCII characters; write the host as punycode and the path as %XX")
    if _BLANK.search(url):
        raise InvalidInput(name, 'holds a blank, control character or one of \\ " < > ^ ` { | }; write it as %XX')
    if "#" in url:
        raise InvalidInput(name, "must not hold a fragment; remove the # and what follows")
    if "?" in url:
        raise InvalidInput(name, "must not hold a query; remove the ? and what follows")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _port(digits: str | None, scheme: str, name: str) -> int:
    if digits is None:
        return _default_port(scheme)
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 1 <= int(digits) <= 65535:
        raise InvalidInput(name, "has no usable port after the colon; write a number from 1 to 65535")
    port = int(digits)
    if port in _PORTS_REFUSED:
        raise InvalidInput(name, f"has the port {port}, which browsers refuse; choose another")
    return port


def _host(written: str, name: str) -> str:
    host = written.lower()
    if not host:
        raise InvalidInput(name, "has no host; write https://host/path")
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        # 2130706433, 0177.0.0.1 and 0x7f.1 are all 127.0.0.1 to some and a name to others.
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise InvalidInput(
                name, f"{host} is no name and no address; write an IPv4 address as 203.0.113.7"
            ) from error
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput(name, f"{host} is no valid host name; use letters, digits, hyphens and single dots")
    return host


def _ipv6(host: str, name: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise InvalidInput(name, f"[{host}] is no IPv6 address") from error
    if address.ipv4_mapped is not None:
        raise InvalidInput(name, f"[{host}] is an IPv4 address in disguise; write {address.ipv4_mapped}")
    if address.scope_id is not None:
        raise InvalidInput(name, f"[{host}] has a zone; remove the % and what follows")
    return str(address)


def _path(path: str, name: str) -> str:
    if not _PATH.fullmatch(path):
        raise InvalidInput(name, "has a path with characters that must be written as %XX")
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise InvalidInput(name, "has a path with . or .. in it; write it without")
    if "//" in path:
        raise InvalidInput(name, "has a path with an empty part; remove the double slash")
    return path.rstrip("/")
