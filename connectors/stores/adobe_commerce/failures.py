"""What the price calls answer: 200 whatever becomes of their rows, and a list of the failed ones,
which names them by their values and never by their place. Source: core PriceUpdateResult."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.http import Reply
from connectors.records import RowResult
from connectors.stores.adobe_commerce import errors, goods
from connectors.stores.adobe_commerce.batches import Unclear


def failures_of(reply: Reply) -> Sequence[Mapping[str, Any]]:
    failures = reply.json()
    if not isinstance(failures, list) or not all(isinstance(one, Mapping) for one in failures):
        raise UnexpectedShape(reply.where, "is not a list of failures")
    return failures


def failed(
    skus: Sequence[str], failures: Sequence[Mapping[str, Any]], *, reason: str, what: str
) -> dict[int, RowResult]:
    """The failed rows by place, of a batch with these SKUs. Several failures of a row are told
    together. Raises Unclear where a failure fits no row, or several."""
    by_sku: dict[str, list[int]] = {}
    for place, sku in enumerate(skus):
        by_sku.setdefault(goods.sku_key(sku), []).append(place)
    found: dict[int, RowResult] = {}
    for failure in failures:
        given = failure.get("parameters") or []
        words = errors.filled(_named(str(failure.get("message", "")), given), given)
        values = list(given.values()) if isinstance(given, Mapping) else list(given)
        named = {key for value in values if (key := goods.sku_key(str(value))) in by_sku}
        if len(named) != 1 and len(by_sku) > 1:
            raise Unclear(f"{what}: {words}", vendor_words=words, reason=reason)
        for place in by_sku[named.pop() if named else next(iter(by_sku))]:
            before = found[place].vendor_words if place in found else ""
            found[place] = RowResult(
                key=skus[place],
                error=reason,
                vendor_words=f"{before} {words}".strip() if words not in before else before,
            )
    return found


def _named(message: str, given: Any) -> str:
    """The message with its names numbered, where the parameters come as a list."""
    if isinstance(given, Mapping):
        return message
    names = list(dict.fromkeys(errors.PLACE.findall(message)))
    for number, name in enumerate(names, 1):
        if not name.isdigit():
            message = message.replace(f"%{name}", f"%{number}")
    return message
