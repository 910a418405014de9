"""What goes over the wire: JSON as PHP writes it, refusals, and trimmed answers.

PHP's json_encode escapes slashes and everything beyond ASCII; a float is printed without trailing
zeros, or with binary noise where serialize_precision is 17 (29.949999999999999 is in Adobe's own
samples). Null getters that are optional are left out.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.responses import Response

# Getters that the contract calls required are printed even when they are null.
_PRINTED_NULLS = frozenset({"account_status", "cc_last4", "trace"})
STAMP = "%Y-%m-%d %H:%M:%S"


class Refused(Exception):
    """A request that the store refuses. ``parameters`` fill the message's placeholders, which
    the store sends without filling them in."""

    def __init__(
        self,
        status: int,
        message: str,
        parameters: dict[str, Any] | list[Any] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.parameters, self.errors = parameters, errors

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message}
        if self.errors:
            body["errors"] = self.errors
        if self.parameters:
            body["parameters"] = self.parameters
        return body

    def text(self) -> str:
        """The message with its placeholders filled, for people."""
        words = self.message
        pairs = (
            self.parameters.items()
            if isinstance(self.parameters, dict)
            else ((str(n), value) for n, value in enumerate(self.parameters or (), 1))
        )
        for name, value in pairs:
            words = words.replace(f"%{name}", str(value))
        return words


def no_such_entity() -> Refused:
    return Refused(
        404, "The entity that was requested doesn't exist. Verify the entity and try again."
    )


def required(name: str) -> Refused:
    return Refused(400, '"%fieldName" is required. Enter and try again.', {"fieldName": name})


def internal_error() -> Refused:
    """What production mode shows of any error that is not meant for callers."""
    report = f"webapi-{secrets.token_hex(7)[:13]}"
    return Refused(
        500, f"Internal Error. Details are available in Magento log file. Report ID: {report}"
    )


def number(value: Decimal, *, noise: bool = False) -> str:
    """A float as PHP prints it: no trailing zeros, or all 17 digits."""
    if noise:
        return format(float(value), ".17g")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def dumps(value: Any, *, noise: bool = False) -> str:
    if isinstance(value, Decimal):
        return number(value, noise=noise)
    if isinstance(value, dict):
        pairs = (f"{dumps(str(k))}:{dumps(v, noise=noise)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item, noise=noise) for item in value) + "]"
    return json.dumps(value).replace("/", "\\/")


def shown(value: Any) -> Any:
    """A record as it is answered: without nulls, empty custom attributes and inner columns."""
    if isinstance(value, dict):
        return {
            key: shown(inner)
            for key, inner in value.items()
            if not key.startswith("_")
            and (inner is not None or key in _PRINTED_NULLS)
            and not (key == "custom_attributes" and inner == [])
        }
    if isinstance(value, list | tuple):
        return [shown(inner) for inner in value]
    return value


class PhpJson(Response):
    """An answer of the store. ``noise`` prints floats with 17 digits."""

    media_type = "application/json; charset=utf-8"

    def __init__(self, content: Any, status_code: int = 200, *, noise: bool = False) -> None:
        self._noise = noise
        super().__init__(content, status_code)

    def render(self, content: Any) -> bytes:
        return dumps(content, noise=self._noise).encode()


def refusal(refused: Refused) -> Response:
    return PhpJson(refused.body(), refused.status)


def stamp(instant: datetime) -> str:
    """An instant (UTC) as the database keeps it."""
    return instant.strftime(STAMP)


def decimal(value: Any, name: str) -> Decimal:
    """A number of a request's body. Raises Refused when it is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise wrong_type(value, "float", name)
    try:
        return Decimal(str(value))
    except ArithmeticError as error:
        raise wrong_type(value, "float", name) from error


def integer(value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    raise wrong_type(value, "int", name)


def wrong_type(value: Any, wanted: str, name: str) -> Refused:
    return Refused(
        400,
        'Error occurred during "%field_name" processing. %details',
        {
            "field_name": name,
            "details": f'The "{value}" value\'s type is invalid. The "{wanted}" type was expected. '
            "Verify and try again.",
        },
    )


_PIECE = re.compile(r"[^\[\],]+|[\[\],]")


def trimmed(answer: Any, wanted: str) -> Any:
    """The part of an answer that ``fields=items[increment_id,entity_id],total_count`` names."""
    tree: dict[str, Any] = {}
    stack, last = [tree], ""
    for piece in _PIECE.findall(wanted):
        match piece:
            case "[":
                stack.append(stack[-1].setdefault(last, {}))
            case "]":
                stack = stack[:-1] or [tree]
            case ",":
                continue
            case _:
                last = piece.strip()
                stack[-1].setdefault(last, {})
    return _kept(answer, tree)


def _kept(value: Any, tree: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_kept(item, tree) for item in value]
    if not tree or not isinstance(value, dict):
        return value
    return {key: _kept(value[key], inner) for key, inner in tree.items() if key in value}
