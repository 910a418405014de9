"""What every path of the API has in common: token, scope, quota, pages, forms of refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.refused import Refused
from sandbox.common import jsonio
from sandbox.common.jsonio import Json

if TYPE_CHECKING:
    from sandbox.bigcommerce.store import BigCommerceStore

DOCS = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"
WINDOW_MS = 30_000
MOST_ROWS = 250
# The part of the path after the store's hash decides; hooks ride on the scope of what they watch.
SCOPE_OF = (
    ("/transactions", "transactions"),
    ("/payment_actions", "transactions"),
    ("/orders", "orders"),
    ("/order_statuses", "orders"),
    ("/customers", "customers"),
    ("/catalog", "products"),
    ("/inventory", "inventory"),
    ("/store", "information"),
)


class Quota:
    """Requests in each window of 30 seconds, shared by all apps of the store; 0 is unlimited."""

    def __init__(self, clock: Any, quota: int) -> None:
        self.clock, self.quota, self.used, self.begun = clock, quota, 0, 0.0

    def take(self) -> tuple[bool, dict[str, str]]:
        now = self.clock.time() * 1000
        if not 0 <= now - self.begun < WINDOW_MS:  # the clock may also have been set back
            self.begun, self.used = now, 0
        allowed = self.quota == 0 or self.used < self.quota
        if allowed:
            self.used += 1
        quota = self.quota or 4_000_000
        return allowed, {
            "X-Rate-Limit-Time-Window-Ms": str(WINDOW_MS),
            "X-Rate-Limit-Time-Reset-Ms": str(int(WINDOW_MS - (now - self.begun))),
            "X-Rate-Limit-Requests-Quota": str(quota),
            "X-Rate-Limit-Requests-Left": str(max(quota - self.used, 0)),
        }


def refusal(path: str, status: int, message: str, errors: dict[str, str] | None = None) -> Response:
    """V2 answers a list of errors, V3 an object."""
    if "/v2/" in path:
        return Json([{"status": status, "message": message}], status_code=status)
    return Json(
        {"status": status, "title": message, "type": DOCS, "errors": errors or {}},
        status_code=status,
    )


def guarded(
    store: BigCommerceStore, quota: Quota, handler: Callable[..., Any]
) -> Callable[..., Any]:
    """Token, scope, quota and content type before the handler; quota headers after it."""

    async def serve(request: Request) -> Response:
        path = request.url.path
        account = store.accounts.get(request.headers.get("x-auth-token", ""))
        if account is None or request.path_params["hash"] != account["store_hash"]:
            return (
                Json({}, status_code=401)
                if "/v3/" in path
                else Response("Unauthorized", 401, media_type="text/plain")
            )
        allowed, headers = quota.take()
        if not allowed:
            answer = refusal(path, 429, "Too Many Requests")
            answer.headers.update(headers)
            return answer
        if store.store_status == "maintenance":
            return refusal(path, 503, "The store is in maintenance.")
        if not _allowed(account["scopes"], request.method, path):
            answer = refusal(path, 403, "You don't have a required scope to access the endpoint")
        elif request.method in ("POST", "PUT") and "json" not in request.headers.get(
            "content-type", ""
        ):
            answer = refusal(path, 415, "Unsupported media type")
        else:
            try:
                answer = await handler(request)
            except Refused as error:
                answer = refusal(path, error.status, error.message, error.errors)
        if "/v2/" in path and "json" not in request.headers.get("accept", ""):
            answer = Response(
                "<?xml version='1.0' encoding='UTF-8'?><response/>",
                answer.status_code,
                media_type="application/xml",
            )
        answer.headers.update(headers)
        return answer

    return serve


def _allowed(scopes: list[str], method: str, path: str) -> bool:
    """A scope is for reading and writing; one that ends in ``_read_only`` is for reading."""
    own = "/" + path.split("/stores/", 1)[-1].partition("/")[2]
    needed = next((scope for part, scope in SCOPE_OF if part in own), "")
    if not needed or needed in scopes:
        return True
    return method == "GET" and f"{needed}_read_only" in scopes


async def body_of(request: Request) -> Any:
    try:
        return jsonio.loads(await request.body())
    except ValueError as error:
        raise Refused(400, "The request is not valid JSON.") from error


async def rows_of(request: Request, most: int) -> list[dict[str, Any]]:
    """The rows of a batch; one that is too long is refused with 413."""
    rows = await body_of(request)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Refused(422, "The request must be a list of objects.")
    if len(rows) > most:
        raise Refused(
            413,
            f"The request payload is too large. The maximum items allowed in the array is {most}.",
        )
    return rows


def only_known(request: Request, known: Iterable[str]) -> None:
    for name in request.query_params:
        if name not in known:
            raise Refused(422, "Unsupported filter", {name: "is not supported"})


def listed(request: Request, name: str) -> list[str]:
    return [part for part in request.query_params.get(name, "").split(",") if part]


def numbers(request: Request, name: str) -> set[int]:
    try:
        return {int(part) for part in listed(request, name)}
    except ValueError as error:
        raise Refused(422, "Invalid filter", {name: "must be a list of numbers"}) from error


def paged(request: Request, rows: list[Any], most: int = MOST_ROWS) -> dict[str, Any]:
    limit = min(int(request.query_params.get("limit", 50)), most)
    page = max(int(request.query_params.get("page", 1)), 1)
    part = rows[(page - 1) * limit : page * limit]
    return {"data": part, "meta": meta_of(len(rows), len(part), limit, page)}


def meta_of(total: int, count: int | None = None, limit: int = 50, page: int = 1) -> dict[str, Any]:
    return {
        "pagination": {
            "total": total,
            "count": total if count is None else count,
            "per_page": limit,
            "current_page": page,
            "total_pages": max(-(-total // limit), 1),
            "links": {},
        }
    }


def page_of(request: Request, rows: Iterable[Any], total: int) -> tuple[list[Any], dict[str, Any]]:
    """One page of a long sequence, of which no more is made than is shown, and its meta."""
    limit = min(int(request.query_params.get("limit", 50)), MOST_ROWS)
    page = max(int(request.query_params.get("page", 1)), 1)
    part = list(islice(rows, (page - 1) * limit, page * limit))
    return part, meta_of(total, len(part), limit, page)


def narrowed(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    """Only the asked-for fields; the id always comes."""
    wanted = set(listed(request, "include_fields"))
    if wanted:
        return {name: value for name, value in row.items() if name in wanted or name == "id"}
    unwanted = set(listed(request, "exclude_fields")) - {"id"}
    return {name: value for name, value in row.items() if name not in unwanted}


def instant_of(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        try:
            instant = parsedate_to_datetime(text)
        except ValueError as error:
            raise Refused(400, "A date of the filter is invalid.") from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).replace(microsecond=0)
