"""Where the password of a target's own account comes from. It is read anew for each sign-in, so a
changed one needs no restart."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .config import Config, Target
from .private import NotPrivate, read_private, seal, unseal, write_private

STORED = "passwords.json"


class NoPassword(ValueError):
    """A sentence that says what to do; it never holds the password."""


def password_of(target: Target, config: Config) -> str:
    """Raises NoPassword."""
    try:
        if target.password_file:
            found = _line(read_private(Path(target.password_file)))
        elif target.password_credential:
            found = _line(_credential(target.password_credential))
        elif target.password_env:
            found = os.environ.get(target.password_env, "")
        else:
            found = _stored(target, config)
    except (NotPrivate, UnicodeDecodeError) as error:
        raise NoPassword(f"the password of {target.user}: {error}") from None
    if not found:
        raise NoPassword(
            f"there is no password for {target.user} at {target.url}: "
            + (
                f"the environment variable {target.password_env} is not set"
                if target.password_env
                else f"run ml-connector-agent set-password {target.url}"
            )
        )
    return found


def store(target: Target, config: Config, password: str) -> Path:
    """Keep it in the agent's own folder. Raises OSError."""
    path = config.state / STORED
    kept = _read(path) if path.exists() else {}
    kept[_name(target)] = seal(password.encode())
    write_private(path, json.dumps(kept, indent=1).encode())
    return path


def _stored(target: Target, config: Config) -> str:
    path = config.state / STORED
    kept = _read(path).get(_name(target), "") if path.exists() else ""
    return unseal(kept).decode() if kept else ""


def _read(path: Path) -> dict[str, str]:
    try:
        given = json.loads(read_private(path))
    except ValueError:
        raise NotPrivate(f"{path} is damaged: delete it and run set-password again") from None
    return {str(name): str(value) for name, value in dict(given).items()}


def _name(target: Target) -> str:
    """Bound to the account: another user in the configuration needs a password of its own."""
    return f"{target.prefix} {target.user.lower()}"


def _credential(name: str) -> bytes:
    """A credential that systemd decrypted for this service alone."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise NotPrivate(
            f"the credential {name} is given by systemd only (LoadCredential in the service's unit)"
        )
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise NotPrivate(f"{name!r} is not the name of a credential")
    try:
        return (Path(folder) / name).read_bytes()
    except OSError as error:
        raise NotPrivate(f"systemd gave no credential {name}: {error.strerror}") from None


def _line(content: bytes) -> str:
    """Editors end a file with a line break that is no part of the password."""
    return content.decode("utf-8-sig").rstrip("\r\n")
