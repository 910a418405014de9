"""One example of everything that the API answers or takes, for the schema: held to it by a test."""

from __future__ import annotations

from typing import Any

DIFFERENCE = {"total": "0.01", "tax": "0.00"}
DOCUMENT: dict[str, Any] = {
    "id": 812,
    "transfer": 4711,
    "kind": "sales_invoice",
    "status": "created",
    "reference": "WEB-1042",
    "number": "S-INV103021",
    "invoice_number": "",
    "total": {"amount": "119.99", "currency": "GBP"},
    "tax": {"amount": "20.00", "currency": "GBP"},
    "posting_date": "2026-11-21",
    "url": "https://businesscentral.dynamics.com/",
    "created_at": "2026-11-21T08:00:01.120000Z",
    "posted_at": None,
    "updated_at": "2026-11-21T08:00:02.480000Z",
}
TRANSFER: dict[str, Any] = {
    "id": 4711,
    "job_id": "web:orders:1042",
    "route": "web",
    "flow": "orders",
    "number": "1042",
    "order_key": "1042",
    "state": "held",
    "hold": "totals_disagree",
    "hold_keys": [],
    "reason": "The totals differ by 0.01 GBP.",
    "advice": "Accept the difference, or correct the order.",
    "party": "Northwind Climbers Ltd",
    "party_email": "orders@northwind.example",
    "total": {"amount": "120.00", "currency": "GBP"},
    "attempts": 0,
    "due_at": None,
    "placed_at": "2026-11-21T07:59:40Z",
    "received_at": "2026-11-21T08:00:00.400000Z",
    "posted_at": None,
    "updated_at": "2026-11-21T08:00:02.500000Z",
    "documents": [DOCUMENT],
}
ROW = {"what": "Total", "store": "120.00", "erp": "119.99", "difference": "0.01"}
EXCHANGE: dict[str, Any] = {
    "id": 90112,
    "at": "2026-11-21T08:00:01.200000Z",
    "connection": 2,
    "purpose": "create invoice",
    "method": "POST",
    "path": "/v2.0/Production/api/v2.0/companies(10a949ca)/salesInvoices",
    "status": 201,
    "error": "",
    "duration_ms": 312,
}
ENTRY: dict[str, Any] = {
    "id": 55120,
    "at": "2026-11-21T08:00:02.500000Z",
    "actor_kind": "worker",
    "actor": "",
    "action": "held",
    "words": "The totals differ by 0.01 GBP.",
    "data": {"state": "held", "hold": "totals_disagree"},
    "digests": {"record": "9f2c4be1d0a7f35e8c6b1d94a2e07f53c8d4b6a1e9f03725dc84ab16e70f9d32"},
    "transfer": 4711,
    "document": None,
    "connection": None,
    "route": None,
}
CHECK = {
    "name": "Company",
    "verdict": "ok",
    "words": "Acme Outdoor Ltd, ledger in GBP.",
    "advice": "",
    "whose_move": "",
    "code": "",
}
CONNECTION: dict[str, Any] = {
    "id": 2,
    "slug": "ledger",
    "name": "Acme ledger",
    "kind": "business_central",
    "role": "erp",
    "state": "healthy",
    "state_code": "",
    "state_reason": "",
    "state_advice": "",
    "state_at": "2026-11-20T16:30:00Z",
    "pinged_at": "2026-11-21T07:30:00Z",
}
SETTING = {
    "name": "environment",
    "label": "Environment",
    "value": "Production",
    "is_secret": False,
    "is_set": True,
}
HOOKS = {
    "scope": "store/order/created",
    "is_active": True,
    "checked_at": "2026-11-21T07:30:00Z",
}
ROUTE: dict[str, Any] = {
    "id": 1,
    "slug": "web",
    "name": "Web orders",
    "store": "shop",
    "erp": "ledger",
    "prefix": "WEB-",
    "is_active": True,
    "start_at": "2026-11-01T00:00:00Z",
}
MAPPING = {
    "target": "invoice",
    "field": "salesperson",
    "label": "Salesperson",
    "source": "constant",
    "expression": "WEB",
    "lookup": "",
    "default": "",
    "is_builtin": False,
}
SCHEDULE: dict[str, Any] = {
    "id": 3,
    "flow": "items",
    "is_on": True,
    "is_paused": False,
    "is_running": False,
    "every_minutes": 60,
    "at_times": ["06:30", "18:00"],
    "started_at": "2026-11-21T06:30:00.210000Z",
    "finished_at": "2026-11-21T06:31:12.480000Z",
    "next_at": "2026-11-21T18:00:00Z",
    "rows_seen": 1284,
    "rows_written": 17,
    "rows_refused": 1,
    "words": "1284 rows read, 17 written, 1 refused.",
    "report": {"matched": 1270, "erp_only": 14, "store_only": 3},
}
LOOKUP = {"table": "charges", "title": "Charges and special lines", "row_count": 8}
STATE_COUNT = {"flow": "orders", "state": "posted", "transfers": 41}
COUNT = {
    "day": "2026-11-21",
    "flow": "orders",
    "state": "posted",
    "currency": "GBP",
    "transfers": 41,
    "store_total": {"amount": "5120.40", "currency": "GBP"},
    "documents": 41,
    "erp_total": {"amount": "5120.40", "currency": "GBP"},
    "documents_without_total": 0,
}

