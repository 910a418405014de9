"""The values of a connection's settings: checking them, and putting them together for an adapter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connectors.contract import Setting
from connectors.models import Connection
from connectors.registry import SYSTEMS

_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_PUBLIC_KEY = re.compile(f"{_BEGIN}(.+?){_END}", re.DOTALL)
# Stands in an adapter where the relay agent puts in the account that it keeps.
ON_SITE = "kept-on-site"


def full_values(connection: Connection) -> dict[str, str]:
    """Settings with defaults and secrets, as an adapter takes them. A required value that was
    left empty is its default. A sign-in that is kept on site is ``ON_SITE``."""
    values = {**connection.values, **connection.secrets}
    if connection.sign_in_on_site:
        values |= dict.fromkeys(sign_in_names(connection.kind), ON_SITE)
    for setting in SYSTEMS[connection.kind].settings:
        if not values.get(setting.name) and (setting.required or setting.name not in values):
            values[setting.name] = setting.default
    return values


def sign_in_settings(kind: str) -> tuple[Setting, ...]:
    """Those of a sign-in that a relay agent may keep on site; empty where there is none."""
    return tuple(setting for setting in SYSTEMS[kind].settings if setting.sign_in)


def sign_in_names(kind: str) -> frozenset[str]:
    return frozenset(setting.name for setting in sign_in_settings(kind))


def split(kind: str, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(plain, secret), without the blanks that pasting leaves around; empty secrets are left out."""
    secret_names = {setting.name for setting in SYSTEMS[kind].settings if setting.is_secret}
    clean = {key: str(value).strip() for key, value in values.items()}
    plain = {key: value for key, value in clean.items() if key not in secret_names}
    secret = {key: value for key, value in clean.items() if key in secret_names and value}
    return plain, secret


def changed_values(connection: Connection, plain: Mapping[str, str]) -> list[str]:
    """The names of settings that are other ones than are in use."""
    defaults = {setting.name: setting.default for setting in SYSTEMS[connection.kind].settings}
    return sorted(
        name
        for name, value in plain.items()
        if connection.values.get(name, defaults.get(name, "")) != value
    )


def check_values(
    kind: str,
    values: Mapping[str, str],
    *,
    secrets_set: Iterable[str] = (),
    sign_in_on_site: bool = False,
) -> dict[str, str]:
    """What is wrong with a connection's settings: setting name -> words. Secrets are in values."""
    errors: dict[str, str] = {}
    have = set(secrets_set)
    known = {setting.name: setting for setting in SYSTEMS[kind].settings}
    for name in values.keys() - known.keys():
        errors[name] = f"“{name}” is not a setting of {SYSTEMS[kind].title}."
    for setting in known.values():
        value = str(values.get(setting.name, "") or "").strip()
        if sign_in_on_site and setting.sign_in:
            if value:
                errors[setting.name] = f"{setting.label} is kept on site and must be empty here."
            continue
        if not value:
            if setting.required and not setting.default and setting.name not in have:
                errors[setting.name] = f"{setting.label} is missing."
            continue
        if problem := check_setting(setting, value):
            errors[setting.name] = problem
    return errors


def check_setting(setting: Setting, value: str) -> str:
    """What is wrong with one value, in words; empty if nothing."""
    if len(value) > setting.max_length:
        return f"{setting.label} is longer than {setting.max_length} characters."
    if setting.kind == "certificate":
        return _check_certificate(setting.label, value)
    if setting.kind == "public_key":
        return _check_public_keys(setting.label, value)
    if not value.isprintable():
        return f"{setting.label} holds characters that cannot be printed, a line break perhaps."
    if problem := _check_kind(setting, value):
        return f"{setting.label} {problem}"
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        return f"{setting.label} does not look right. {setting.help}".strip()
    return ""


def _check_certificate(label: str, value: str) -> str:
    """PEM text of one or more certificates, all of them valid today."""
    if "PRIVATE KEY" in value:
        return f"{label} holds a private key, which must not leave its server. Take it out."
    try:
        found = x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        return f"{label} must be PEM text, from BEGIN CERTIFICATE to END CERTIFICATE."
    for certificate in found:
        name = certificate.subject.rfc4514_string() or "without a name"
        if certificate.not_valid_after_utc <= datetime.now(UTC):
            return (
                f"{label}: the certificate “{name}” expired on "
                f"{certificate.not_valid_after_utc:%-d %B %Y}."
            )
    return ""


def _check_public_keys(label: str, value: str) -> str:
    """PEM text of one or more public keys, each in several lines or in one."""
    if "PRIVATE KEY" in value:
        return f"{label} holds a private key, which must not leave its server. Take it out."
    text = value.replace("\\n", "\n")
    blocks = _PUBLIC_KEY.findall(text)
    wrong = f"{label} must be PEM text, from BEGIN PUBLIC KEY to END PUBLIC KEY, copied as a whole."
    if not blocks or _PUBLIC_KEY.sub("", text).strip():
        return wrong
    for block in blocks:
        body = "".join(block.split())
        try:
            load_pem_public_key(f"{_BEGIN}\n{body}\n{_END}\n".encode())
        except (ValueError, UnsupportedAlgorithm):
            return wrong
    return ""


def _check_kind(setting: Setting, value: str) -> str:
    match setting.kind:
        case "url":
            return _check_url(value)
        case "integer":
            return "" if re.fullmatch(r"[0-9]+", value) else "must be a whole number."
        case "decimal":
            return _check_decimal(value)
        case "time":
            return _check_time(value)
        case "boolean":
            return "" if value in ("yes", "no") else "must be yes or no."
        case "choice" | "choices":
            keys = [key for key, _ in setting.choices]
            given = [value] if setting.kind == "choice" else value.split(",")
            if keys and any(part.strip() not in keys for part in given):
                few = "one" if setting.kind == "choice" else "some"
                return f"must be {few} of {', '.join(keys)}."
    return ""


def _check_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_is_right = parts.port != 0
    except ValueError:
        return "is not an address."
    if parts.scheme != "https" or not parts.hostname or not port_is_right or " " in value:
        return "must begin with https:// and name a host."
    if parts.username is not None or parts.query or parts.fragment:
        return "must be an address alone, without name, password, query or fragment."
    return ""


def _check_decimal(value: str) -> str:
    try:
        return "" if Decimal(value).is_finite() else "must be a number."
    except InvalidOperation:
        return "must be a number, with a point before the decimals."


def _check_time(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError:
        return "must be a time of day, 17:30 for instance."
    return ""
