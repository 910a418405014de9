"""Asynchronous and bulk calls: accepted at once, worked on later, row by row.

The status codes of an operation are Adobe's: 1 complete, 2 retriable failure, 3 failure for good,
4 open, 5 rejected. A store whose consumers do not run accepts bulks and never works on them.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.adobe_commerce.calls import Call, Route
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, dumps, no_such_entity, shown

COMPLETE, RETRIABLE, FAILED, OPEN, REJECTED = 1, 2, 3, 4, 5
_BULK = "Magento_AsynchronousOperations::magento_logging_system_magento_logging_bulk_operations"


class Bulks:
    def __init__(self, store: CommerceStore) -> None:
        self.store = store
        self.running, self.delay_seconds = True, 0.0
        self.bulks: dict[str, Record] = store.journal.load("bulk")
        self.waiting: deque[tuple[Record, Record, Callable[[], Any]]] = deque()

    def reset(self) -> None:
        self.bulks, self.running, self.delay_seconds = {}, True, 0.0
        self.waiting.clear()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "bulk/{bulkUuid}/status", _BULK, self.status),
            Route("GET", "bulk/{bulkUuid}/detailed-status", _BULK, self.detailed),
            Route("GET", "bulk/{bulkUuid}/operation-status/{status}", _BULK, self.count),
        ]

    def accept(self, route: Route, calls: list[Call]) -> Record:
        """Queue the rows. Rows that are not objects are rejected and the call fails, while the
        others stay queued."""
        number = str(uuid.uuid4())
        topic = f"async.{route.path.replace('/', '.')}.{route.method.lower()}"
        bulk: Record = {
            "bulk_id": number,
            "description": f"Topic {topic}",
            "start_time": self.store.now(),
            "user_id": 1,
            "user_type": 1,
            "operation_count": len(calls),
            "operations_list": [],
        }
        items = []
        for index, call in enumerate(calls):
            good = isinstance(call.body, dict)
            data = dumps(shown(call.body))
            operation: Record = {
                "id": self.store.next_id("operation", 4),
                "bulk_uuid": number,
                "topic_name": topic,
                "serialized_data": dumps(
                    {
                        "entity_id": None,
                        "entity_link": "",
                        "meta_information": data,
                        "topic_name": topic,
                    }
                ),
                "status": OPEN if good else REJECTED,
                "result_message": "" if good else "Error processing the row.",
                "error_code": 0,
            }
            bulk["operations_list"].append(operation)
            item: Record = {
                "id": index,
                "data_hash": hashlib.sha256(data.encode()).hexdigest(),
                "status": "accepted" if good else "rejected",
            }
            if not good:
                item |= {"error_message": "Error processing %1 element of input data"}
            items.append(item)
            if good:
                work = _work(route, call)
                self.waiting.append((bulk, operation, work))
        self.bulks[number] = bulk
        self.store.keep("bulk", number, bulk)
        failed = any(item["status"] == "rejected" for item in items)
        return {"bulk_uuid": number, "request_items": items, "errors": failed}

    async def work(self) -> None:
        """Runs beside the server, as the queue's consumers do."""
        while True:
            await asyncio.sleep(0.02)
            if self.waiting and self.running:
                await asyncio.sleep(self.delay_seconds)
            for _ in range(200):
                if not (self.waiting and self.running):
                    break
                self._do(*self.waiting.popleft())

    def _do(self, bulk: Record, operation: Record, work: Callable[[], Any]) -> None:
        try:
            work()
        except Refused as refused:
            operation["status"] = FAILED if refused.status < 500 else RETRIABLE
            operation["result_message"] = refused.text()
            operation["error_code"] = refused.status if refused.status != 400 else 0
        else:
            operation["status"] = COMPLETE
            operation["result_message"] = "Service execution success"
        self.store.keep("bulk", bulk["bulk_id"], bulk)

    def _one(self, call: Call) -> Record:
        bulk = self.bulks.get(call.params["bulkUuid"])
        if bulk is None:
            raise no_such_entity()
        return bulk

    def detailed(self, call: Call) -> Any:
        return self._one(call)

    def status(self, call: Call) -> Any:
        bulk = self._one(call)
        rows = [
            {name: row[name] for name in ("id", "status", "result_message", "error_code")}
            for row in bulk["operations_list"]
        ]
        return {**bulk, "operations_list": rows}

    def count(self, call: Call) -> Any:
        rows = self._one(call)["operations_list"]
        return sum(1 for row in rows if str(row["status"]) == call.params["status"])


def _work(route: Route, call: Call) -> Callable[[], Any]:
    return lambda: route.handler(call)
