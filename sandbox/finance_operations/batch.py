"""``$batch``: multipart requests, each changeset one transaction, the outer status always 200."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

from sandbox.finance_operations.odata import BadQuery
from sandbox.finance_operations.service import Answer, Call, Service

MOST_OPERATIONS = 5_000
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed",
    500: "Internal Server Error",
}  # fmt: skip


class _Undone(Exception):
    def __init__(self, content_id: str, answer: Answer) -> None:
        super().__init__("the changeset is rolled back")
        self.content_id, self.answer = content_id, answer


def run_batch(service: Service, content_type: str, body: bytes, base: str) -> Answer:
    """Raises BadQuery for a body that is no batch."""
    outer = f"batchresponse_{uuid.uuid4()}"
    written = []
    operations = 0
    for headers, content in _parts(content_type, body):
        kind = headers.get("content-type", "")
        if kind.startswith("multipart/mixed"):
            changes = [
                (part.get("content-id", ""), _call(inner, base))
                for part, inner in _parts(kind, content)
            ]
            operations += len(changes)
            written.append(_changeset(service, changes))
        else:
            call = _call(content, base)
            if call.method != "GET":
                raise BadQuery("A change must be inside a changeset of the batch.")
            operations += 1
            written.append(_http_part(service.perform(call), ""))
        if operations > MOST_OPERATIONS:
            raise BadQuery(f"A batch can have {MOST_OPERATIONS} operations at most.")
    text = "".join(f"--{outer}\r\n{part}" for part in written) + f"--{outer}--\r\n"
    return Answer(200, text, content_type=f"multipart/mixed; boundary={outer}")


def _changeset(service: Service, changes: list[tuple[str, Call]]) -> str:
    """All responses, or the one of the operation that undid the rest."""
    inner = f"changesetresponse_{uuid.uuid4()}"
    answers: list[str] = []
    try:
        with service.env.transaction():
            for content_id, call in changes:
                answer = service.perform(call)
                if answer.status >= 400:
                    raise _Undone(content_id, answer)
                answers.append(_http_part(answer, content_id))
    except _Undone as undone:
        undone.answer.status = 500
        answers = [_http_part(undone.answer, undone.content_id)]
    parts = "".join(f"--{inner}\r\n{part}" for part in answers)
    return f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n{parts}--{inner}--\r\n"


def _http_part(answer: Answer, content_id: str) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    text = answer.text()
    if text:
        lines.append(f"Content-Type: {answer.content_type}")
    lines += ["OData-Version: 4.0"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", text, ""])


def _parts(content_type: str, body: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    """(headers, content) of each part of a multipart body."""
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if match is None:
        raise BadQuery("The batch has no boundary in its content type.")
    mark = b"--" + match.group(1).strip().encode()
    text = b"\n" + body.replace(b"\r\n", b"\n")
    pieces = text.split(b"\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadQuery("The batch does not end with its boundary.")
    for piece in pieces[1:-1]:
        head, _, content = piece.lstrip(b"\n").partition(b"\n\n")
        yield _headers(head), content


def _headers(text: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.decode().splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _call(content: bytes, base: str) -> Call:
    head, _, body = content.lstrip(b"\n").partition(b"\n\n")
    first, _, rest = head.partition(b"\n")
    words = first.decode().split()
    if len(words) < 2 or words[0] not in _METHODS:
        raise BadQuery(f"'{first.decode()}' is not a request line.")
    parts = urlsplit(words[1])
    path = parts.path
    if "/data/" in path:
        path = path.partition("/data/")[2]
    return Call(words[0], path, parts.query, _headers(rest), body.strip(), base, inside_batch=True)
