"""What the relay agent and the connector say to each other: the only file that both sides use.

Everything goes by HTTPS from the agent to the connector, as POST:

==========================  =====================================  =================================
path                        body                                   answer
==========================  =====================================  =================================
``/agent/v1/enroll``        ``Enrolment``                          ``Enrolled``
``/agent/v1/poll``          ``State``                              ``Work``, at once or after
                                                                   ``POLL_SECONDS`` without a job
``/agent/v1/jobs/ID/begin``  empty                                 204: a job that changes something
                                                                   may now be sent
``/agent/v1/jobs/ID/answer``  ``Part``, the first with a ``Head``  204: go on
``/agent/v1/jobs/ID/trouble``  ``Trouble``                         204
``/agent/v1/key``           ``NewKey``                             204: requests are signed with
                                                                   the new key from now on
``/agent/v1/leave``         ``State``                              204: no job will be given
==========================  =====================================  =================================

Every request is signed by the agent's Ed25519 key as HTTP Message Signatures say (RFC 9421), over
method, path and the digest of the body (RFC 9530), with the time, a number used once and the
agent's id. Any other answer than those above is a ``Refusal``.

Python 3.9 and its standard library alone; it imports nothing of either side.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

WIRE = 1  # of this file; an agent says which one it speaks
MINIMUM_WIRE = 1  # the oldest that the connector still understands

ENROLL, POLL, KEY, LEAVE = (
    "/agent/v1/enroll",
    "/agent/v1/poll",
    "/agent/v1/key",
    "/agent/v1/leave",
)
JOBS = "/agent/v1/jobs"
BEGIN, ANSWER, TROUBLE = "begin", "answer", "trouble"

POLL_SECONDS = 25  # below the minute after which proxies end a silent request
SEEN_SECONDS = 40  # an agent that said nothing for so long is gone
CLOCK_SECONDS = 120  # by which a signature's time may differ from the connector's clock
LEASE_SECONDS = 15  # in which a job must begin before it is given to another agent
PART_BYTES = 256 * 1024
MOST_REQUEST_BYTES = 8 * 1024 * 1024
MOST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_HEADERS_BYTES = 64 * 1024

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Codes:
    """Why a job was not carried out (``Trouble.code``)."""

    NOT_ALLOWED = "not_allowed"  # the agent's own configuration does not name this place
    NAME = "name"  # the host's name is unknown on site
    NETWORK = "network"  # it could not be reached, or the connection broke
    TIMEOUT = "timeout"
    TLS = "tls"  # no trust: certificate, name, date or protocol
    SIGN_IN = "sign_in"  # the account was refused
    NO_ACCOUNT = "no_account"  # the account should be on site, and is not in the configuration
    TOO_LARGE = "too_large"
    STOPPING = "stopping"  # the agent shuts down and took no more work
    TOO_LATE = "too_late"  # the connector did not let it begin any more


class Refusals:
    """Why the connector refused a request (``Refusal.code``), and its HTTP status."""

    SIGNATURE = "signature"  # 401
    CLOCK = "clock"  # 401, with the connector's time
    REPLAYED = "replayed"  # 401
    UNKNOWN = "unknown_agent"  # 401
    REVOKED = "revoked"  # 403: stop for good
    TOKEN = "token"  # noqa: S105  403: the enrolment token is unknown, used or expired
    UPGRADE = "upgrade"  # 426: this version is too old
    GONE = "unknown_job"  # 410
    TOO_LATE = "too_late"  # 409
    UNREADABLE = "unreadable"  # 400
    BUSY = "busy"  # 503


class WireError(ValueError):
    """What came is not what this file describes."""


Message = TypeVar("Message", bound="_Message")


@dataclass(frozen=True)
class _Message:
    def to_json(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls: type[Message], body: bytes) -> Message:
        """Raises WireError. Fields that this version does not know are passed over."""
        try:
            given = json.loads(body.decode("utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise WireError(f"{cls.__name__}: not JSON") from error
        return cls.from_dict(given)

    @classmethod
    def from_dict(cls: type[Message], given: Any) -> Message:
        if not isinstance(given, dict):
            raise WireError(f"{cls.__name__}: not an object")
        known = {one.name: given[one.name] for one in fields(cls) if one.name in given}
        try:
            made = cls(**known)
        except TypeError as error:
            raise WireError(f"{cls.__name__}: {error}") from error
        made.check()
        return made

    def check(self) -> None:
        """Raises WireError if a field has not the type that it is declared with."""
        for one in fields(self):
            value, kind = getattr(self, one.name), _KINDS.get(str(one.type))
            if kind is None:
                continue
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise WireError(f"{type(self).__name__}.{one.name}: {type(value).__name__}")


_KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "dict[str, str]": dict,
    "list[str]": list,
    "list[list[str]]": list,
    "list[dict[str, Any]]": list,
    "dict[str, str] | None": (dict, type(None)),
}


@dataclass(frozen=True)
class Job(_Message):
    """One HTTP request to make on site.

    ``body`` is base64. ``sign_in`` asks for a Windows sign-in: ``page`` (the path that the
    connection is signed in with) and, unless the account is kept on site, ``account`` and
    ``password``. With ``on_site`` the account is the agent's own, and what authorization the
    request needs is added there. ``authority`` is PEM text of certificates to trust besides the
    agent's own. ``begin_first``: it changes something, so ``begin`` is asked before its first byte
    is sent, and it is never sent twice. Seconds are for each silence, ``whole_seconds`` for all.
    """

    id: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    sign_in: dict[str, str] | None = None
    on_site: bool = False
    authority: str = ""
    begin_first: bool = True
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    whole_seconds: float = 120.0

    @property
    def content(self) -> bytes:
        """Raises WireError."""
        return unbase64(self.body)


@dataclass(frozen=True)
class Head(_Message):
    """Status line and headers of an answer; ``took_ms`` is the time on site."""

    status: int
    reason: str = ""
    headers: list[list[str]] = field(default_factory=list)
    took_ms: int = 0


@dataclass(frozen=True)
class Part:
    """A piece of an answer, at most ``PART_BYTES`` of it, in order from 0."""

    number: int
    data: bytes
    last: bool
    head: Head | None = None

    def pack(self) -> bytes:
        words: dict[str, Any] = {"part": self.number, "last": self.last}
        if self.head is not None:
            words["head"] = asdict(self.head)
        front = json.dumps(words, separators=(",", ":"), ensure_ascii=False).encode()
        return struct.pack(">I", len(front)) + front + self.data

    @classmethod
    def unpack(cls, body: bytes) -> Part:
        """Raises WireError."""
        try:
            (length,) = struct.unpack_from(">I", body)
            if length > MOST_HEADERS_BYTES * 2 or len(body) < 4 + length:
                raise WireError("Part: its front is cut off")
            front = json.loads(body[4 : 4 + length].decode("utf-8"))
            number, last = front["part"], front["last"]
        except (struct.error, UnicodeDecodeError, KeyError, TypeError, RecursionError) as error:
            raise WireError("Part: cannot be read") from error
        except ValueError as error:
            raise WireError("Part: not JSON") from error
        if type(number) is not int or type(last) is not bool or number < 0:
            raise WireError("Part: number or end is missing")
        data = body[4 + length :]
        if len(data) > PART_BYTES:
            raise WireError(f"Part: more than {PART_BYTES} bytes")
        head = Head.from_dict(front["head"]) if "head" in front else None
        if (number == 0) != (head is not None):
            raise WireError("Part: the first one has the head, and only that")
        return cls(number, data, last, head)


@dataclass(frozen=True)
class Trouble(_Message):
    """A job without an answer. ``sent``: whether anything of the request may have gone out."""

    code: str
    words: str
    sent: bool = True


@dataclass(frozen=True)
class State(_Message):
    """What an agent says of itself with each poll.

    ``boot`` is another one after each start: jobs of an earlier start are lost. ``clock`` is its
    own, uncorrected, in seconds since the epoch. ``free`` is how many jobs it can take now.
    ``targets``: ``url``, ``sign_in`` (windows, basic, connector, none) and ``certificate_until``
    (ISO 8601, or empty) of each place that its configuration allows. ``round_trip_ms``: median of
    its last requests to the connector, polls aside; -1 before the first. ``key_until`` is when it
    means to have a new key.
    """

    version: str
    boot: str
    clock: float
    free: int
    wire: int = WIRE
    host: str = ""
    system: str = ""
    in_flight: list[str] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    round_trip_ms: int = -1
    key_until: str = ""


@dataclass(frozen=True)
class Work(_Message):
    """Answer to a poll. ``rotate_key`` asks for a new key pair soon."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    rotate_key: bool = False

    def read(self) -> list[Job]:
        """Raises WireError."""
        return [Job.from_dict(one) for one in self.jobs]


