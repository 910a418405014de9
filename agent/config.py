"""The one configuration file: read whole, and every mistake named with its key."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .allow import Address, NotAllowed, Prefix, read_address, read_prefix

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WINDOWS, BASIC, CONNECTOR, NONE = "windows", "basic", "connector", "none"
SIGN_INS = (CONNECTOR, WINDOWS, BASIC, NONE)
MOST_SLOTS = 32
_PASSWORDS = ("password_file", "password_credential", "password_env")


class ConfigError(ValueError):
    """A sentence for the person who wrote the file."""


@dataclass(frozen=True)
class Target:
    """A place that may be called. ``sign_in``: as the connector says, or with an account of this
    file, whose password comes from at most one of the three sources, else from ``set-password``.
    ``page`` is the path that ``check`` signs in with."""

    url: str
    prefix: Prefix
    sign_in: str = CONNECTOR
    user: str = ""
    password_file: str = ""
    password_credential: str = ""
    password_env: str = ""
    ca_file: str = ""
    page: str = ""

    @property
    def has_account(self) -> bool:
        return self.sign_in in (WINDOWS, BASIC)


@dataclass(frozen=True)
class Config:
    """``proxy`` is ``system``, ``none`` or the address of one."""

    path: Path
    url: str
    proxy: str
    ca_file: str
    state: Path
    slots: int
    log_file: str
    targets: tuple[Target, ...]

    def target_for(self, address: Address) -> Target:
        """The target with the longest prefix over this address. Raises NotAllowed."""
        covering = [target for target in self.targets if target.prefix.covers(address)]
        if not covering:
            raise NotAllowed(f"{address} is under no [[target]] of {self.path}")
        return max(covering, key=lambda target: len(target.prefix.address.path))


def load(path: Path) -> Config:
    """Raises ConfigError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        hint = ""
        if "\\" in str(error) or "escape" in str(error).lower():
            hint = "; write a value with backslashes in single quotes: 'DOMAIN\\user'"
        raise ConfigError(f"{path} is not TOML: {error}{hint}") from error
    try:
        return _config(path, given)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _config(path: Path, given: Mapping[str, Any]) -> Config:
    _known("", given, ("connector", "agent", "target"))
    connector, agent = _table(given, "connector"), _table(given, "agent")
    _known("connector.", connector, ("url", "proxy", "ca_file"))
    _known("agent.", agent, ("state", "slots", "log_file"))
    state = _text("agent.", agent, "state")
    if not state:
        raise ConfigError("agent.state is missing: the folder in which the agent keeps its key")
    if not Path(state).is_absolute():
        raise ConfigError("agent.state must be a whole path, beginning at the root or a drive")
    slots = agent.get("slots", 4)
    if type(slots) is not int or not 1 <= slots <= MOST_SLOTS:
        raise ConfigError(
            f"agent.slots is how many calls may run at the same time: 1 to {MOST_SLOTS}"
        )
    tables = given.get("target", [])
    if not isinstance(tables, list) or not tables:
        raise ConfigError("no [[target]] is there: the agent may call nothing")
    targets = tuple(_target(number, table) for number, table in enumerate(tables, 1))
    seen: set[tuple[Any, ...]] = set()
    for target in targets:
        place = (*target.prefix.address.origin, target.prefix.address.path)
        if place in seen:
            raise ConfigError(f"the target {target.url} is there twice")
        seen.add(place)
    return Config(
        path,
        _connector_url(_text("connector.", connector, "url")),
        _proxy(_text("connector.", connector, "proxy") or "system"),
        _file("connector.", connector, "ca_file"),
        Path(state),
        slots,
        _text("agent.", agent, "log_file"),
        targets,
    )


def _target(number: int, given: Any) -> Target:
    where = f"target {number}: "
    if not isinstance(given, dict):
        raise ConfigError(f"{where}is not a table; write [[target]] on a line of its own")
    _known(where, given, ("url", "sign_in", "user", *_PASSWORDS, "ca_file", "page"))
    url = _text(where, given, "url")
    try:
        prefix = read_prefix(url)
    except NotAllowed as error:
        raise ConfigError(
            f"{where}url {url!r}: {error}; give scheme, host and path, as in "
            "https://gp.example.local/GPService/"
        ) from None
    sign_in = _text(where, given, "sign_in") or CONNECTOR
    if sign_in not in SIGN_INS:
        raise ConfigError(f"{where}sign_in is {sign_in!r}; it may be {_or(SIGN_INS)}")
    user = _text(where, given, "user")
    sources = {name: _text(where, given, name) for name in _PASSWORDS}
    named = [name for name, value in sources.items() if value]
    if sign_in in (WINDOWS, BASIC):
        if not user:
            raise ConfigError(f"{where}user is missing: the account of sign_in = {sign_in!r}")
        if ":" in user and sign_in == BASIC:
            raise ConfigError(f"{where}user has a colon, which a Basic sign-in cannot carry")
        if len(named) > 1:
            raise ConfigError(f"{where}the password comes from one place, not {_or(named)}")
    elif user or named:
        raise ConfigError(
            f"{where}{'user' if user else named[0]} is only for sign_in = 'windows' or 'basic'"
        )
    page = _text(where, given, "page")
    if page:
        try:
            inside = prefix.covers(prefix.address.at(page))
        except NotAllowed:
            inside = False
        if not inside:
            raise ConfigError(f"{where}page {page!r} is not a path under the target's url")
    ca_file = _file(where, given, "ca_file")
    return Target(url, prefix, sign_in, user, ca_file=ca_file, page=page, **sources)


def _connector_url(url: str) -> str:
    if not url:
        raise ConfigError("connector.url is missing: the address that the console shows")
    try:
        address = read_address(url)
    except NotAllowed as error:
        raise ConfigError(f"connector.url {url!r}: {error}") from None
    if address.path != "/" or address.query:
        raise ConfigError("connector.url is the address of a server alone, without a path")
    if address.scheme == "http" and not is_loopback(address.bare_host):
        raise ConfigError("connector.url must begin with https: everything is encrypted")
    return f"{address.scheme}://{address.authority}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(text: str) -> str:
    if text in ("system", "none"):
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port is not None
        good = good and parts.path in ("", "/") and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            "connector.proxy is 'system', 'none' or an address with its port, "
            "as in http://proxy.example.local:3128"
        )
    return text.rstrip("/")


def _table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name)
    if not isinstance(value, dict):
        raise ConfigError(f"the table [{name}] is missing")
    return value


def _text(where: str, given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise ConfigError(f"{where}{name} must be a text in quotes")
    return value.strip()


def _file(where: str, given: Mapping[str, Any], name: str) -> str:
    value = _text(where, given, name)
    if value and not Path(value).is_file():
        raise ConfigError(f"{where}{name}: there is no file {value}")
    return value


def _known(where: str, given: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in given:
        if name not in names:
            raise ConfigError(f"{where}{name} is not known here; known are {_or(names, 'and')}")


def _or(names: Iterable[str], word: str = "or") -> str:
    *front, last = names
    return f"{', '.join(front)} {word} {last}" if front else last
