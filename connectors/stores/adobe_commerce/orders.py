"""Commerce's order into ``records.Order``: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import Address, Customer, Order
from connectors.stores.adobe_commerce import figures, payments, rows
from connectors.stores.adobe_commerce.amounts import Amounts, to_instant
from connectors.stores.adobe_commerce.settings import STATUSES

# Extensions give numbers like UK/26/0007 too.
INCREMENT = r"[A-Za-z0-9#][A-Za-z0-9#/_.:-]{0,49}"
_FULL_KEY = re.compile(rf"([0-9]{{1,5}})-({INCREMENT})")
_NOT_IN_NUMBERS = re.compile(r"[^A-Za-z0-9-]+")
# The sequence's default form: nine digits, the store view's number before them in every view but
# the first; "-1" and so on where the order was edited.
_DEFAULT_NUMBER = re.compile(r"([0-9]{0,5})([0-9]{9})(-[0-9]{1,3})?")


def key_of(store_id: int, increment_id: str) -> str:
    """The one key that a webhook, a list and a person all lead to: Commerce keeps increment ids
    unique within a store view only."""
    return f"{store_id}-{increment_id}"


def split_key(key: str) -> tuple[str, str]:
    """(store view's number, increment id). Raises ValueError."""
    found = _FULL_KEY.fullmatch(key)
    if not found:
        raise ValueError(f"{key} is not a store view's number, a hyphen and an order number")
    return found.group(1), found.group(2)


def key_from(text: str) -> str:
    """The key for what a person typed: ``2-000000142``, or an order number in the default form,
    which tells its store view. Raises ValueError, in words."""
    text = text.strip().lstrip("#")
    plain = _DEFAULT_NUMBER.fullmatch(text)
    if plain:
        return f"{int(plain.group(1) or 1)}-{text}"
    if _FULL_KEY.fullmatch(text):
        store_id, increment_id = split_key(text)
        return f"{int(store_id)}-{increment_id}"
    raise ValueError(
        "Type the store view's number, a hyphen and the order number, for instance 1-000000142."
    )


def number_of(store_id: int, increment_id: str, *, with_store: bool) -> str:
    """The number for people and for ERP references: letters, digits and hyphens."""
    number = _NOT_IN_NUMBERS.sub("-", increment_id).strip("-")
    return f"{store_id}-{number}" if with_store else number


def number_length(*, with_store: bool) -> int:
    """Of a number in its default form, of a store view below ten, of an order that was edited."""
    return len(number_of(2, "2000000142-1", with_store=with_store))


def to_order(
    raw: Mapping[str, Any],
    *,
    base: bool = False,
    prices_include_tax: bool = False,
    with_store: bool = False,
    invoices: Sequence[Mapping[str, Any]] = (),
    transactions: Sequence[Mapping[str, Any]] = (),
) -> Order:
    """Build an Order from an order as ``GET /V1/orders`` lists it.

    ``base`` reads the website's base currency instead of the order's. ``invoices`` and
    ``transactions`` are those of this order, as far as they were asked for: its payments come from
    them. Raises UnexpectedShape, naming the field. Source: Adobe, REST schema of 2.4.8,
    sales-data-order-interface.
    """
    head = Amounts(raw, "order", base=base)
    extra = head.inner("extension_attributes")
    store_id, increment_id = head.integer("store_id"), head.text("increment_id")
    taxes = _applied_taxes(extra)
    found = rows.choose(
        [rows.of_order(item) for item in head.each("items")], head.amount("subtotal")
    )
    coupon = head.text("coupon_code", "")
    shipping = _shipping(extra)
    method = shipping.text("method", "") if shipping else ""
    sums = figures.of_document(
        head,
        found,
        taxes=taxes,
        coupon=coupon or head.text("discount_description", ""),
        shipping_name=head.text("shipping_description", ""),
        shipping_method=method,
        fees=figures.custom_fees(extra),
    )
    billing_raw = head.object("billing_address")
    billing = _address(billing_raw) if billing_raw else Address()
    delivered = shipping.object("address") if shipping else None
    delivery = _address(delivered) if delivered else None
    placed_at = head.convert("created_at", to_instant)
    status, label = _status(head)
    payment = head.inner("payment")
    return Order(
        external_id=key_of(store_id, increment_id),
        number=number_of(store_id, increment_id, with_store=with_store),
        status=status,
        status_label=label,
        placed_at=placed_at,
        modified_at=head.convert("updated_at", to_instant, placed_at),
        currency=head.currency,
        prices_include_tax=prices_include_tax,
        customer=_customer(head, billing, delivery),
        billing=billing,
        shipping=delivery,
        lines=sums.lines,
        charges=sums.charges,
        total_ex_tax=sums.total_inc_tax - sums.total_tax,
        total_tax=sums.total_tax,
        total_inc_tax=sums.total_inc_tax,
        tenders=sums.tenders,
        payments=payments.of_order(head, invoices, transactions),
        payment_method=payment.text("method", ""),
        payment_status=payments.status_of(head),
        shipping_method=head.text("shipping_description", "") or method,
        store_currency=head.text("base_currency_code", ""),
        exchange_rate=Decimal(1) if base else head.decimal("base_to_order_rate", Decimal(1)),
        channel=str(store_id),
        source=" / ".join(head.text("store_name", "").split("\n")),
        comment=head.text("customer_note", ""),
        extra=_extra(head, extra, sums.rounding),
    )


def _status(head: Amounts) -> tuple[str, str]:
    """(state, label). The state decides; the status is the merchant's own word beneath it."""
    state, status = head.text("state", ""), head.text("status", "")
    found = "fraud" if status == "fraud" else state or status
    words = STATUSES.get(found, found)
    if status and status not in (found, "pending") and status not in STATUSES:
        words = f"{words} ({status})"
    return found, words


def _extra(head: Amounts, extra: Amounts, rounding: Decimal) -> dict[str, str]:
    found = {
        "entity_id": str(head.integer("entity_id")),
        "coupon_code": head.text("coupon_code", ""),
        "tax_number": head.text("customer_taxvat", "") or _vat_id(head),
        "po_number": head.inner("payment").text("po_number", ""),
        "original_number": head.text("original_increment_id", ""),
        "store_reference": head.text("ext_order_id", ""),
        "company_name": extra.inner("company_order_attributes").text("company_name", ""),
        "rounding": f"{rounding:f}" if rounding else "",
    }
    return {name: value for name, value in found.items() if value}


def _vat_id(head: Amounts) -> str:
    return head.inner("billing_address").text("vat_id", "")


def _applied_taxes(extra: Amounts) -> dict[str, str]:
    """Item id, or "shipping" -> the codes of the taxes applied to it."""
    found: dict[str, str] = {}
    for entry in extra.each("item_applied_taxes"):
        codes = "+".join(
            code for tax in entry.each("applied_taxes") if (code := tax.text("code", ""))
        )
        kind = entry.text("type", "")
        item = str(entry.integer("item_id", 0) or "")
        if codes and (item or kind == figures.SHIPPING):
            found[figures.SHIPPING if kind == figures.SHIPPING else item] = codes
    return found


def _shipping(extra: Amounts) -> Reader | None:
    """The first shipping assignment's address and method; none for virtual orders."""
    assignments = extra.each("shipping_assignments")
    return assignments[0].object("shipping") if assignments else None


def _address(read: Reader) -> Address:
    street = [str(part).strip() for part in read.raw("street") or () if str(part or "").strip()]
    first = " ".join(
        part for name in ("firstname", "middlename") if (part := read.text(name, "").strip())
    )
    return Address(
        first_name=first,
        last_name=read.text("lastname", "").strip(),
        company=read.text("company", "").strip(),
        street_1=street[0] if street else "",
        street_2=", ".join(street[1:]),
        city=read.text("city", "").strip(),
        state=read.text("region", "").strip() or read.text("region_code", ""),
        postal_code=read.text("postcode", "").strip(),
        country_code=read.text("country_id", "").upper(),
        phone=read.text("telephone", "").strip(),
        email=read.text("email", "").strip(),
    )


def _customer(head: Amounts, billing: Address, shipping: Address | None) -> Customer:
    guest = head.flag("customer_is_guest")
    return Customer(
        external_id="" if guest else str(head.integer("customer_id", 0) or ""),
        email=head.text("customer_email", "").strip() or billing.email,
        first_name=head.text("customer_firstname", "").strip() or billing.first_name,
        last_name=head.text("customer_lastname", "").strip() or billing.last_name,
        company=billing.company,
        phone=billing.phone,
        group=str(head.integer("customer_group_id", 0)),
        billing=billing,
        shipping=shipping,
    )