@dataclass(frozen=True)
class Enrolment(_Message):
    """``public_key`` is the raw Ed25519 key in base64; the request is signed with it."""

    token: str
    public_key: str
    version: str
    wire: int = WIRE
    host: str = ""


@dataclass(frozen=True)
class Enrolled(_Message):
    """Who the agent is from now on, and for whom it works."""

    agent: str
    name: str
    company: str


@dataclass(frozen=True)
class NewKey(_Message):
    """Sent with the old key's signature. ``proof`` is the new key's signature (base64) of
    ``proof_of_key`` over the agent's id and the new key."""

    public_key: str
    proof: str


@dataclass(frozen=True)
class Refusal(_Message):
    """``time`` is the connector's clock in seconds since the epoch."""

    code: str
    words: str
    time: float = 0.0


_TOKEN = re.compile(r"(agt_[A-Za-z0-9]{16})\.([A-Za-z0-9_-]{32,64})")


def token_of(agent: str, secret: str) -> str:
    """The one-time enrolment token, as a person carries it to the site."""
    return f"{agent}.{secret}"


def read_token(token: str) -> tuple[str, str]:
    """(agent's id, secret). Raises WireError."""
    match = _TOKEN.fullmatch(token.strip())
    if match is None:
        raise WireError("the enrolment token is not complete: copy it again from the console")
    return match.group(1), match.group(2)


