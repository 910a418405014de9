"""The environment over HTTP: sign-in, the service user's access, throttling, the OData endpoint."""

from __future__ import annotations

import uuid
from collections import deque

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.finance_operations.batch import run_batch
from sandbox.finance_operations.environment import Environment
from sandbox.finance_operations.odata import BadQuery
from sandbox.finance_operations.service import Answer, Call, Service, error_body, forbidden
from sandbox.finance_operations.signin import EnvironmentSignIn

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
WINDOW = 300
_THROTTLED = {
    "resources": "This request could not be processed at this time due to system experiencing "
    "high resource utilization.",
    "requests": "Number of requests exceeded the limit of 6000 over the time window of 300 "
    "seconds.",
    "time": "Combined execution time of incoming requests exceeded the limit of 1200 seconds over "
    "the time window of 300 seconds. Decrease the number of concurrent requests or reduce the "
    "duration of requests and try again later.",
    "concurrent": "Number of concurrent requests exceeded the limit of 52.",
}


class Api:
    def __init__(self, env: Environment, entra: EnvironmentSignIn) -> None:
        self.env, self.entra = env, entra
        self.service = Service(env)
        self.calls: deque[float] = deque()
        self.running = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                *self.entra.routes(),
                Route("/data", self.serve, methods=_METHODS),
                Route("/data/{rest:path}", self.serve, methods=_METHODS),
            ]
        )

    async def serve(self, request: Request) -> Response:
        access = self.env.settings["user_access"]
        client = self.entra.app_of(request.headers.get("authorization", ""))
        if client is None or access == "not_registered":
            return Response(
                status_code=401,
                headers={
                    "www-authenticate": 'Bearer authorization_uri="https://login.windows.net/'
                    f'{self.entra.tenant_id}"'
                },
            )
        if self._over_limit():
            return throttled(self.env, "requests", self._wait())
        settings = self.env.settings
        if settings["rate"] and self.running >= settings["concurrency"]:
            return throttled(self.env, "concurrent", None)
        self.running += 1
        try:
            answer = forbidden() if access == "none" else await self._answer(request)
        finally:
            self.running -= 1
        return rendered(answer)

    def _over_limit(self) -> bool:
        rate, now = int(self.env.settings["rate"]), self.env.clock.time()
        while self.calls and self.calls[0] <= now - WINDOW:
            self.calls.popleft()
        if rate and len(self.calls) >= rate:
            return True
        if rate:
            self.calls.append(now)
        return False

    def _wait(self) -> int:
        return max(1, int(self.calls[0] + WINDOW - self.env.clock.time()) + 1)

    async def _answer(self, request: Request) -> Answer:
        base = f"{request.url.scheme}://{request.url.netloc}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.scope["raw_path"].decode().partition("?")[0].removeprefix("/data")
        body = await request.body()
        if path.strip("/").replace("%24", "$") == "$batch":
            if request.method != "POST":
                return Answer(405, error_body("A batch must be posted."))
            if self.env.settings["user_access"] != "full":
                return forbidden()
            try:
                return run_batch(self.service, headers.get("content-type", ""), body, base)
            except BadQuery as problem:
                return Answer(problem.status, error_body(problem.message))
        query = request.scope["query_string"].decode()
        return await self.service.answer(Call(request.method, path, query, headers, body, base))


def rendered(answer: Answer) -> Response:
    headers = {"OData-Version": "4.0", "ms-dyn-aid": str(uuid.uuid4()), **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    headers["Content-Type"] = answer.content_type
    return Response(answer.text().encode(), answer.status, headers)


def throttled(env: Environment, kind: str = "", wait: int | None = None) -> Response:
    """429 as the settings say: the header is often missing for resource-based limits."""
    kind = kind or str(env.settings["throttle_text"])
    wait = wait if wait is not None else env.settings["retry_after"]
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    return rendered(Answer(429, error_body(_THROTTLED[kind]), headers))


def failed(status: int) -> Response:
    """What a fault of the panel answers."""
    return rendered(Answer(status, error_body("An error has occurred.")))
