"""What a person fills in to connect an Adobe Commerce store."""

from collections.abc import Mapping

from connectors.contract import Setting

PAAS, SAAS = "paas", "saas"
EDITIONS = (
    (PAAS, "On cloud infrastructure, on-premises or Open Source (integration with OAuth)"),
    (SAAS, "As a Cloud Service (Adobe IMS credentials)"),
)
_CREDENTIAL = r"^[0-9a-z]{32}$"
_PUBLIC_KEY_LENGTH = 4000
IMS_SCOPES = (
    "openid,AdobeID,email,profile,additional_info.roles,"
    "additional_info.projectedProductContext,commerce.accs"
)

SETTINGS = (
    Setting(
        name="edition",
        label="Product",
        kind="choice",
        choices=EDITIONS,
        default=PAAS,
    ),
    Setting(
        name="api_url",
        label="Store address",
        kind="url",
        help="The shop's own address, for instance https://shop.example.com, without /rest. For "
        "the Cloud Service: the REST address with the tenant ID, as its instance details show it.",
    ),
    Setting(
        name="consumer_key",
        label="Consumer key",
        required=False,
        help="Of the integration under System, Extensions, Integrations. Not for the Cloud "
        "Service.",
        pattern=_CREDENTIAL,
    ),
    Setting(
        name="consumer_secret",
        label="Consumer secret",
        kind="secret",
        required=False,
        help="Of the same integration.",
        pattern=_CREDENTIAL,
    ),
    Setting(
        name="access_token",
        label="Access token",
        kind="secret",
        required=False,
        help="Of the same integration, shown once it is activated.",
        pattern=_CREDENTIAL,
    ),
    Setting(
        name="access_token_secret",
        label="Access token secret",
        kind="secret",
        required=False,
        help="Of the same integration.",
        pattern=_CREDENTIAL,
    ),
    Setting(
        name="ims_client_id",
        label="IMS client ID",
        required=False,
        help="Of the OAuth server-to-server credential in the Adobe Developer Console. For the "
        "Cloud Service only.",
        max_length=120,
    ),
    Setting(
        name="ims_client_secret",
        label="IMS client secret",
        kind="secret",
        required=False,
        help="Of the same credential. For the Cloud Service only.",
    ),
    Setting(
        name="ims_org_id",
        label="IMS organization ID",
        required=False,
        help="For instance 1A2B3C4D5E6F@AdobeOrg. For the Cloud Service only.",
        pattern=r"^[0-9A-Za-z]{6,40}@AdobeOrg$",
    ),
    Setting(
        name="store_ids",
        label="Store views",
        required=False,
        help="Numbers of the store views whose orders are carried, with commas between them; "
        "empty for all. A ping lists them.",
        pattern=r"^\d{1,5}(\s*,\s*\d{1,5})*$",
    ),
    Setting(
        name="order_numbers",
        label="Order numbers",
        kind="choice",
        choices=(
            ("increment", "As the store gives them"),
            ("store_and_increment", "With the store view's number before them"),
        ),
        default="increment",
        help="Commerce keeps numbers unique within a store view only. Choose the second form where "
        "several store views are connected and their numbers overlap; do not change it later.",
    ),
    Setting(
        name="currency",
        label="Amounts",
        kind="choice",
        choices=(
            ("order", "In the order's currency, as the shopper paid"),
            ("base", "In the website's base currency"),
        ),
        default="order",
        help="Commerce keeps every amount in both.",
    ),
    Setting(
        name="prices_include_tax",
        label="Catalogue prices include tax",
        kind="boolean",
        default="no",
        help="As set in the store under Tax, Calculation Settings. Orders do not say it.",
    ),
    Setting(
        name="attribute_set",
        label="Attribute set of new products",
        default="Default",
        help="Its name in the store. A ping lists them.",
        max_length=255,
    ),
    Setting(
        name="gtin_attribute",
        label="Attribute of barcodes",
        required=False,
        help="The code of the product attribute that holds the barcode, ean for instance. Without "
        "it no barcode is read or written.",
        pattern=r"^[a-z][a-z0-9_]{0,59}$",
    ),
    Setting(
        name="webhook_public_key",
        label="Webhook public key",
        kind="public_key",
        required=False,
        help="From Stores, Configuration, Adobe Services, Webhooks: Copy public key. With it only "
        "signed deliveries are believed; without it the hook's own secret header must come back.",
        max_length=_PUBLIC_KEY_LENGTH,
    ),
    Setting(
        name="webhook_public_key_previous",
        label="Previous webhook public key",
        kind="public_key",
        required=False,
        help="Keep the old key here for a while after the key pair was made anew.",
        max_length=_PUBLIC_KEY_LENGTH,
        group="Advanced",
    ),
    Setting(
        name="events_public_keys",
        label="Adobe I/O Events public keys",
        kind="public_key",
        required=False,
        help="The PEM texts from static.adobeioevents.com that deliveries name in their headers, "
        "one after the other. Needed only where I/O Events bring the news.",
        max_length=3 * _PUBLIC_KEY_LENGTH,
        group="Advanced",
    ),
    Setting(
        name="events_client_id",
        label="Client ID of the events project",
        required=False,
        help="Of the Developer Console project that sends I/O Events, where it is not the one "
        "above. Events of other projects are refused.",
        max_length=120,
        group="Advanced",
    ),
    Setting(
        name="store_code",
        label="Store view of API calls",
        default="default",
        group="Advanced",
        help="The code in the API's path or Store header. Orders of every store view are read "
        "whatever it is.",
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$",
    ),
    Setting(
        name="page_size",
        label="Records in one page",
        kind="integer",
        default="100",
        group="Advanced",
        help="At most 300. Where the store allows fewer, its own limit is taken.",
        pattern=r"^([1-9]\d?|[12]\d\d|300)$",
    ),
    Setting(
        name="batch_size",
        label="Rows in one call",
        kind="integer",
        default="100",
        group="Advanced",
        help="Of prices and stock, at most 500. Where the store's input limits allow fewer, its "
        "own limit is taken.",
        pattern=r"^([1-9]\d?|[1-4]\d\d|500)$",
    ),
    Setting(
        name="price_store_id",
        label="Store view of prices",
        kind="integer",
        default="0",
        group="Advanced",
        help="0 writes the price of all websites. Where the store keeps prices by website: the "
        "number of a store view of the website that this connection is for.",
        pattern=r"^\d{1,5}$",
    ),
    Setting(
        name="bulk",
        label="Write products and stock in bulk",
        kind="boolean",
        default="no",
        group="Advanced",
        help="Through the store's message queue, which is faster for thousands of rows. Its "
        "consumers (async.operations.all) must run, or nothing is ever written.",
    ),
    Setting(
        name="bulk_wait_seconds",
        label="Longest wait for a bulk (seconds)",
        kind="integer",
        default="300",
        group="Advanced",
        help="What the queue has not done by then is looked at again with the next run.",
        pattern=r"^[1-9]\d{0,3}$",
    ),
    Setting(
        name="requests_in_flight",
        label="Requests at the same time",
        kind="integer",
        default="4",
        group="Advanced",
        pattern=r"^[1-9]\d?$",
    ),
    Setting(
        name="requests_per_minute",
        label="Requests in a minute",
        kind="integer",
        default="300",
        group="Advanced",
        help="Adobe publishes no limit; ask whoever hosts the store for theirs.",
        pattern=r"^[1-9]\d{0,4}$",
    ),
    Setting(
        name="request_timeout_seconds",
        label="Longest wait for an answer (seconds)",
        kind="integer",
        default="45",
        group="Advanced",
        pattern=r"^[1-9]\d{0,2}$",
    ),
    Setting(
        name="ims_url",
        label="IMS address",
        kind="url",
        default="https://ims-na1.adobelogin.com",
        group="Advanced",
    ),
    Setting(
        name="ims_scopes",
        label="IMS scopes",
        help="What the credential's token is asked for, as Adobe lists them for the Cloud Service.",
        default=IMS_SCOPES,
        group="Advanced",
    ),
)


def store_ids(values: Mapping[str, str]) -> tuple[int, ...]:
    """The store views that a connection is for; empty for all."""
    text = values.get("store_ids") or ""
    return tuple(sorted({int(part) for part in text.split(",") if part.strip()}))


# The state is fixed by the vendor, the status beneath it is the merchant's label. "fraud" is a
# status that Commerce itself sets, under more than one state.
STATUSES = {
    "new": "New",
    "pending_payment": "Pending payment",
    "payment_review": "Payment review",
    "processing": "Processing",
    "complete": "Complete",
    "holded": "On hold",
    "closed": "Closed",
    "canceled": "Canceled",
    "fraud": "Suspected fraud",
}
PAYABLE = frozenset({"processing", "complete"})
UNPAID = frozenset({"new", "pending_payment", "payment_review", "holded"})
DEAD = frozenset({"canceled", "closed", "fraud"})
REFUNDED = frozenset({"closed"})