def proof_of_key(agent: str, public_key: str) -> bytes:
    return f"ml-connector agent key\n{agent}\n{public_key}".encode()


def unbase64(text: str) -> bytes:
    """Raises WireError."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise WireError("not base64") from error


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def content_digest(body: bytes) -> str:
    """The ``Content-Digest`` header (RFC 9530)."""
    return f"sha-256=:{base64_of(hashlib.sha256(body).digest())}:"


COVERED = ("@method", "@path", "content-digest")
_PARAMS = re.compile(
    r'\("@method" "@path" "content-digest"\)'
    r';created=(\d{1,12});nonce="([A-Za-z0-9_-]{16,64})";keyid="(agt_[A-Za-z0-9]{16})";alg="ed25519"'
)


@dataclass(frozen=True)
class Signed:
    """The parameters of a signature. ``created`` is in seconds since the epoch."""

    created: int
    nonce: str
    agent: str

    @property
    def params(self) -> str:
        covered = " ".join(f'"{name}"' for name in COVERED)
        return (
            f'({covered});created={self.created};nonce="{self.nonce}"'
            f';keyid="{self.agent}";alg="ed25519"'
        )

    def headers(self, signature: bytes, body: bytes) -> dict[str, str]:
        return {
            "Content-Digest": content_digest(body),
            "Signature-Input": f"sig={self.params}",
            "Signature": f"sig=:{base64_of(signature)}:",
        }

    def base(self, method: str, path: str, body: bytes) -> bytes:
        """The bytes that are signed (RFC 9421, section 2.5)."""
        values = (method.upper(), path, content_digest(body))
        return signature_base(list(zip(COVERED, values)), self.params)


def signature_base(components: Sequence[tuple[str, str]], params: str) -> bytes:
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def read_signature(headers: Mapping[str, str], body: bytes) -> tuple[Signed, bytes]:
    """What a request claims, and its signature; ``headers`` by their names in lower case. The
    digest is compared here, the signature is for the caller to verify. Raises WireError."""
    given, stamp = headers.get("signature-input", ""), headers.get("signature", "")
    match = _PARAMS.fullmatch(given[4:]) if given.startswith("sig=") else None
    if match is None:
        raise WireError("the request is not signed as it should be")
    if headers.get("content-digest", "") != content_digest(body):
        raise WireError("the body is not the one that was signed")
    if not (stamp.startswith("sig=:") and stamp.endswith(":")):
        raise WireError("the signature cannot be read")
    return Signed(int(match.group(1)), match.group(2), match.group(3)), unbase64(stamp[5:-1])


def job_path(job: str, step: str) -> str:
    return f"{JOBS}/{job}/{step}"
