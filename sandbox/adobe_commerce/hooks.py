"""Synchronous webhooks: Commerce stops the shopper, asks the receiver, and acts on the answer.

A hook fires before the order is committed: its payload has no entity_id, the API does not show
the order yet, and a required hook that fails means that the order never exists. There is no
redelivery. Numbers in an observer's payload are text with four decimals.
"""

from __future__ import annotations

import asyncio
import base64
import re
import uuid
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from typing import Any

from sandbox.adobe_commerce.calls import Call, Route, check_names
from sandbox.adobe_commerce.keys import SigningKey
from sandbox.adobe_commerce.outbound import Answer, Outbound
from sandbox.adobe_commerce.sales_api import order_answer
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, dumps, required, shown
from sandbox.common import jsonio

_ACL = "Magento_AdobeCommerceWebhooks::webhooks"
_FIELDS = [
    "batch_name",
    "batch_order",
    "developer_console_oauth",
    "fallback_error_message",
    "fields",
    "headers",
    "hook_name",
    "method",
    "priority",
    "required",
    "rules",
    "soft_timeout",
    "timeout",
    "ttl",
    "url",
    "webhook_method",
    "webhook_type",
]
_PLACE = "sales.api.order_management.place"
FALLBACK = "Cannot perform the operation due to an error."
# The moment and the type of hook -> names of the webhook methods that fire there.
_OBSERVERS = {
    "before": ("observer.sales_order_place_before", "observer.sales_order_save_before"),
    "after": ("observer.sales_order_place_after", "observer.sales_order_save_after"),
}


class Hooks:
    """The instance's hooks, their signature and the log of what was asked. ``token`` gives an IMS
    token for hooks that are configured with a developer console's credential."""

    def __init__(
        self,
        store: CommerceStore,
        outbound: Outbound,
        key: SigningKey,
        token: Callable[[], str],
        *,
        saas: bool,
    ) -> None:
        self.store, self.outbound, self.key, self.saas = store, outbound, key, saas
        self._token = token
        self.signing = "on"
        self.log: deque[Record] = deque(maxlen=2_000)
        self._cache: dict[tuple[str, bytes, str], tuple[float, Answer]] = {}
        self.load()
        store.gate = self.gate

    def load(self) -> None:
        self.hooks: dict[str, Record] = self.store.journal.load("hook")

    def reset(self) -> None:
        self.hooks, self.signing = {}, "on"
        self.log.clear()
        self._cache.clear()

    def supported(self) -> list[str]:
        plugin = _PLACE if self.saas else f"magento.{_PLACE}"
        return [*(n for names in _OBSERVERS.values() for n in names), f"plugin.{plugin}"]

    def routes(self) -> list[Route]:
        return [
            Route("GET", "webhooks/list", _ACL, lambda call: list(self.hooks.values())),
            Route("POST", "webhooks/subscribe", _ACL, self.subscribe),
            Route("POST", "webhooks/unsubscribe", _ACL, self.unsubscribe),
            *(
                [Route("GET", "webhooks/supportedList", _ACL, self.supported_list)]
                if self.saas
                else []
            ),
        ]

    def supported_list(self, call: Call) -> Any:
        return [{"name": name} for name in self.supported()]

    def subscribe(self, call: Call) -> Any:
        self.add(call.need("webhook"))
        return []

    def unsubscribe(self, call: Call) -> Any:
        given = call.need("webhook")
        if self.hooks.pop(_key(given), None) is None:
            raise Refused(400, "The webhook is not subscribed.")
        self.store.journal.drop("hook", _key(given))
        return []

    def add(self, given: Record) -> Record:
        interface = "Magento\\AdobeCommerceWebhooks\\Api\\Data\\WebhookDataInterface"
        check_names(given, _FIELDS, interface)
        for name in ("webhook_method", "webhook_type", "batch_name", "hook_name", "url"):
            if not given.get(name):
                raise required(name)
        if given["webhook_method"] not in self.supported():
            raise Refused(400, "The webhook method %1 is not supported.", [given["webhook_method"]])
        if given["webhook_type"] not in ("before", "after"):
            raise Refused(400, "The webhook type must be before or after.")
        if not str(given["url"]).startswith("https://"):
            raise Refused(400, "The URL of a webhook must begin with https.")
        hook = {
            "method": "POST",
            "timeout": 0,
            "soft_timeout": 0,
            "required": True,
            "fallback_error_message": FALLBACK,
            "priority": 0,
            "batch_order": 0,
            "ttl": 0,
            "fields": [],
            "rules": [],
            "headers": [],
            **{k: v for k, v in given.items() if v is not None},
        }
        self.hooks[_key(hook)] = hook
        self.store.keep("hook", _key(hook), hook)
        return hook

    async def gate(self, moment: str, order: Record) -> None:
        """Ask every hook of this moment. Raises Refused when one forbids the order."""
        plugin = self.supported()[-1]
        for name in (*_OBSERVERS[moment], plugin):
            kind = moment if name == plugin else "after"
            found = [
                h
                for h in self.hooks.values()
                if h["webhook_method"] == name and (name != plugin or h["webhook_type"] == kind)
            ]
            if found:
                await self._ask(found, self._payload(name, moment, order, plugin))

    def _payload(self, name: str, moment: str, order: Record, plugin: str) -> Record:
        shape = order_answer({**order, "_shipping_address": order.get("_address")})
        record = _as_text(shown(shape))
        if name == plugin:
            return {"order": record, **({"result": record} if moment == "after" else {})}
        return {"eventName": name.removeprefix("observer."), "data": {"order": record}}

    async def _ask(self, hooks: list[Record], payload: Record) -> None:
        def batch(hook: Record) -> tuple[int, str]:
            return (int(hook["batch_order"]), str(hook["batch_name"]))

        for _, group in groupby(sorted(hooks, key=batch), key=batch):
            together = sorted(group, key=lambda hook: -int(hook["priority"]))
            outcomes = await asyncio.gather(*(self._one(hook, payload) for hook in together))
            for refusal in outcomes:
                if refusal:
                    raise Refused(400, refusal)

    async def _one(self, hook: Record, payload: Record) -> str | None:
        """Why the order must not go on; none when it may."""
        if not all(_met(rule, payload) for rule in hook["rules"]):
            return None
        fields = hook["fields"]
        content = _chosen(payload, fields) if fields else payload
        body = dumps(content).encode()
        headers = self._headers(hook, body)
        began = asyncio.get_running_loop().time()
        problem, answer = "", None
        try:
            answer = await self._cached(hook, headers, body)
            if not 200 <= answer.status < 300:
                problem = f"answered {answer.status}"
        except TimeoutError:
            problem = "timed out"
        except OSError as error:
            problem = str(error) or "could not be reached"
        taken = int((asyncio.get_running_loop().time() - began) * 1000)
        refusal = None
        if problem and hook["required"]:
            refusal = str(hook["fallback_error_message"])
        elif answer is not None and not problem:
            refusal, problem = _outcome(answer, hook)
        self.log.append(
            {
                "at": self.store.clock.now().isoformat(),
                "hook": _key(hook),
                "url": hook["url"],
                "headers": headers,
                "body": body.decode(),
                "status": answer.status if answer else None,
                "milliseconds": taken,
                "slow": bool(hook["soft_timeout"]) and taken > int(hook["soft_timeout"]),
                "problem": problem,
                "refused": refusal,
            }
        )
        return refusal

    async def _cached(self, hook: Record, headers: dict[str, str], body: bytes) -> Answer:
        """The receiver's answer, or the kept one of an identical request within its ttl."""
        own = {k: v for k, v in headers.items() if not k.startswith("x-adobe-commerce")}
        key = (str(hook["url"]), body, repr(sorted(own.items())))
        now = self.store.clock.time()
        if hook["ttl"] and key in self._cache and self._cache[key][0] > now:
            return self._cache[key][1]
        limit = int(hook["timeout"])
        answer = await self.outbound.send(
            str(hook["method"]),
            str(hook["url"]),
            headers=headers,
            body=body,
            timeout_seconds=limit / 1000 if limit else None,
        )
        if hook["ttl"]:
            self._cache[key] = (now + float(hook["ttl"]), answer)
        return answer

    def _headers(self, hook: Record, body: bytes) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "x-adobe-commerce-request-id": uuid.uuid4().hex,
            **{str(row["name"]): str(row["value"]) for row in hook["headers"]},
        }
        oauth = hook.get("developer_console_oauth")
        if oauth:
            headers["authorization"] = f"Bearer {self._token()}"
            headers["x-gw-ims-org-id"] = str(oauth.get("org_id", ""))
        if self.signing != "off":
            message = base64.b64encode(body)
            if self.signing == "wrong":
                message += b"0"
            headers["x-adobe-commerce-webhook-signature"] = self.key.sign(message)
        return headers


