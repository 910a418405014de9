"""The common record model: what a store tells us, what an ERP is asked to book.

Frozen values without I/O. Money is ``Decimal`` at the precision received, in the currency that
the record names; instants are aware UTC; ledger dates are plain dates.
"""

from connectors.records.catalog import (
    CatalogItem,
    ItemPrice,
    Party,
    PriceChange,
    ProductDraft,
    RowResult,
    StockChange,
    StockLevel,
    StoreProduct,
)
from connectors.records.documents import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    DraftLine,
    ErpCustomer,
    ErpDocument,
    ErpDocumentLine,
    ErpItem,
    LineKind,
)
from connectors.records.orders import (
    Address,
    Charge,
    ChargeKind,
    Customer,
    Discount,
    Order,
    OrderLine,
    Payment,
    PaymentEvent,
    Tender,
    TenderKind,
)
from connectors.records.parties import CustomerDraft
from connectors.records.sales import Refund, RefundPayment, RefundStatus, StoreInvoice

__all__ = [
    "Address",
    "CatalogItem",
    "Charge",
    "ChargeKind",
    "Customer",
    "CustomerDraft",
    "Discount",
    "DocumentDraft",
    "DocumentKind",
    "DocumentStatus",
    "DraftLine",
    "ErpCustomer",
    "ErpDocument",
    "ErpDocumentLine",
    "ErpItem",
    "ItemPrice",
    "LineKind",
    "Order",
    "OrderLine",
    "Party",
    "Payment",
    "PaymentEvent",
    "PriceChange",
    "ProductDraft",
    "Refund",
    "RefundPayment",
    "RefundStatus",
    "RowResult",
    "StockChange",
    "StockLevel",
    "StoreInvoice",
    "StoreProduct",
    "Tender",
    "TenderKind",
]
