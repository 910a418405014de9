"""What a person fills in to connect a BigCommerce store."""

from connectors.contract import Setting

SIGNATURES = (
    ("standard", "Standard Webhooks (webhook-signature)"),
    ("x-bc-signature", "X-BC-Signature"),
    ("either", "Either of the two"),
)

SETTINGS = (
    Setting(
        name="store_hash",
        label="Store hash",
        help="The part of the API path after /stores/, for instance “a1b2c3d4e5”.",
        pattern=r"^[A-Za-z0-9]{3,20}$",
    ),
    Setting(
        name="access_token",
        label="Access token",
        kind="secret",
        help="Of a store-level API account with the scopes: orders read-only, transactions "
        "read-only, customers read-only, products read-only, store information read-only. To "
        "write items, prices, stock or customers into the store: products modify, store inventory "
        "modify, customers modify.",
    ),
    Setting(name="client_id", label="Client ID", help="Of the same API account."),
    Setting(
        name="client_secret",
        label="Client secret",
        kind="secret",
        help="Of the same API account. Webhook signatures are checked with it.",
    ),
    Setting(
        name="hook_signature",
        label="Webhook signature",
        kind="choice",
        choices=SIGNATURES,
        default="standard",
        help="How deliveries are signed. Today's stores use Standard Webhooks.",
    ),
    Setting(
        name="hook_window_seconds",
        label="Replay window",
        kind="integer",
        default="300",
        group="Advanced",
        help="Seconds by which a delivery's own time may differ from ours.",
        pattern=r"^\d{1,5}$",
    ),
    Setting(
        name="api_url",
        label="API address",
        kind="url",
        default="https://api.bigcommerce.com",
        group="Advanced",
    ),
    Setting(
        name="quota",
        label="Requests in 30 seconds",
        kind="integer",
        default="150",
        group="Advanced",
        help="Used until the store says its own quota: 150 on Standard and Plus, 450 on Pro.",
        pattern=r"^\d{1,6}$",
    ),
    Setting(
        name="terms_attribute",
        label="Payment terms attribute",
        default="Payment terms",
        group="Advanced",
        help="The customer attribute that keeps a customer's payment terms. It is made when it is "
        "first needed.",
        max_length=255,
    ),
)

# Status ids are fixed; stores rename only the labels. Source: V2 orders, "Get All Order Statuses".
STATUSES = {
    "0": "Incomplete",
    "1": "Pending",
    "2": "Shipped",
    "3": "Partially Shipped",
    "4": "Refunded",
    "5": "Cancelled",
    "6": "Declined",
    "7": "Awaiting Payment",
    "8": "Awaiting Pickup",
    "9": "Awaiting Shipment",
    "10": "Completed",
    "11": "Awaiting Fulfillment",
    "12": "Manual Verification Required",
    "13": "Disputed",
    "14": "Partially Refunded",
}
PAYABLE = frozenset({"2", "3", "8", "9", "10", "11", "14"})
UNPAID = frozenset({"7", "12", "13"})
DEAD = frozenset({"0", "1", "4", "5", "6"})
REFUNDED = frozenset({"4", "14"})
