"""One job from its arrival to its answer."""

from __future__ import annotations

import logging
import re
import time

from . import wire
from .allow import NotAllowed, read_address
from .config import BASIC, CONNECTOR, NONE, Config, Target
from .connector import Connector, Refused, Unreachable
from .onsite import AGAIN_SECONDS, Answer, Call, Lines, Windows
from .passwords import NoPassword, password_of
from .troubles import NotCarried
from .windows_sign_in import Credentials
from .wire import Codes

LOG = logging.getLogger("ml_connector_agent.jobs")
LONGEST_WHOLE = 600.0  # seconds, whatever the connector asks
TELL_SECONDS = 60.0  # after a job's own time, in which its answer may still be told
MOST_AUTHORITY = 256 * 1024
_METHOD = re.compile(r"[A-Z]{3,20}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_CARRIED = frozenset(
    [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "x-original-url",  # by these two some servers read another path than the one that we allow
        "x-rewrite-url",
        "proxy-authorization",
        "proxy-connection",
        "proxy-authenticate",
    ]
)


class Carrier:
    """Carries jobs out. Safe for threads."""

    def __init__(self, config: Config, connector: Connector, lines: Lines) -> None:
        self._config, self._connector, self._lines = config, connector, lines

    def carry(self, job: wire.Job) -> None:
        """Answers the job or says its trouble; never raises for what can happen on a network."""
        started = time.monotonic()
        end = started + max(1.0, min(job.whole_seconds, LONGEST_WHOLE))
        until = end + TELL_SECONDS
        outcome = ""
        try:
            try:
                answer = self._sent(job, end)
                outcome = str(answer.status)
                self._hand_over(job, answer, started, until)
            except NotCarried as trouble:
                outcome = f"{trouble.code}: {trouble.words}"
                self.tell(job.id, trouble, until=until)
        except Refused as refusal:
            outcome += f" ({refusal.code}: the connector waits no longer)"
        except Unreachable as error:
            outcome += f" (could not be told: {error})"
        finally:
            milliseconds = (time.monotonic() - started) * 1000
            method = job.method if _METHOD.fullmatch(job.method) else "(no method)"
            LOG.info("%s %s %s %.0f ms", method, place_of(job.url), outcome, milliseconds)

    def tell(self, job: str, trouble: NotCarried, *, until: float) -> None:
        """Raises Refused and Unreachable."""
        path = wire.job_path(job, wire.TROUBLE)
        self._connector.insist(path, trouble.on_wire().to_json(), until=until)

    def _sent(self, job: wire.Job, end: float) -> Answer:
        """Raises NotCarried."""
        call = self._call(job, end)
        line = self._lines.ready(call)
        if not job.begin_first and call.is_safe:
            return self._lines.send(line, call, until=end)
        if not self._connector.may_begin(job.id):
            self._lines.keep(line)
            raise NotCarried(Codes.TOO_LATE, "the connector did not let it begin", sent=False)
        return self._lines.send(line, call, until=time.monotonic() + AGAIN_SECONDS)

    def _call(self, job: wire.Job, end: float) -> Call:
        """What to send, by the law of our own configuration. Raises NotCarried."""
        try:
            address = read_address(job.url)
            target = self._config.target_for(address)
            content = job.content
        except (NotAllowed, wire.WireError) as error:
            raise NotCarried(Codes.NOT_ALLOWED, str(error), sent=False) from None
        if len(content) > wire.MOST_REQUEST_BYTES:
            raise NotCarried(Codes.TOO_LARGE, "the request is larger than 8 MiB", sent=False)
        if not _METHOD.fullmatch(job.method) or job.method in ("CONNECT", "TRACE"):
            raise NotCarried(Codes.NOT_ALLOWED, f"no method {job.method[:20]!r}", sent=False)
        if len(job.authority) > MOST_AUTHORITY:
            raise NotCarried(Codes.TLS, "the certificate authority is too long", sent=False)
        account = self._account(job, target)
        windows = basic = None
        if account and target.sign_in == BASIC:
            basic = account
        elif account:
            page = (job.sign_in or {}).get("page") or target.page or target.prefix.address.path
            try:
                at = address.at(str(page))
                self._config.target_for(at)
            except NotAllowed as error:
                words = f"the page of the sign-in: {error}"
                raise NotCarried(Codes.NOT_ALLOWED, words, sent=False) from None
            windows = Windows(account, at)
        return Call(
            job.method,
            address,
            _headers(job, with_authorization=target.sign_in == CONNECTOR and not windows),
            content,
            end,
            windows=windows,
            basic=basic,
            ca_file=target.ca_file,
            # Whom an account of ours is shown to is not for the connector to say.
            authority="" if target.has_account else job.authority,
            connect_seconds=max(0.5, min(job.connect_seconds, 60.0)),
            read_seconds=max(0.5, min(job.read_seconds, LONGEST_WHOLE)),
        )

    def _account(self, job: wire.Job, target: Target) -> Credentials | None:
        """The account of our own configuration, whatever the job brings; the job's if ours says
        so; None without a sign-in. Raises NotCarried."""
        if target.has_account:
            try:
                return Credentials(target.user, password_of(target, self._config))
            except NoPassword as error:
                raise NotCarried(Codes.NO_ACCOUNT, str(error), sent=False) from None
        if job.on_site or (job.sign_in and target.sign_in == NONE):
            raise NotCarried(
                Codes.NO_ACCOUNT,
                f"a sign-in is needed, and sign_in of the target {target.url} in "
                f"{self._config.path} is {target.sign_in!r}",
                sent=False,
            )
        if not job.sign_in:
            return None
        given = job.sign_in
        return Credentials(str(given.get("account", "")), str(given.get("password", "")))

    def _hand_over(self, job: wire.Job, answer: Answer, started: float, until: float) -> None:
        """Pass the answer on in parts, in order. Raises NotCarried, Refused and Unreachable."""
        path = wire.job_path(job.id, wire.ANSWER)
        number = size = 0
        try:
            if (answer.length or 0) > wire.MOST_ANSWER_BYTES:
                raise NotCarried(Codes.TOO_LARGE, "the answer is larger than 64 MiB", sent=True)
            while True:
                data, is_last = answer.read(wire.PART_BYTES)
                size += len(data)
                if size > wire.MOST_ANSWER_BYTES:
                    raise NotCarried(Codes.TOO_LARGE, "the answer is larger than 64 MiB", sent=True)
                head = None
                if number == 0:
                    took = int((time.monotonic() - started) * 1000)
                    kept = [[n, v] for n, v in answer.headers if n.lower() not in _NOT_PASSED_ON]
                    head = wire.Head(answer.status, answer.reason, kept, took)
                part = wire.Part(number, data, is_last, head).pack()
                self._connector.insist(path, part, until=until)
                if is_last:
                    return
                number += 1
        finally:
            answer.close()


_NOT_PASSED_ON = frozenset(
    ["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"]
)


def _headers(job: wire.Job, *, with_authorization: bool) -> tuple[tuple[str, str], ...]:
    """Raises NotCarried."""
    kept = []
    for name, value in job.headers.items():
        if name.lower() in _NOT_CARRIED or (
            name.lower() == "authorization" and not with_authorization
        ):
            continue
        if (
            not isinstance(value, str)
            or not _NAME.fullmatch(name)
            or re.search("[\r\n\0]", value)
            or not value.isascii()
        ):
            raise NotCarried(Codes.NOT_ALLOWED, "a header cannot be sent as it is", sent=False)
        kept.append((name, value))
    return tuple(kept)


def place_of(url: str) -> str:
    """Host and path for the log, without the query."""
    try:
        address = read_address(url)
    except NotAllowed:
        return "(an address that cannot be read)"
    return f"{address.authority} {address.path}"
