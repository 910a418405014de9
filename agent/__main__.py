"""``ml-connector-agent``: check, run, enroll, set-password, rotate-key, version."""

from __future__ import annotations

import argparse
import getpass
import os
import platform
import sys
from pathlib import Path

from . import __version__, checks, passwords, service
from .config import Config, ConfigError, load
from .connector import Connector, Refused, Unreachable
from .enrolment import EnrolmentError, enroll
from .identity import IdentityFile, NoIdentity
from .troubles import NotCarried
from .wire import WIRE, Refusals

DEFAULT = (
    Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "ml-connector-agent", "agent.toml")
    if os.name == "nt"
    else Path("/etc/ml-connector-agent/agent.toml")
)


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 done, 1 failed, 2 configuration, 3 not enrolled, 4 revoked, 5 too old."""
    given = _parser().parse_args(arguments)
    if given.command == "version":
        print(f"ml-connector-agent {__version__} (protocol {WIRE}, Python "
              f"{platform.python_version()})")  # fmt: skip
        return service.OK
    try:
        config = load(given.config)
    except ConfigError as error:
        if given.command == "check":
            print(checks.Line(checks.FAILED, "configuration", str(error)))
        else:
            print(error, file=sys.stderr)
        return service.BAD_CONFIG
    try:
        if given.command == "run":
            return service.run(config)
        if given.command == "check":
            return checks.check(config)
        if given.command == "enroll":
            return _enroll(config, given.token, may_replace=given.replace)
        if given.command == "rotate-key":
            return _rotate(config)
        return _set_password(config, given.target, from_stdin=given.stdin)
    except NoIdentity as error:
        return _failed(str(error), service.NOT_ENROLLED)
    except (EnrolmentError, Unreachable, passwords.NoPassword) as error:
        return _failed(str(error))
    except NotCarried as trouble:
        return _failed(trouble.words)
    except Refused as refusal:
        codes = {Refusals.REVOKED: service.REVOKED, Refusals.UPGRADE: service.TOO_OLD}
        return _failed(refusal.words, codes.get(refusal.code, service.FAILED))
    except OSError as error:
        return _failed(str(error))


def _failed(words: str, code: int = service.FAILED) -> int:
    print(words, file=sys.stderr)
    return code


def _enroll(config: Config, token: str, *, may_replace: bool) -> int:
    if token == "-":  # noqa: S105
        token = sys.stdin.readline()
    identity = enroll(config, token, may_replace=may_replace)
    what = f"{identity.name or identity.agent}" + (
        f" of {identity.company}" if identity.company else ""
    )
    print(f"enrolled as {what}. Its key is in {IdentityFile(config.state).path}")
    return service.OK


def _rotate(config: Config) -> int:
    file = IdentityFile(config.state)
    Connector(config, file.read(), file).rotate()
    print("a new key is in use; the old one is worth nothing any more")
    return service.OK


def _set_password(config: Config, url: str, *, from_stdin: bool) -> int:
    target = next((one for one in config.targets if url in (one.url, str(one.prefix))), None)
    if target is None:
        known = ", ".join(one.url for one in config.targets)
        return _failed(f"no target has the url {url}; there are {known}", service.BAD_CONFIG)
    if not target.has_account:
        return _failed(f"{url} has sign_in = {target.sign_in!r}: it has no account here",
                       service.BAD_CONFIG)  # fmt: skip
    if target.password_file or target.password_credential or target.password_env:
        return _failed(f"{config.path} says where the password of {url} is: remove that first",
                       service.BAD_CONFIG)  # fmt: skip
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password of {target.user} (it is not shown): ")
    if not password:
        return _failed("an empty password is not kept")
    print(f"kept in {passwords.store(target, config, password)}")
    return service.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ml-connector-agent",
        description="Carries the calls of ml-connector to systems on this network, and opens "
        "nothing to the outside.",
    )
    parser.add_argument("--config", type=Path, default=DEFAULT, help=f"default: {DEFAULT}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="work until stopped")
    commands.add_parser("check", help="prove configuration, network and sign-ins in plain words")
    one = commands.add_parser("enroll", help="exchange a one-time token for an identity")
    one.add_argument("token", metavar="TOKEN", help="from the console; - reads it from the input")
    one.add_argument("--replace", action="store_true", help="give up the identity that is here")
    one = commands.add_parser("set-password", help="keep the password of a target's account")
    one.add_argument("target", metavar="URL", help="the target's url, as in the configuration")
    one.add_argument("--stdin", action="store_true", help="read it from the input, not a prompt")
    commands.add_parser("rotate-key", help="take a new key pair now")
    commands.add_parser("version", help="show the version")
    return parser


if __name__ == "__main__":
    sys.exit(main())
