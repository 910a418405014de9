"""The way out: signed requests to the connector, by the system's proxy or a configured one."""

from __future__ import annotations

import http.cookiejar
import random
import socket
import statistics
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from . import __version__, trust, wire
from .config import Config
from .identity import Identity, IdentityFile, Key, NoIdentity, signed_headers

CONNECT_SECONDS = 10.0
POLL_GRACE = 15.0  # beyond POLL_SECONDS, for a slow network
SHORT_SECONDS = 30.0  # for everything else
BEGIN_SECONDS = 10.0  # in which the question whether to begin is asked again
YES_SECONDS = 5.0  # after which a yes is too old
MOST_BYTES = 4 * wire.MOST_REQUEST_BYTES  # of an answer to a poll


class Unreachable(Exception):
    """The connector did not answer, or something else did; the words say what to look at."""


class Refused(Exception):
    """The connector answered, and said no."""

    def __init__(self, refusal: wire.Refusal, status: int) -> None:
        self.code, self.words = _one_line(refusal.code, 40), _one_line(refusal.words, 300)
        super().__init__(self.words)
        self.time = refusal.time
        self.status = status


class Backoff:
    """Growing pauses with full jitter, so that many agents do not come back at the same moment."""

    def __init__(self, first: float = 1.0, most: float = 15.0) -> None:
        self._first, self._most, self._tries = first, most, 0

    def next_seconds(self) -> float:
        longest = min(self._most, self._first * 2.0 ** min(self._tries, 16))
        self._tries += 1
        return random.uniform(0.05, longest)  # noqa: S311

    def reset(self) -> None:
        self._tries = 0


class _Adapter(HTTPAdapter):
    """Trusts the operating system's authorities, where a company's own stand, and ``ca_file``."""

    def __init__(self, ca_file: str, pool: int) -> None:
        self._trusted = trust.context(ca_file)
        super().__init__(pool_connections=2, pool_maxsize=pool, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._trusted, **kwargs)


