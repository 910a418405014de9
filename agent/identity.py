"""Who this agent is: its id, and the key pair that never leaves the site.

A new key is written down before it is told to the connector, and the old one is forgotten only
after the connector took the new one: whenever the program or the network breaks in between, one of
the two is right, and both are still here.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from . import wire
from .private import NotPrivate, read_private, seal, unseal, write_private

KEY_DAYS = 90  # after which the agent takes a new key by itself
FILE, BEGUN, LOCK = "identity.json", "enrolment.json", "run.lock"


class NoIdentity(OSError):
    """There is none, or it cannot be used; a sentence that says what to do."""


@dataclass(frozen=True)
class Key:
    """An Ed25519 key pair; ``made_at`` in seconds since the epoch."""

    private: bytes
    made_at: float

    @classmethod
    def new(cls) -> Key:
        raw = Ed25519PrivateKey.generate().private_bytes(
            Encoding.Raw, PrivateFormat.Raw, NoEncryption()
        )
        return cls(raw, time.time())

    def sign(self, data: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.private).sign(data)

    @property
    def public(self) -> str:
        """The raw public key in base64."""
        key = Ed25519PrivateKey.from_private_bytes(self.private).public_key()
        return wire.base64_of(key.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def to_dict(self) -> dict[str, Any]:
        return {"private": seal(self.private), "made_at": self.made_at}

    @classmethod
    def from_dict(cls, given: Any) -> Key:
        return cls(unseal(given["private"]), float(given["made_at"]))


@dataclass(frozen=True)
class Identity:
    """``next_key`` is one that the connector may or may not have taken."""

    agent: str
    key: Key
    url: str
    name: str = ""
    company: str = ""
    next_key: Key | None = None

    @property
    def key_until(self) -> float:
        return self.key.made_at + KEY_DAYS * 86_400

    def with_new_key(self) -> Identity:
        """With a next key: the one that waits already, or a new one."""
        return self if self.next_key else replace(self, next_key=Key.new())

    def with_next_key_taken(self) -> Identity:
        return replace(self, key=self.next_key or self.key, next_key=None)


class IdentityFile:
    """The identity on disk; under the name ``BEGUN`` one whose enrolment was not answered yet."""

    def __init__(self, folder: Path, name: str = FILE) -> None:
        self.path = folder / name

    def exists(self) -> bool:
        try:
            return self.path.exists()
        except PermissionError:
            return True

    def read(self) -> Identity:
        """Raises NoIdentity."""
        if not self.exists():
            raise NoIdentity(
                f"this agent is not enrolled: there is no {self.path}. Make a token in the console "
                "and run ml-connector-agent enroll TOKEN"
            )
        try:
            given = json.loads(read_private(self.path))
            following = given.get("next_key")
            return Identity(
                agent=str(given["agent"]),
                key=Key.from_dict(given["key"]),
                url=str(given["url"]),
                name=str(given["name"]),
                company=str(given["company"]),
                next_key=Key.from_dict(following) if following else None,
            )
        except NotPrivate as error:
            raise NoIdentity(str(error)) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NoIdentity(
                f"{self.path} is damaged: revoke this agent in the console, invite it again and "
                "run enroll TOKEN --replace"
            ) from None

    def write(self, identity: Identity) -> None:
        """Raises OSError."""
        given = {
            "agent": identity.agent,
            "name": identity.name,
            "company": identity.company,
            "url": identity.url,
            "key": identity.key.to_dict(),
            "next_key": identity.next_key.to_dict() if identity.next_key else None,
        }
        write_private(self.path, json.dumps(given, indent=1).encode())


def signed_headers(
    agent: str, key: Key, method: str, path: str, body: bytes, now: float
) -> dict[str, str]:
    """The headers that sign a request; ``now`` by the connector's clock."""
    signed = wire.Signed(int(now), secrets.token_urlsafe(18), agent)
    return signed.headers(key.sign(signed.base(method, path, body)), body)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock; gives False if another process holds it. The system lets it go when
    the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("a+b") as file:
        yield _lock(file)


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
