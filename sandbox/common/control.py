"""The control panel's common part: JSON API and page frame."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.common import jsonio
from sandbox.common.clock import Clock
from sandbox.common.faults import BadFault, Faults
from sandbox.common.jsonio import Json

BASE = "/__sandbox__"
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #3056d3; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.note { opacity: .75; margin: .25rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .85rem; opacity: .75; } td.n, th.n { text-align: right; }
form { display: inline; } button { font: inherit; padding: .3rem .7rem; border-radius: 6px;
border: 1px solid var(--line); background: var(--soft); cursor: pointer; margin: .1rem; }
button:hover { border-color: var(--accent); } .wide { overflow-x: auto; }
input { font: inherit; padding: .3rem .5rem; border-radius: 6px; border: 1px solid var(--line); }
.badge { border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; font-size: .8rem; }
"""


def page(title: str, note: str, *sections: tuple[str, str]) -> HTMLResponse:
    """A page of the panel: sections of (heading, html)."""
    body = "".join(f"<section><h2>{html.escape(h)}</h2>{inner}</section>" for h, inner in sections)
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<link rel=icon href=data:,>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p class=note>{html.escape(note)}</p>{body}</html>"
    )


def table(heads: list[str], rows: list[list[str]], *, empty: str = "Nothing yet.") -> str:
    """A table; cells are html already. A heading that begins with # is for numbers."""
    if not rows:
        return f"<p class=note>{empty}</p>"
    numeric = [head.startswith("#") for head in heads]
    head = "".join(
        f"<th class=n>{h[1:]}</th>" if n else f"<th>{h}</th>"
        for h, n in zip(heads, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class=n>{cell}</td>" if n else f"<td>{cell}</td>"
            for cell, n in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def subscribed(rows: Iterable[dict[str, Any]], clock: Clock, delay: float) -> str:
    """The section of a panel about change subscriptions: the clock, and what ends when."""
    held = [
        [
            html.escape(row["resource"].rpartition("/")[2]),
            html.escape(row["notificationUrl"]),
            html.escape(row["expirationDateTime"][:16].replace("T", " ")) + " UTC",
            button("Delete", "subscriptions", act="lose", id=row["subscriptionId"]),
        ]
        for row in rows
    ]
    return (
        f"<p>The clock here shows {clock.now():%Y-%m-%d %H:%M} UTC. A change is told {delay:g} "
        "seconds after the first one of a record.</p>"
        + button("One hour later", "clock", advance_seconds="3600")
        + button("Two days later", "clock", advance_seconds="172800")
        + button("Four days later", "clock", advance_seconds="345600")
        + button("Delete all subscriptions", "subscriptions", act="lose")
        + table(["Resource", "Address", "Ends", ""], held)
    )


def button(label: str, path: str, /, **fields: str) -> str:
    hidden = "".join(
        f'<input type=hidden name="{html.escape(k)}" value="{html.escape(v)}">'
        for k, v in fields.items()
    )
    return (
        f'<form method=post action="{BASE}/api/{path}">{hidden}'
        f"<button>{html.escape(label)}</button></form>"
    )


async def body_of(request: Request) -> dict[str, Any]:
    """The fields of a JSON or form request."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    raw = await request.body()
    return jsonio.loads(raw) if raw.strip() else {}


def done(request: Request, result: Any = None) -> Response:
    """JSON for programs; back to the page for a button."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return RedirectResponse(f"{BASE}/", status_code=303)
    return Json({"ok": True} if result is None else result)


def refuse(message: str) -> Json:
    return Json({"error": message}, status_code=400)


def common_routes(faults: Faults, clock: Clock, reset: Callable[[], None]) -> list[Route]:
    async def health(request: Request) -> Response:
        return Json({"status": "ok"})

    async def do_reset(request: Request) -> Response:
        faults.remove()
        faults.latency_ms = 0
        faults.requests.clear()
        faults.counts.clear()
        clock.advance(-clock.offset.total_seconds())
        reset()
        return done(request)

    async def requests(request: Request) -> Response:
        limit = int(request.query_params.get("limit", 200))
        return Json({"counts": dict(faults.counts), "requests": list(faults.requests)[-limit:]})

    async def clear(request: Request) -> Response:
        faults.requests.clear()
        faults.counts.clear()
        return done(request)

    async def list_faults(request: Request) -> Response:
        return Json([vars(rule) for rule in faults.rules])

    async def add_fault(request: Request) -> Response:
        try:
            rule = faults.add(await body_of(request))
        except (BadFault, TypeError) as error:
            return refuse(str(error))
        return done(request, vars(rule))

    async def clear_faults(request: Request) -> Response:
        faults.remove()
        return done(request)

    async def latency(request: Request) -> Response:
        faults.latency_ms = int((await body_of(request)).get("ms", 0))
        return done(request)

    async def read_clock(request: Request) -> Response:
        return Json({"now": clock.now().isoformat(), "offset": int(clock.offset.total_seconds())})

    async def set_clock(request: Request) -> Response:
        clock.advance(float((await body_of(request)).get("advance_seconds", 0)))
        return done(request, {"now": clock.now().isoformat()})

    api = f"{BASE}/api"
    return [
        Route(f"{api}/health", health),
        Route(f"{api}/reset", do_reset, methods=["POST"]),
        Route(f"{api}/requests", requests),
        Route(f"{api}/requests/clear", clear, methods=["POST"]),
        Route(f"{api}/faults", list_faults, methods=["GET"]),
        Route(f"{api}/faults", add_fault, methods=["POST"]),
        Route(f"{api}/faults", clear_faults, methods=["DELETE"]),
        Route(f"{api}/faults/clear", clear_faults, methods=["POST"]),
        Route(f"{api}/latency", latency, methods=["POST"]),
        Route(f"{api}/clock", read_clock, methods=["GET"]),
        Route(f"{api}/clock", set_clock, methods=["POST"]),
    ]
