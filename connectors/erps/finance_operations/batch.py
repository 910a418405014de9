"""Several creates in one transaction: a changeset of ``$batch``, written and read. Pure.

The outer answer is 200 even if the changeset failed: then it holds one part only, with the status
and body of the operation that undid the rest. Source: Microsoft, "Open Data Protocol (OData)", and
recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.http import Reply, dumps

MOST = 100  # Microsoft allows 5,000 operations and advises small batches


def changeset(url: str, bodies: Sequence[Mapping[str, Any]], boundary: str) -> bytes:
    """The body of a batch that posts each of ``bodies`` to ``url``, all or none."""
    inner = f"changeset_{boundary}"
    parts = [
        f"--{inner}\r\n"
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: {number}\r\n\r\n"
        f"POST {url} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{dumps(body)}\r\n"
        for number, body in enumerate(bodies, 1)
    ]
    return (
        f"--batch_{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n"
        + "".join(parts)
        + f"--{inner}--\r\n--batch_{boundary}--\r\n"
    ).encode()


def answers(reply: Reply) -> list[Reply]:
    """The answer of every operation. Raises UnexpectedShape."""
    kind = reply.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/mixed"):
        raise UnexpectedShape(reply.where, "is not a batch answer")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + reply.content)
    found = [
        _answer(part, reply.where)
        for part in message.walk()
        if part.get_content_type() == "application/http"
    ]
    if not found or message.defects:
        raise UnexpectedShape(reply.where, "is not a whole batch answer")
    return found


def _answer(part: Message, where: str) -> Reply:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    head, _, body = raw.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    first, *rest = head.decode("latin-1").split("\n")
    words = first.split()
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise UnexpectedShape(where, "holds a part without a status")
    pairs = (line.partition(":") for line in rest)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Reply(int(words[1]), headers, body.strip(), where)