class Connector:
    """Signed requests as one identity. Safe for threads."""

    def __init__(self, config: Config, identity: Identity, file: IdentityFile) -> None:
        self.config, self.identity = config, identity
        self._file = file
        self._identity_lock = threading.Lock()
        self._offset = 0.0  # what the connector's clock is ahead of ours
        self._round_trips: deque[float] = deque(maxlen=100)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", _Adapter(config.ca_file, config.slots + 4))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=config.slots + 4, max_retries=0))

    @property
    def round_trip_ms(self) -> int:
        """Median of the last requests, polls aside; -1 before the first."""
        times = list(self._round_trips)
        return round(statistics.median(times) * 1000) if times else -1

    def proxies(self) -> Mapping[str, str]:
        """By scheme; empty without a proxy."""
        if self.config.proxy == "none":
            return {}
        if self.config.proxy == "system":
            return requests.utils.get_environ_proxies(self.config.url)
        return {"http": self.config.proxy, "https": self.config.proxy}

    def poll(self, state: wire.State) -> wire.Work:
        """Raises Unreachable and Refused."""
        wait = (wire.POLL_SECONDS if state.free else 0) + POLL_GRACE
        _, content = self.post(wire.POLL, state.to_json(), read_seconds=wait)
        try:
            return wire.Work.from_json(content)
        except wire.WireError as error:
            raise Unreachable(f"the answer is not the connector's: {error}") from error

    def leave(self, state: wire.State) -> None:
        """Raises Unreachable and Refused."""
        self.post(wire.LEAVE, state.to_json(), read_seconds=5.0)

    def may_begin(self, job: str) -> bool:
        """Whether a job that changes something may be sent now. Only a clear yes counts, and only
        a fresh one: behind a slow network the connector may have given the job up meanwhile. The
        question may be asked again."""
        path, backoff = wire.job_path(job, wire.BEGIN), Backoff(first=0.3, most=1.0)
        until = time.monotonic() + BEGIN_SECONDS
        while time.monotonic() < until:
            asked = time.monotonic()
            try:
                status, _ = self.post(path, b"", read_seconds=YES_SECONDS)
            except Refused as refusal:
                if refusal.code != wire.Refusals.BUSY:
                    return False
            except Unreachable:
                pass  # asked again below
            else:
                took = time.monotonic() - asked
                self._round_trips.append(took)
                return status == 204 and took < YES_SECONDS
            time.sleep(backoff.next_seconds())
        return False

    def insist(self, path: str, body: bytes, *, until: float) -> int:
        """Send a request that may be repeated, until it is answered; the status. Raises Refused,
        and Unreachable after ``until`` (``time.monotonic``)."""
        backoff = Backoff(first=0.5, most=4.0)
        while True:
            try:
                asked = time.monotonic()
                status, _ = self.post(path, body)
            except Refused as refusal:
                if refusal.code != wire.Refusals.BUSY or time.monotonic() > until:
                    raise
            except Unreachable:
                if time.monotonic() > until:
                    raise
            else:
                self._round_trips.append(time.monotonic() - asked)
                return status
            time.sleep(backoff.next_seconds())

    def enroll(self, token: str) -> wire.Enrolled:
        """Raises Unreachable and Refused."""
        body = wire.Enrolment(
            token=token,
            public_key=self.identity.key.public,
            version=__version__,
            host=socket.gethostname(),
        ).to_json()
        _, content = self.post(wire.ENROLL, body)
        try:
            return wire.Enrolled.from_json(content)
        except wire.WireError as error:
            raise Unreachable(f"the answer is not the connector's: {error}") from error

    def rotate(self) -> None:
        """Take a new key pair. Raises Unreachable and Refused; may be asked again."""
        with self._identity_lock:
            self.identity = self.identity.with_new_key()
            self._file.write(self.identity)
            agent, new = self.identity.agent, self.identity.next_key
        assert new is not None
        proof = wire.base64_of(new.sign(wire.proof_of_key(agent, new.public)))
        self.post(wire.KEY, wire.NewKey(new.public, proof).to_json())
        self._take_next_key(new)

    def post(
        self, path: str, body: bytes, *, read_seconds: float = SHORT_SECONDS
    ) -> tuple[int, bytes]:
        """One signed request: status 200 or 204, and the content. A clock that differs is allowed
        for, and a key that was changed in the meantime is found. Raises Unreachable and Refused."""
        for last in (False, False, True):
            key = self.identity.key
            try:
                return self._post(path, body, key, read_seconds)
            except Refused as refusal:
                if last:
                    raise
                if refusal.code == wire.Refusals.CLOCK and refusal.time:
                    self._offset = refusal.time - time.time()
                elif refusal.code == wire.Refusals.REPLAYED:
                    continue
                elif refusal.code != wire.Refusals.SIGNATURE:
                    raise
                elif not self._key_changed(key):
                    following = self.identity.next_key
                    if following is None:
                        raise
                    answer = self._post(path, body, following, read_seconds)
                    self._take_next_key(following)
                    return answer
        raise AssertionError("the last try answers or raises")

    def _key_changed(self, used: Key) -> bool:
        """Whether another thread or another process changed the key after this request was signed."""
        with self._identity_lock:
            if self.identity.key == used:
                try:
                    self.identity = self._file.read()
                except NoIdentity:
                    return False
            return self.identity.key != used

    def _take_next_key(self, taken: Key) -> None:
        with self._identity_lock:
            if self.identity.next_key == taken:
                self.identity = self.identity.with_next_key_taken()
                self._file.write(self.identity)

    def ask_unsigned(self, path: str) -> None:
        """A request that the connector can only refuse. Raises Refused and Unreachable."""
        self._exchange(path, b"", {}, SHORT_SECONDS)

    def _post(self, path: str, body: bytes, key: Key, read_seconds: float) -> tuple[int, bytes]:
        now = time.time() + self._offset
        signed = signed_headers(self.identity.agent, key, "POST", path, body, now)
        return self._exchange(path, body, signed, read_seconds)

    def _exchange(
        self, path: str, body: bytes, headers: Mapping[str, str], read_seconds: float
    ) -> tuple[int, bytes]:
        common = {
            "User-Agent": f"ml-connector-agent/{__version__}",
            "Content-Type": "application/octet-stream",
        }
        proxies = self.proxies()
        try:
            with self._session.post(
                self.config.url + path,
                data=body,
                headers={**common, **headers},
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
                stream=True,
                proxies=dict(proxies),
            ) as response:
                status, content = response.status_code, _read(response, read_seconds)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(words_of(error, self.config, proxies)) from error
        if status in (200, 204):
            return status, content
        try:
            refusal = wire.Refusal.from_json(content)
        except wire.WireError:
            raise Unreachable(
                f"{self.config.url} answered {status}, but not as the connector does: check "
                "connector.url, and whether a proxy answers in its place"
            ) from None
        raise Refused(refusal, status)


def _one_line(text: str, most: int) -> str:
    """As a log and a terminal can show it."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def _read(response: requests.Response, seconds: float) -> bytes:
    parts: list[bytes] = []
    size, end = 0, time.monotonic() + seconds + SHORT_SECONDS
    for part in response.iter_content(65_536):
        size += len(part)
        if size > MOST_BYTES or time.monotonic() > end:
            raise requests.exceptions.ContentDecodingError("the answer is too large or too slow")
        parts.append(part)
    return b"".join(parts)


def words_of(error: Exception, config: Config, proxies: Mapping[str, str]) -> str:
    """What went wrong on the way out, for an administrator; no password of a proxy in it."""
    proxy = proxies.get(urlsplit(config.url).scheme) or proxies.get("all", "")
    by = f" by the proxy {urlsplit(proxy).hostname}" if proxy else ""
    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        if "407" in text:
            return f"the proxy {urlsplit(proxy).hostname} asks for an account (407)"
        return f"the proxy {urlsplit(proxy).hostname} did not lead to {config.url}"
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"no trusted encrypted connection to {config.url}{by}: if your network opens "
            "encrypted connections, name its authority as connector.ca_file"
        )
    if isinstance(error, requests.exceptions.Timeout):
        return f"{config.url} did not answer in time{by}"
    if "NameResolution" in text or "getaddrinfo" in text:
        return f"the name of {config.url} is not known here"
    return f"{config.url} cannot be reached{by} ({type(error).__name__})"
