"""What the product promises about an order on its way from the store into the ledger."""

from __future__ import annotations

from decimal import Decimal

import pytest

pytestmark = pytest.mark.usefixtures("tenant")


def test_a_paid_order_becomes_one_posted_invoice_over_the_same_total(flow):
    order, transfer = flow.carry()
    assert transfer.state == "posted", (transfer.hold, transfer.reason, transfer.vendor_words)
    booked = flow.booked()
    assert booked["posted"] == 1
    invoice = booked["invoices"][0]
    assert invoice["externalDocumentNumber"] == f"WEB-{order['id']}"
    assert invoice["totalAmountIncludingTax"] == Decimal(order["total_inc_tax"])
    assert booked["ledger_balance"] == 0
    assert transfer.documents.get().number == invoice["number"]
