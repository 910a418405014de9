"""What a person fills in to connect a NAV server."""

from connectors.contract import Setting

PAGES, BETA, V1 = "odata", "api_beta", "api_v1"
WINDOWS, ACCESS_KEY, ENTRA = "windows", "access_key", "entra"
NOBODY, ACTION, CODEUNIT = "nobody", "action", "codeunit"
_GUID = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,239}$"
_SIGN_IN = "Sign-in"
_POSTING = "Posting"
_SERVICES = "Published page services"
_CUSTOMERS = "New customers"

# Our name of a page service -> (label, the usual service name, page number in NAV).
SERVICES = {
    "customer": ("Customer card", "Customer", 21),
    "item": ("Item card", "Item", 30),
    "order": ("Sales order", "SalesOrder", 42),
    "invoice": ("Sales invoice", "SalesInvoice", 43),
    "credit_memo": ("Sales credit memo", "SalesCreditMemo", 44),
    "posted_invoice": ("Posted sales invoice", "PostedSalesInvoice", 132),
    "posted_credit_memo": ("Posted sales credit memo", "PostedSalesCreditMemo", 134),
}
SETUP_SERVICE = ("General ledger setup", "GeneralLedgerSetup", 118)
# What only the flows of stock and prices need.
GOODS_SERVICES = {
    "entries": ("Item ledger entries", "ItemLedgerEntries", 38),
    "sales_prices": ("Sales prices", "SalesPrices", 7002),
}
_WITHOUT = {
    "setup": " Without it the local currency must be entered above.",
    "entries": " Without it every reading of stock takes all items.",
    "sales_prices": " Without it there are only the prices of item cards.",
}


def _service(name: str, label: str, default: str, page: int, *, required: bool) -> Setting:
    return Setting(
        name=f"service_{name}",
        label=label,
        default=default,
        required=required,
        help=f"Service name under Web Services of page {page}.{_WITHOUT.get(name, '')}",
        group=_SERVICES,
        pattern=_NAME,
    )


