"""What may be called: only places under a prefix that the agent's own configuration names.

Addresses are read by one strict pattern of our own and the connection is made to the parts that it
found, so no second reader can understand an address differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(/[!-~]*)?", re.IGNORECASE
)
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
PORTS = {"http": 80, "https": 443}


class NotAllowed(ValueError):
    """The address cannot be read, or no target of the configuration covers it."""


@dataclass(frozen=True)
class Address:
    """An http or https address in its parts; ``host`` in lower case, ``path`` from the slash."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """As the ``Host`` header has it."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def bare_host(self) -> str:
        """For the name service: an IPv6 address without its brackets."""
        return self.host.strip("[]")

    @property
    def request_target(self) -> str:
        return self.path + self.query

    def at(self, target: str) -> Address:
        """Another path (and query) on the same host. Raises NotAllowed."""
        return read_address(f"{self.scheme}://{self.host}:{self.port}{target}")

    def __str__(self) -> str:
        """Without the query, which may name a customer."""
        return f"{self.scheme}://{self.authority}{self.path}"


def read_address(url: str) -> Address:
    """Raises NotAllowed for everything that could be understood in two ways: user names, backslashes,
    fragments, broken or double escapes that climb out of a folder."""
    match = _URL.fullmatch(url.partition("?")[0])
    if match is None or re.search(r"[^!-~]|[\\#]", url):
        raise NotAllowed("the address is not a plain http or https address")
    scheme, host = match.group(1).lower(), match.group(2).lower()
    port = int(match.group(3) or PORTS[scheme])
    path, query = match.group(4) or "/", url.partition("?")[1] + url.partition("?")[2]
    if not 0 < port < 65536:
        raise NotAllowed("the address has no possible port")
    if _climbs(path):
        raise NotAllowed("the path contains steps that lead out of its folder, or broken escapes")
    return Address(scheme, host, port, path, query)


def _climbs(path: str) -> bool:
    """Whether a server could read a step such as ``..`` out of the path, however it is escaped:
    as it stands, or unescaped again and again, with either slash, and with the trailing blanks,
    dots and ``;parameters`` that some servers cut off."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", path):
        return True
    seen = path
    while True:
        for segment in re.split(r"[/\\]", seen):
            name = segment.partition(";")[0]
            if "." in name and not name.strip(". "):
                return True
        # \xc0 and \xc1 begin over-long UTF-8 only, and %uXXXX is read by older IIS.
        if re.search(r"[\x00-\x1f\x7f\xc0\xc1]|%u[0-9a-f]{4}", seen, re.IGNORECASE):
            return True
        further = unquote_to_bytes(seen.encode("latin-1")).decode("latin-1")
        if further == seen:
            return False
        seen = further


def _plain(path: str) -> str:
    """The path with unreserved characters unescaped and the other escapes in upper case
    (RFC 3986, section 6.2.2)."""

    def one(match: re.Match[str]) -> str:
        value = int(match.group(1), 16)
        return chr(value) if value in _UNRESERVED else f"%{value:02X}"

    return re.sub(r"%([0-9A-Fa-f]{2})", one, path)


@dataclass(frozen=True)
class Prefix:
    """An origin and the path under which everything is allowed."""

    address: Address

    def covers(self, address: Address) -> bool:
        if address.origin != self.address.origin:
            return False
        own, path = _plain(self.address.path), _plain(address.path)
        return path == own or path.startswith(own if own.endswith("/") else own + "/")

    def __str__(self) -> str:
        return str(self.address)


def read_prefix(url: str) -> Prefix:
    """Raises NotAllowed."""
    if "?" in url:
        raise NotAllowed("a target has no question mark: it is the beginning of addresses")
    return Prefix(read_address(url))
