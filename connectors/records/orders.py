"""What a store sold: the order as every store adapter delivers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address as the shopper typed it. ``country_code`` is ISO 3166 alpha-2."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street_1: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    country_code: str = ""
    phone: str = ""
    email: str = ""

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.first_name.strip(), self.last_name.strip()) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A shopper. ``external_id`` is empty for a guest."""

    external_id: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: str = ""
    group: str = ""
    billing: Address | None = None
    shipping: Address | None = None

    @property
    def is_guest(self) -> bool:
        return not self.external_id

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.first_name.strip(), self.last_name.strip()) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """One reduction, in the store's pricing mode (with tax when its prices include tax)."""

    amount: Decimal
    name: str = ""
    code: str = ""
    kind: str = "automatic"  # automatic | coupon | manual


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line of goods.

    ``unit_price_*`` are before discounts. ``discount_*`` is everything taken off this line, its
    share of order-level and coupon discounts included, for the whole quantity. ``net_*`` is what
    the shopper paid for the line. Gift wrapping is not in the line: it is a ``Charge``.
    """

    external_id: str
    sku: str
    name: str
    quantity: Decimal
    unit_price_ex_tax: Decimal
    unit_price_inc_tax: Decimal
    net_ex_tax: Decimal
    net_inc_tax: Decimal
    discount_ex_tax: Decimal = ZERO
    discount_inc_tax: Decimal = ZERO
    discounts: tuple[Discount, ...] = ()
    gtin: str = ""
    kind: str = "physical"  # physical | digital | giftcertificate | custom
    product_id: str = ""
    variant_id: str = ""
    options: str = ""
    tax_class: str = ""
    quantity_refunded: Decimal = ZERO

    @property
    def tax(self) -> Decimal:
        return self.net_inc_tax - self.net_ex_tax


class ChargeKind(StrEnum):
    SHIPPING = "shipping"
    HANDLING = "handling"
    WRAPPING = "wrapping"
    FEE = "fee"
    ADJUSTMENT = "adjustment"  # an amount given back, or kept, beside all lines
    TAX = "tax"  # a correction of tax alone: both amounts are the tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A sum beside the goods, net of discounts. Negative where a refund keeps something back."""

    kind: ChargeKind
    name: str
    amount_ex_tax: Decimal
    amount_inc_tax: Decimal
    tax_class: str = ""
    method: str = ""
    external_id: str = ""


class TenderKind(StrEnum):
    GIFT_CERTIFICATE = "gift_certificate"
    STORE_CREDIT = "store_credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """A part of the total settled without money: it pays the order, it does not reduce it."""

    kind: TenderKind
    amount: Decimal
    code: str = ""


class PaymentEvent(StrEnum):
    PURCHASE = "purchase"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"
    PENDING = "pending"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One transaction that the store recorded for the order."""

    external_id: str
    event: PaymentEvent
    method: str
    amount: Decimal
    currency: str
    gateway: str = ""
    gateway_transaction_id: str = ""
    succeeded: bool = True
    is_test: bool = False
    is_offline: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One store order, whole.

    All money is in ``currency``, the currency that the shopper pays in. ``total_inc_tax`` is what
    the order costs before gift certificates and store credit settle a part of it (``tenders``).
    ``prices_include_tax`` is the store's pricing mode for this order. ``discounts`` are only those
    order-level reductions that are not in the lines' net amounts already: an adapter that can
    share them out over the lines does so and leaves this empty.
    """

    external_id: str
    number: str
    status: str
    status_label: str
    placed_at: datetime
    modified_at: datetime
    currency: str
    prices_include_tax: bool
    customer: Customer
    billing: Address
    shipping: Address | None
    lines: tuple[OrderLine, ...]
    charges: tuple[Charge, ...]
    total_ex_tax: Decimal
    total_tax: Decimal
    total_inc_tax: Decimal
    discounts: tuple[Discount, ...] = ()
    tenders: tuple[Tender, ...] = ()
    payments: tuple[Payment, ...] = ()
    payment_method: str = ""
    payment_status: str = ""
    shipping_method: str = ""
    store_currency: str = ""
    exchange_rate: Decimal | None = None
    channel: str = ""
    source: str = ""
    comment: str = ""
    is_archived: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def lines_total_inc_tax(self) -> Decimal:
        """Goods and charges with tax, less what is not in the lines: must equal
        ``total_inc_tax``, or the store's own figures do not add up."""
        goods = sum((line.net_inc_tax for line in self.lines), ZERO)
        charges = sum((charge.amount_inc_tax for charge in self.charges), ZERO)
        return goods + charges - sum((discount.amount for discount in self.discounts), ZERO)

    @property
    def is_test(self) -> bool:
        """Paid by test transactions only: such an order must never reach a ledger."""
        return bool(self.payments) and all(payment.is_test for payment in self.payments)