def _key(hook: Record) -> str:
    names = ("webhook_method", "webhook_type", "batch_name", "hook_name")
    return "|".join(str(hook.get(name, "")) for name in names)


def _outcome(answer: Answer, hook: Record) -> tuple[str | None, str]:
    """(the words that stop the shopper, a problem for the log)."""
    try:
        found = jsonio.loads(answer.body)
    except ValueError:
        words = str(hook["fallback_error_message"])
        return (words if hook["required"] else None), "the answer is not JSON"
    for operation in found if isinstance(found, list) else [found]:
        name = operation.get("op") if isinstance(operation, dict) else None
        if name == "exception":
            return str(operation.get("message") or hook["fallback_error_message"]), ""
        if name not in ("success", "add", "replace", "remove"):
            words = str(hook["fallback_error_message"])
            return (words if hook["required"] else None), "the answer has no known operation"
    return None, ""


def _as_text(value: Any) -> Any:
    """Numbers as the database hands them out: text, money with four decimals."""
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _chosen(payload: Record, fields: list[Record]) -> Record:
    """Only the configured fields, under their configured names."""
    out: Record = {}
    for field in fields:
        name = str(field["name"])
        value = pick(payload, str(field.get("source") or name).split("."))
        _put(out, name.replace("[]", "").split("."), value)
    return out


def pick(value: Any, path: list[str]) -> Any:
    """``data.order.items[].sku`` of a payload: a list for each pair of brackets."""
    for number, part in enumerate(path):
        many = part.endswith("[]")
        value = value.get(part.removesuffix("[]")) if isinstance(value, dict) else None
        if many and isinstance(value, list):
            rest = path[number + 1 :]
            return [pick(item, rest) for item in value] if rest else value
    return value


def _put(out: Record, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        out = out.setdefault(part, {})
    out[path[-1]] = value


def _met(rule: Record, payload: Record) -> bool:
    value = pick(payload, str(rule["field"]).split("."))
    wanted, text = str(rule["value"]), "" if value is None else str(value)
    match rule["operator"]:
        case "equal":
            return text == wanted
        case "greaterThan":
            return bool(text) and Decimal(text) > Decimal(wanted)
        case "lessThan":
            return bool(text) and Decimal(text) < Decimal(wanted)
        case "regex":
            return re.search(wanted.strip("/"), text) is not None
        case "in":
            return text in (part.strip() for part in wanted.split(","))
        case _:
            return False