# By the name of the component in the schema.
EXAMPLES: dict[str, dict[str, Any]] = {
    "Document": DOCUMENT,
    "Transfer": TRANSFER,
    "TransferDetail": {
        **TRANSFER,
        "vendor_words": "",
        "comparison": {
            "total": ROW,
            "tax": {**ROW, "what": "Tax", "store": "20.00", "erp": "20.00", "difference": "0.00"},
            "rows": [{**ROW, "what": "Two-person tent"}],
            "difference": DIFFERENCE,
            "can_be_corrected": False,
        },
        "exchanges": [EXCHANGE],
        "timeline": [ENTRY],
    },
    "Act": {"changed": True, "corrections": [], "transfer": {**TRANSFER, "state": "waiting"}},
    "SkipRequest": {"reason": "Staff order, booked by hand."},
    "DifferenceRequest": DIFFERENCE,
    "DifferenceSeenRequest": {"difference": DIFFERENCE},
    "Exchange": EXCHANGE,
    "Entry": ENTRY,
    "Check": CHECK,
    "Connection": CONNECTION,
    "ConnectionDetail": {
        **CONNECTION,
        "title": "Business Central",
        "facts": {"Company": "Acme Outdoor Ltd"},
        "checks": [CHECK],
        "settings": [SETTING],
        "webhooks": [HOOKS],
    },
    "Setting": SETTING,
    "Hooks": HOOKS,
    "Ping": {"is_healthy": True, "checks": [CHECK], "connection": CONNECTION},
    "Route": ROUTE,
    "RouteDetail": {
        **ROUTE,
        "settings": [{**SETTING, "name": "cut_off", "label": "Day ends at", "value": "00:00"}],
        "mappings": [MAPPING],
        "lookups": [LOOKUP],
    },
    "Mapping": MAPPING,
    "Lookup": LOOKUP,
    "LookupRow": {
        "id": 12,
        "table": "charges",
        "key": "shipping",
        "value": "account:6610",
        "note": "",
        "updated_at": "2026-11-02T10:00:00Z",
        "updated_by": "anna@acme-outdoor.example",
    },
    "Schedule": SCHEDULE,
    "RunRequest": {"from_the_start": False},
    "BackfillRequest": {
        "since": "2026-11-01T00:00:00Z",
        "until": "2026-11-08T00:00:00Z",
        "numbers": ["1042", "1043"],
        "dry_run": True,
    },
    "Plan": {"fresh": ["1042"], "known": ["1043"], "fetched": 0, "dry_run": True},
    "Count": COUNT,
    "StateCount": STATE_COUNT,
    "Reconciliation": {
        "first_day": "2026-11-21",
        "last_day": "2026-11-21",
        "time_zone": "Europe/London",
        "states": [STATE_COUNT],
        "days": [COUNT],
    },
}
