"""``check``: everything that must work, each in one line of plain words."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlsplit

from . import wire
from .config import BASIC, WINDOWS, Config, Target, is_loopback
from .connector import Connector, Refused, Unreachable
from .enrolment import knows
from .identity import Identity, IdentityFile, Key, NoIdentity
from .onsite import Call, Lines, Windows
from .passwords import NoPassword, password_of
from .troubles import NotCarried
from .windows_sign_in import Credentials
from .wire import Codes

GOOD, WARNING, FAILED = "ok", "warning", "failed"
SOON_DAYS = 30  # a certificate that ends before is warned of
CLOCK_SECONDS = 30  # a clock that differs by more is warned of
CHECK_SECONDS = 30.0
NOBODY = "agt_" + "0" * 16
ADVICE = {
    Codes.NAME: "correct the target's url, or this machine's name service",
    Codes.NETWORK: "is the server on, and does a firewall between here and there allow the port?",
    Codes.TIMEOUT: "is the server on, and does a firewall between here and there allow the port?",
    Codes.TLS: "name the certificate's authority as the target's ca_file; if the name is wrong, "
    "use the one in the certificate",
    Codes.SIGN_IN: "check user and password, and that the account is not locked or expired",
}


@dataclass(frozen=True)
class Line:
    """``state`` is ok, warning or failed."""

    state: str
    what: str
    words: str
    todo: str = ""

    def __str__(self) -> str:
        text = f"{self.state:<8} {self.what}: {self.words}"
        return f"{text}. What to do: {self.todo}" if self.todo else text


def check(config: Config) -> int:
    """Print the lines; 0 unless one of them failed."""
    failed = False
    for line in lines(config):
        print(line, flush=True)
        failed = failed or line.state == FAILED
    return int(failed)


def lines(config: Config) -> Iterator[Line]:
    places = len(config.targets)
    yield Line(GOOD, "configuration", f"{config.path}, {places} target{'s' * (places != 1)}")
    file = IdentityFile(config.state)
    identity: Identity | None = None
    try:
        identity = file.read()
    except NoIdentity as error:
        yield Line(FAILED if file.exists() else WARNING, "identity", str(error))
    else:
        who = f"{identity.agent} {identity.name}".strip()
        yield Line(GOOD, "identity", f"{who}, key of {_day(identity.key.made_at)}")
    yield from _way_out(config, identity, file)
    for target in config.targets:
        yield from _target(target, config)


def _way_out(config: Config, identity: Identity | None, file: IdentityFile) -> Iterator[Line]:
    someone = identity or Identity(NOBODY, Key.new(), config.url)
    connector = Connector(config, someone, file)
    proxies = connector.proxies()
    parts = urlsplit(config.url)
    proxy = proxies.get(parts.scheme) or proxies.get("all", "")
    through = urlsplit(proxy) if proxy else parts
    port = through.port or (443 if through.scheme == "https" else 80)
    host = through.hostname or ""
    if proxy:
        source = "of this system" if config.proxy == "system" else "of the configuration"
        yield Line(GOOD, "way out", f"by the proxy {host}:{port} {source}")
    else:
        yield Line(GOOD, "way out", "without a proxy")
    yield from _reach("way out", host, port)
    try:
        asked = time.time()
        answer = _plain_answer(connector)
    except Unreachable as error:
        yield Line(FAILED, "connector", str(error), "ask for this address to be allowed outwards")
        return
    yield Line(GOOD, "connector", f"{config.url} answers" + _encrypted(config))
    yield from _clock(answer, asked)
    if identity is None:
        return
    yield from _enrolment(connector, identity)


def _reach(what: str, host: str, port: int) -> Iterator[Line]:
    try:
        found = sorted({row[4][0] for row in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)})
    except OSError:
        yield Line(FAILED, what, f"the name {host} is not known here",
                   "correct the address, or this machine's name service")  # fmt: skip
        return
    shown = ", ".join(str(one) for one in found)
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as error:
        why = error.strerror or "no answer in time"
        yield Line(FAILED, what, f"no connection to {host} ({shown}) port {port}: {why}",
                   "is it on, and does a firewall allow this port?")  # fmt: skip
        return
    yield Line(GOOD, what, f"{host} ({shown}) port {port} is open")


def _plain_answer(connector: Connector) -> wire.Refusal:
    """What the connector says to a poll that nobody signed: it is there, and its time. Raises
    Unreachable."""
    try:
        connector.ask_unsigned(wire.POLL)
    except Refused as refusal:
        return wire.Refusal(refusal.code, refusal.words, refusal.time)
    raise Unreachable("something else than the connector answers at this address")


def _encrypted(config: Config) -> str:
    return ", encrypted and trusted" if config.url.startswith("https:") else ", on this machine"


def _clock(answer: wire.Refusal, asked: float) -> Iterator[Line]:
    if not answer.time:
        return
    difference = answer.time - (asked + time.time()) / 2
    if abs(difference) > CLOCK_SECONDS:
        word = "behind" if difference > 0 else "ahead"
        yield Line(WARNING, "clock", f"this machine is {abs(difference):.0f} s {word}",
                   "let it take its time from the network")  # fmt: skip
    else:
        yield Line(GOOD, "clock", f"differs by {abs(difference):.0f} s")


def _enrolment(connector: Connector, identity: Identity) -> Iterator[Line]:
    who = f"{identity.name or identity.agent}" + (
        f" of {identity.company}" if identity.company else ""
    )
    todo = "make a token in the console and run enroll TOKEN --replace"
    try:
        if knows(connector):
            yield Line(GOOD, "enrolment", f"the connector knows this agent as {who}")
        else:
            yield Line(FAILED, "enrolment", "the connector does not know this agent", todo)
    except Refused as refusal:
        if refusal.code == wire.Refusals.UPGRADE:
            yield Line(FAILED, "enrolment", refusal.words, "install the newest version")
        else:
            yield Line(FAILED, "enrolment", "this agent was revoked in the console", todo)
    except Unreachable as error:
        yield Line(FAILED, "enrolment", str(error))


def _target(target: Target, config: Config) -> Iterator[Line]:
    address, what = target.prefix.address, target.url
    reached = True
    for line in _reach(what, address.bare_host, address.port):
        reached = line.state != FAILED
        yield line
    if not reached:
        return
    kept = Lines()
    try:
        if address.scheme == "https":
            until = kept.look_at_certificate(address, target.ca_file)
            yield _certificate(what, until)
        elif not is_loopback(address.bare_host):
            todo = "switch TLS on at that server" if target.sign_in == BASIC else ""
            yield Line(WARNING, what, "is not encrypted", todo)
        yield _signed_in(target, config, kept)
    except NoPassword as error:
        yield Line(FAILED, what, str(error))
    except NotCarried as trouble:
        yield Line(FAILED, what, trouble.words, ADVICE.get(trouble.code, ""))
    finally:
        kept.close()


def _certificate(what: str, until: datetime | None) -> Line:
    if until is None:
        return Line(GOOD, what, "the certificate is trusted")
    days = (until - datetime.now(timezone.utc)).days
    words = f"the certificate is trusted and valid until {until:%Y-%m-%d}"
    if days < SOON_DAYS:
        return Line(WARNING, what, f"{words}, for {days} days", "renew it in time")
    return Line(GOOD, what, words)


def _signed_in(target: Target, config: Config, kept: Lines) -> Line:
    """Raises NotCarried and NoPassword."""
    base = target.prefix.address
    page = base.at(target.page) if target.page else base
    windows = basic = None
    if target.has_account:
        account = Credentials(target.user, password_of(target, config))
        windows = Windows(account, page) if target.sign_in == WINDOWS else None
        basic = account if target.sign_in == BASIC else None
    call = Call(
        "GET", page, (("Accept", "*/*"),), b"", time.monotonic() + CHECK_SECONDS,
        windows=windows, basic=basic, ca_file=target.ca_file,
    )  # fmt: skip
    line = kept.ready(call)
    answer = kept.send(line, call, until=0.0)
    answer.close()
    status = f"{answer.status} {answer.reason}".strip()
    if not target.has_account:
        who = "the connector signs in" if target.sign_in == "connector" else "nobody signs in"
        return Line(GOOD, target.url, f"answers ({status}); {who}")
    if answer.status == 401:
        raise NotCarried(
            Codes.SIGN_IN, f"the account {target.user} was not accepted ({status})", sent=True
        )
    if answer.status == 403:
        return Line(WARNING, target.url, f"{target.user} is signed in, but may not open "
                    f"{page.path} ({status})", "give the account access there")  # fmt: skip
    return Line(GOOD, target.url, f"{target.user} is signed in; {page.path} answers {status}")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