SETTINGS = (
    Setting(
        name="interface",
        label="Interface",
        kind="choice",
        choices=(
            (PAGES, "OData v4 page services"),
            (BETA, "API of NAV 2018 (beta): invoices only"),
            (V1, "API v1.0 (Business Central 14 and later)"),
        ),
        default=PAGES,
    ),
    Setting(
        name="base_url",
        label="Server address",
        kind="url",
        help="Host, port and server instance, without /ODataV4 or /api: "
        "https://nav.example.com:7048/DynamicsNAV110.",
    ),
    Setting(
        name="company",
        label="Company",
        required=False,
        help="Its exact name: capitals and a full stop at the end count. Ping once without it, "
        "then choose from the list.",
        max_length=100,
    ),
    Setting(
        name="tenant",
        label="Tenant",
        required=False,
        help="Only on a multitenant server that names the tenant in the address.",
        max_length=100,
    ),
    Setting(
        name="sign_in",
        label="Sign-in",
        kind="choice",
        choices=(
            (WINDOWS, "Windows account"),
            (ACCESS_KEY, "NAV user with web service access key or password"),
            (ENTRA, "Microsoft Entra application"),
        ),
        default=ACCESS_KEY,
        help="As the server instance's credential type says; it has one for all its users.",
    ),
    Setting(
        name="user",
        label="User name",
        required=False,
        help="Of the service account. For Windows: DOMAIN\\user or user@domain.",
        group=_SIGN_IN,
        max_length=160,
        sign_in=True,
    ),
    Setting(
        name="password",
        label="Password or web service access key",
        kind="secret",
        required=False,
        group=_SIGN_IN,
        sign_in=True,
    ),
    Setting(
        name="entra_tenant_id",
        label="Entra tenant ID",
        help="The directory ID of the company's Microsoft Entra tenant.",
        required=False,
        group=_SIGN_IN,
        pattern=_GUID,
    ),
    Setting(
        name="client_id",
        label="Application (client) ID",
        help="Of the Entra app registration, whose card must be in NAV.",
        required=False,
        group=_SIGN_IN,
        pattern=_GUID,
    ),
    Setting(
        name="client_secret",
        label="Client secret",
        kind="secret",
        required=False,
        group=_SIGN_IN,
        help="The secret's value. Entra shows it once.",
    ),
    Setting(
        name="certificate",
        label="Certificate authority",
        kind="certificate",
        required=False,
        help="If the server's certificate comes from the company's own authority: that "
        "authority's certificate, as PEM text.",
        max_length=40_000,
    ),
    Setting(
        name="local_currency",
        label="Currency of the books",
        required=False,
        help="Its ISO code, GBP for instance. Read from NAV where the interface offers it.",
        pattern=r"^[A-Z]{3}$",
    ),
    Setting(
        name="prices_include_tax",
        label="Documents of new customers have prices with VAT",
        kind="choice",
        choices=(("yes", "Yes"), ("no", "No")),
        default="no",
        help="The page services are told so. The API takes it from the customer card: there it "
        "must be as NAV's setup for new customers says.",
    ),
    Setting(
        name="posting",
        label="Documents are posted by",
        kind="choice",
        choices=(
            (NOBODY, "People or a job in NAV"),
            (ACTION, "An action of the page or API"),
            (CODEUNIT, "A codeunit published as a SOAP service"),
        ),
        default=NOBODY,
        help="NAV 2018 has no posting of its own in its web services: action or codeunit come "
        "from the customer's partner. A route that books posted documents needs one of them.",
    ),
    Setting(
        name="post_action",
        label="Name of the action",
        help="As in the service's metadata; API v1.0 has its own, Post.",
        default="Post",
        group=_POSTING,
        pattern=_NAME,
    ),
    Setting(
        name="soap_url",
        label="SOAP address",
        kind="url",
        required=False,
        help="Host, port and server instance, without /WS: "
        "https://nav.example.com:7047/DynamicsNAV110.",
        group=_POSTING,
    ),
    Setting(
        name="codeunit",
        label="Service name of the codeunit",
        help="Under Web Services, as the partner published it.",
        default="SalesPosting",
        group=_POSTING,
        pattern=_NAME,
    ),
    Setting(
        name="codeunit_invoice",
        label="Function that posts an invoice",
        help="It takes the draft's number and posts that invoice.",
        default="PostSalesInvoice",
        group=_POSTING,
        pattern=_NAME,
    ),
    Setting(
        name="codeunit_credit_memo",
        label="Function that posts a credit memo",
        help="It takes the draft's number and posts that credit memo.",
        default="PostSalesCreditMemo",
        group=_POSTING,
        pattern=_NAME,
    ),
    Setting(
        name="codeunit_parameter",
        label="Parameter that takes the document's number",
        help="Its name in both functions.",
        default="documentNo",
        group=_POSTING,
        pattern=_NAME,
    ),
    Setting(
        name="verify_field",
        label="Field that marks a new customer",
        required=False,
        help="A field of the customer page, or a property of the API's customers, by which "
        "finance finds customers to verify. Empty: Search_Name, or website in the API. A hyphen: "
        "new customers are not marked.",
        group=_CUSTOMERS,
        pattern=r"^(-|[A-Za-z_][A-Za-z0-9_]{0,127})$",
    ),
    Setting(
        name="verify_text",
        label="Mark of a new customer",
        default="VERIFY {name}",
        help="{name} stands for the customer's name.",
        group=_CUSTOMERS,
        max_length=80,
    ),
    *(
        _service(name, label, default, page, required=True)
        for name, (label, default, page) in SERVICES.items()
    ),
    _service("setup", *SETUP_SERVICE, required=False),
    *(
        _service(name, label, default, page, required=False)
        for name, (label, default, page) in GOODS_SERVICES.items()
    ),
    Setting(
        name="stock_locations",
        label="Locations whose stock is read",
        required=False,
        help="NAV's location codes, separated by commas, for stock by location. Empty: the sum "
        "over all locations. Page services only; the item page must show Location Filter.",
        group="Advanced",
        max_length=200,
    ),
    Setting(
        name="request_timeout_seconds",
        label="Longest wait for an answer (seconds)",
        kind="integer",
        default="60",
        group="Advanced",
        pattern=r"^\d{1,3}$",
    ),
    Setting(
        name="server_seconds",
        label="Longest work on one request (seconds)",
        kind="integer",
        default="600",
        group="Advanced",
        help="How long the server may go on with a request after we gave up waiting. A document "
        "without an answer is not sent again before this time is over.",
        pattern=r"^\d{1,4}$",
    ),
    Setting(
        name="requests_in_flight",
        label="Requests at the same time",
        kind="integer",
        default="2",
        group="Advanced",
        pattern=r"^[1-9]\d?$",
    ),
    Setting(
        name="entra_authority",
        label="Entra sign-in address",
        kind="url",
        default="https://login.microsoftonline.com",
        group="Advanced",
    ),
    Setting(
        name="entra_scope",
        label="Entra scope",
        help="As the server's ValidAudiences say, with /.default.",
        default="https://api.businesscentral.dynamics.com/.default",
        group="Advanced",
        max_length=200,
    ),
    Setting(
        name="web_client",
        label="Web client address",
        kind="url",
        required=False,
        group="Advanced",
        help="For links to documents: https://nav.example.com/DynamicsNAV110.",
    ),
)
